import { afterAll, expect, test } from 'bun:test'
import { createNode } from '../../../../src/store/kubo/node.ts'
import { askIdentity, askVersion } from '../../../../src/store/kubo/version.ts'
import { AnsweringNode } from '../../../support/answering-node.ts'

const node = new AnsweringNode()
afterAll(() => node.close())
const signal = new AbortController().signal

test.each(['0.23.0', '0.43.0', '1.0.0-rc1'])('Kubo %s is let in', async (version) => {
  node.says['version'] = () => Response.json({ Version: version, Commit: '' })
  expect(await askVersion(node.endpoint, signal)).toBe(version)
  expect(await createNode(node.endpoint).version(signal)).toBe(version)
})

test.each([
  ['0.22.0', { Version: '0.22.0' }, 'is Kubo 0.22.0, which is too old'],
  ['something else', { version: '2.0' }, "does not answer as Kubo's RPC API does (no version)"],
])('%s is not', async (_, answer, words) => {
  node.says['version'] = () => Response.json(answer)
  await expect(askVersion(node.endpoint, signal)).rejects.toMatchObject({
    code: 'NODE_FAILED',
    message: expect.stringContaining(words),
  })
})

test('a node is called by its address in messages', () => {
  expect(createNode(node.endpoint).address).toBe(node.endpoint.url)
})

test('who a node is it says itself; what is no node says nothing', async () => {
  node.says['id'] = () => Response.json({ ID: 'peer' })
  expect(await askIdentity(node.endpoint, signal)).toEqual({ peerId: 'peer' })
  for (const status of [401, 403]) {
    node.says['id'] = () => new Response('{"ID":"peer"}', { status })
    expect(await askIdentity(node.endpoint, signal)).toBe('refused')
  }
  for (const [text, status] of [
    ['{"ID":"peer"}', 500],
    ['[]', 200],
    ['{"ID":5}', 200],
  ] as const) {
    node.says['id'] = () => new Response(text, { status })
    expect(await askIdentity(node.endpoint, signal)).toBeUndefined()
  }
  const nobody = { url: 'http://127.0.0.1:1', source: '--api' }
  await expect(askIdentity(nobody, signal)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
})
