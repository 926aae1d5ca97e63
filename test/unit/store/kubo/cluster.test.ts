import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { rawBlock } from '../../../../src/dag/blocks.ts'
import { clusterAt, pinInCluster } from '../../../../src/store/kubo/cluster.ts'
import { createNode } from '../../../../src/store/kubo/node.ts'
import { AnsweringNode, kuboError, lines } from '../../../support/answering-node.ts'

/** What IPFS Cluster 1.1.6 and Kubo 0.43 were heard to answer. */
const node = new AnsweringNode()
beforeEach(() => node.reset())
afterAll(() => node.close())
const signal = new AbortController().signal
const BLOCK = rawBlock(Buffer.from('block'))
const headers = { server: 'ipfs-cluster/ipfsproxy/1.1.6' }
const error = (Message: string) => Response.json({ Message, Code: 0, Type: 'error' }, { status: 500, headers })
const NOT_PINNED = "path 'bafkqaaa' is not pinned"

describe("a cluster's proxy", () => {
  test.each([
    ['is one', () => error(`Error: ${NOT_PINNED}`), true],
    ['is one behind a proxy that hides its header', () => kuboError(`Error: ${NOT_PINNED}`), true],
    ['is one that has no answer', () => error('not enough peers'), true],
    ['is none: Kubo', () => kuboError(NOT_PINNED), false],
    ['is none: a node where that is pinned', () => Response.json({ Keys: { bafkqaaa: { Type: 'recursive' } } }), false],
    ['is none: a token that may not ask', () => new Response('403 - Access denied', { status: 403 }), false],
    ['is none: nginx', () => new Response('<html>', { status: 502, headers: { server: 'nginx' } }), false],
  ])('%s', async (_, answer, is) => {
    node.says['pin/ls'] = answer
    expect(await clusterAt(node.endpoint)(signal)).toBe(is)
    expect(node.asked).toEqual(['pin/ls?arg=bafkqaaa&type=recursive'])
  })

  test('is looked for once, and anew after an error', async () => {
    const isCluster = clusterAt(node.endpoint)
    const reason = new Error('stopped')
    await expect(isCluster(AbortSignal.abort(reason))).rejects.toBe(reason)
    node.says['pin/ls'] = () => error(NOT_PINNED)
    expect(await Promise.all([isCluster(signal), isCluster(signal)])).toEqual([true, true])
    expect(await isCluster(signal)).toBe(true)
    expect(node.asked).toHaveLength(1)
  })

  test('is not passed over where nobody answers', async () => {
    const nowhere = clusterAt({ url: 'http://127.0.0.1:1', source: '--api' })
    await expect(nowhere(signal)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  })
})

describe('a pin in a cluster', () => {
  test('is one that it confirms', async () => {
    node.says['pin/add'] = () => Response.json({ Pins: [`${BLOCK.cid}`] }, { headers })
    await pinInCluster(BLOCK.cid, 'a name', node.endpoint, signal)
    expect(node.asked).toEqual([`pin/add?arg=${BLOCK.cid}&name=a%20name`])
  })

  test.each([
    [
      'has too few nodes',
      () => error('not enough peers to allocate CID'),
      /answered: not enough peers to allocate CID$/,
    ],
    ['names another root', () => Response.json({ Pins: ['x'] }), /it does not confirm the pin$/],
    ['says nothing', () => new Response(''), /it does not confirm the pin$/],
  ])('is none where it %s', async (_, answer, message) => {
    node.says['pin/add'] = answer
    await expect(pinInCluster(BLOCK.cid, '', node.endpoint, signal)).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: expect.stringMatching(message),
      hint: expect.stringContaining('ipfs-cluster-ctl'),
    })
  })
})

describe('an import', () => {
  const imported = async () => {
    const session = createNode(node.endpoint).blocks.openImport(signal)
    await session.put(BLOCK)
    return session.finish(BLOCK.cid)
  }
  beforeEach(() => {
    const Stats = { BlockCount: 1, BlockBytesCount: BLOCK.bytes.length }
    node.says['dag/import'] = () => lines({ Root: { Cid: { '/': `${BLOCK.cid}` } } }, { Stats })
  })

  test('is pinned in the cluster too, where it came through its proxy', async () => {
    node.says['pin/ls'] = () => error(NOT_PINNED)
    node.says['pin/add'] = () => Response.json({ Pins: [`${BLOCK.cid}`] })
    expect(await imported()).toMatchObject({ blocks: 1 })
    expect(node.asked.filter((call) => call.startsWith('pin/add'))).toEqual([`pin/add?arg=${BLOCK.cid}&name=`])
  })

  test('has failed where the cluster does not pin it', async () => {
    node.says['pin/ls'] = () => error(NOT_PINNED)
    node.says['pin/add'] = () => error('not enough peers to allocate CID')
    await expect(imported()).rejects.toMatchObject({ code: 'NODE_FAILED' })
  })

  test('is pinned once by a node', async () => {
    node.says['pin/ls'] = () => kuboError(NOT_PINNED)
    await imported()
    expect(node.asked.some((call) => call.startsWith('pin/add'))).toBe(false)
  })
})
