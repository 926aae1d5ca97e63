import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '../../../../../src/store/kubo/client.ts'
import { createHealth } from '../../../../../src/store/kubo/health/health.ts'
import { CALLS, isDenial, toAllow } from '../../../../../src/store/kubo/health/rights.ts'
import { call } from '../../../../../src/store/kubo/rpc.ts'
import { AnsweringNode } from '../../../../support/answering-node.ts'

const node = new AnsweringNode()
beforeEach(() => node.reset())
afterAll(() => node.close())
const signal = new AbortController().signal
const withToken = () => ({ ...node.endpoint, authorization: 'Bearer x' })
const denial = (status = 403) => new Response('Kubo RPC Access Denied', { status })
const version = () => Response.json({ Version: '0.43.0' })

describe('a call that is answered with 403', () => {
  test.each([
    ['Bearer x', 'to this token'],
    ['Basic x', 'to this user'],
    [undefined, 'without a token'],
  ])('is named where the version is told to %p', async (authorization, who) => {
    node.says['version'] = version
    node.says['files/stat'] = () => denial()
    const endpoint = { ...node.endpoint, ...(authorization && { authorization }) }
    const message = `the IPFS node at ${endpoint.url} does not allow /api/v0/files/stat ${who}`
    const hint = expect.stringContaining('"/api/v0/files"')
    const denied = { code: 'NODE_DENIED', message, hint }
    await expect(call(endpoint, { path: 'files/stat?arg=/a', signal })).rejects.toMatchObject(denied)
    await expect(createClient(endpoint).files.stat('/a', { signal })).rejects.toMatchObject(denied)
  })

  test.each([401, 403])('as the version is, with %d, does not let us in', async (status) => {
    node.says['version'] = () => denial(status)
    node.says['id'] = () => denial(status)
    const message = `the IPFS node at ${node.endpoint.url} does not let us in (HTTP status ${status})`
    for (const path of ['version', 'id']) {
      const wrong = { code: 'NODE_DENIED', message, hint: expect.stringMatching(/^Check its token/) }
      await expect(call(withToken(), { path, signal })).rejects.toMatchObject(wrong)
      const none = { code: 'NODE_DENIED', message, hint: expect.stringMatching(/^Give its token/) }
      await expect(call(node.endpoint, { path, signal })).rejects.toMatchObject(none)
    }
  })

  test('of our own node is mended by a restart', async () => {
    node.says['version'] = () => denial()
    node.says['id'] = () => denial()
    const hint = 'Its secret is lost or another one: "docker ipfs node restart" makes one that fits.'
    const own = { ...node.endpoint, authorization: 'Basic x', isManaged: true }
    await expect(call(own, { path: 'id', signal })).rejects.toMatchObject({ code: 'NODE_DENIED', hint })
  })

  test('ends with the reason of who stops meanwhile', async () => {
    const reason = new Error('stopped')
    const stop = new AbortController()
    node.says['id'] = () => denial()
    node.says['version'] = () => {
      stop.abort(reason)
      return new Promise<Response>(() => undefined)
    }
    await expect(call(withToken(), { path: 'id', signal: stop.signal })).rejects.toBe(reason)
  })
})

test('no other status is a denial', () => {
  expect([200, 400, 401, 402, 403, 404, 405, 407, 500].filter(isDenial)).toEqual([401, 403])
})

describe('what is to be added', () => {
  const authorization = 'Bearer x'
  test.each([
    [['files/cp', 'files/stat'], ['"/api/v0/files"']],
    [
      ['dag/import', 'cat'],
      ['"/api/v0/dag"', '"/api/v0/cat"'],
    ],
    [['repo/stat'], ['"/api/v0/repo/stat"']],
  ])('for %j is %j', (calls, paths) => {
    expect(toAllow(calls, { authorization })).toStartWith(`Add ${paths.join(', ')} to its AllowedPaths`)
    expect(toAllow(calls, {})).toStartWith(`Let ${paths.join(', ')} pass`)
  })
})

describe('what is not allowed', () => {
  test('is found by calls that ask for nothing', async () => {
    node.says['version'] = version
    for (const command of Object.values(CALLS).flat()) {
      node.says[command] = () => (command.startsWith('files/') ? denial() : new Response('no bool', { status: 400 }))
    }
    expect(await createHealth(withToken()).denied(signal)).toEqual([
      {
        right: 'catalogue',
        calls: ['files/cp', 'files/flush', 'files/rm', 'files/stat', 'files/write'],
        todo: expect.stringContaining('"/api/v0/files"'),
      },
    ])
    const calls = node.asked.filter((one) => one !== 'version')
    expect(calls.toSorted()).toEqual([...new Set(Object.values(CALLS).flat())].map((one) => `${one}?offline=no`).sort())
  })

  test('is nothing where there is no such call, where one is answered, and where the node fails', async () => {
    node.says['cat'] = () => new Response('bytes')
    node.says['ls'] = () => new Response('oops', { status: 500 })
    expect(await createHealth(node.endpoint).denied(signal)).toEqual([])
  })

  test('is all where nothing but the version is allowed', async () => {
    node.says['version'] = version
    for (const command of Object.values(CALLS).flat()) node.says[command] = () => denial()
    const denied = await createHealth(withToken()).denied(signal)
    expect(Object.fromEntries(denied.map(({ right, calls }) => [right, calls]))).toEqual(CALLS)
  })

  test('cannot be told where nobody answers', async () => {
    const nobody = createHealth({ url: 'http://127.0.0.1:1', source: '--api' })
    await expect(nobody.denied(signal)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  })
})

test('every call that the room makes is among those that are asked about', () => {
  const room = join(import.meta.dir, '../../../../../src/store/kubo')
  const paths = readdirSync(room, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const text = paths.map((path) => readFileSync(join(room, path), 'utf8')).join('\n')
  const plain = [...text.matchAll(/[`']([a-z]+(?:\/[a-z]+)*)\?(?:[a-z-]+=|\$)/g)].map(([, command]) => command ?? '')
  const posted = [...text.matchAll(/(?:post|ask)\('([a-z/]+)'/g)].map(([, command]) => command ?? '')
  const client = [...text.matchAll(/#?client\.([a-z]+)\.([a-z]+)\(/g)].map(([, part, method]) => `${part}/${method}`)
  const made = new Set([...plain, ...posted, ...client])
  expect(made.size).toBeGreaterThan(25)
  const asked = new Set(Object.values(CALLS).flat())
  // Before Kubo 0.43, in place of provide/once.
  expect([...made].filter((command) => !asked.has(command))).toEqual(['routing/provide'])
  expect([...asked].filter((command) => !made.has(command))).toEqual([])
})
