import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContext, pipeOf, readText } from '../../../src/cli/context.ts'
import { readEnvironment } from '../../../src/cli/environment.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-context-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the standard input', () => {
  async function* bytes() {
    yield Buffer.from('piped')
  }

  test('can be read once', async () => {
    const read: string[] = []
    for await (const part of pipeOf(bytes)(1)()) read.push(Buffer.from(part).toString())
    expect(read).toEqual(['piped'])
    expect(() => pipeOf(bytes)(2)).toThrow('the standard input can be read only once')
  })

  test('is no terminal, but where nobody wants to read it', () => {
    const pipe = pipeOf(() => Object.assign(bytes(), { isTTY: true }))
    expect(() => pipe(1)).toThrow('requested load from stdin, but stdin is empty')
    expect(() => pipe(0)).not.toThrow()
  })

  test('is not opened before somebody wants to read it', () => {
    let opened = 0
    const pipe = pipeOf(() => {
      opened += 1
      return bytes()
    })
    pipe(0)
    expect(opened).toBe(0)
  })
})

test('a file that the user named is read as text, and one that cannot be read is an error of its own', async () => {
  const file = join(folder, 'swarm.key')
  writeFileSync(file, 'text')
  expect(await readText(file)).toBe('text')
  await expect(readText(folder)).rejects.toMatchObject({
    code: 'FILE_FAILED',
    message: expect.stringContaining(`cannot read ${folder}: `),
  })
})

describe('a context', () => {
  const environment = readEnvironment([], {
    ...{ HOME: folder, PATH: '/nowhere' },
    DOCKER_HOST: 'unix:///nowhere.sock',
    DOCKER_IPFS_NODE: 'off',
  })
  const { signal } = new AbortController()
  const context = createContext({ environment, dockerGlobals: [], signal, startsNode: true })
  const flags = { api: 'http://127.0.0.1:1', quiet: true, progress: 'auto' } as const

  test('connects without waiting for the engine or the node that are named', async () => {
    const { found, node, gateways, report } = await context.connect(flags, 'app:1')
    expect(node.address).toContain('127.0.0.1:1')
    expect(gateways).toBeUndefined()
    report({ type: 'warning', text: 'nobody hears this' })
    await expect(found ?? Promise.resolve('not asked')).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
    await expect(node.version(signal)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  })

  test('connects to the gateways that a flag names', async () => {
    const { gateways, found } = await context.connect({ ...flags, gateway: ['http://127.0.0.1:1'], timeout: 1000 })
    expect({ urls: gateways?.urls, found }).toEqual({ urls: ['http://127.0.0.1:1'], found: undefined })
  })

  test('does not connect to an address that cannot be read, and leaves nothing behind', async () => {
    await expect(context.connect({ ...flags, api: '5001' }, 'app:1')).rejects.toMatchObject({ code: 'BAD_FLAG' })
  })

  test('has the node of our own, and what the doctor looks at', async () => {
    const { managed } = await context.ownNode()
    expect(await managed.find(signal)).toBeUndefined()
    expect((await context.patient(undefined)).config.inEffect).toEqual(['DOCKER_IPFS_NODE is set'])
  })
})
