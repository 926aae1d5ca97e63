import { afterAll, expect, test } from 'bun:test'
import { createNode } from '../../../../src/store/kubo/node.ts'
import { askVersion } from '../../../../src/store/kubo/version.ts'
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
