import { afterAll, beforeEach, expect, test } from 'bun:test'
import { createClient } from '../../../../src/store/kubo/client.ts'
import { KuboTraffic } from '../../../../src/store/kubo/traffic.ts'
import { AnsweringNode, kuboError } from '../../../support/answering-node.ts'

const node = new AnsweringNode()
beforeEach(() => node.reset())
afterAll(() => node.close())
const traffic = new KuboTraffic(createClient(node.endpoint), node.endpoint, async () => false)
const signal = new AbortController().signal

const bitswap = () =>
  Response.json({
    BlocksReceived: 2,
    DataReceived: 300,
    BlocksSent: 0,
    DataSent: 0,
    DupBlksReceived: 0,
    DupDataReceived: 0,
  })

test('bytes of blocks are those of bitswap', async () => {
  node.says['bitswap/stat'] = bitswap
  expect(await traffic.bytesFetched(signal)).toBe(300)
})

test.each([
  ['as the node counts them', () => Response.json({ TotalIn: 4000 }), 4000],
  ['of blocks where it does not count them', () => Response.json({ TotalIn: null }), 300],
  ['of blocks where it does not tell them', () => kuboError('bandwidth reporter disabled in config'), 300],
])('all bytes are told %s', async (_, answer, bytes) => {
  node.says['stats/bw'] = answer
  node.says['bitswap/stat'] = bitswap
  expect(await traffic.bytesReceived(signal)).toBe(bytes)
})

test('a cluster tells the sum of its nodes, which is no size of a repository', async () => {
  const cluster = new KuboTraffic(createClient(node.endpoint), node.endpoint, async () => true)
  expect(await cluster.repoSize(signal)).toBeUndefined()
  expect(node.asked).toEqual([])
})

test.each([[{ StorageMax: 100 }], [{ RepoSize: null }], [{ RepoSize: '12' }], [[]]])(
  'the size is not known where the answer is %j',
  async (answer) => {
    node.says['repo/stat'] = () => Response.json(answer)
    expect(await traffic.repoSize(signal)).toBeUndefined()
  },
)

test('the size of the repository is told', async () => {
  node.says['repo/stat'] = () => Response.json({ RepoSize: 12, NumObjects: 1, StorageMax: 100 })
  expect(await traffic.repoSize(signal)).toBe(12)
})

test('a node that does not answer so has failed', async () => {
  await expect(traffic.repoSize(signal)).rejects.toMatchObject({ code: 'NODE_FAILED' })
})
