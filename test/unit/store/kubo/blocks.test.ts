import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { encode, prepare } from '@ipld/dag-pb'
import { dagPbBlock, rawBlock } from '../../../../src/dag/blocks.ts'
import { createNode } from '../../../../src/store/kubo/node.ts'
import { AnsweringNode, kuboError, lines } from '../../../support/answering-node.ts'
import { OTHER_HASHES, otherHash } from '../../../support/other-hash.ts'

/** What the port promises is held against a real Kubo, by test/e2e/conformance.test.ts; here is what only a strange one says. */
const node = new AnsweringNode()
beforeEach(() => node.reset())
afterAll(() => node.close())
const { blocks } = createNode(node.endpoint)
const signal = new AbortController().signal
const BLOCK = rawBlock(Buffer.from('block'))
const LOST = () => kuboError('block was not found locally (offline): ipld: could not find')

describe('a block', () => {
  test('is asked for where others may have it, or of the node alone', async () => {
    node.says['block/get'] = () => new Response(BLOCK.bytes)
    expect(Buffer.from(await blocks.block(BLOCK.cid, signal)).toString()).toBe('block')
    expect(Buffer.from((await blocks.ownBlock(BLOCK.cid, signal)) ?? []).toString()).toBe('block')
    expect(node.asked).toEqual([`block/get?arg=${BLOCK.cid}`, `block/get?arg=${BLOCK.cid}&offline=true`])
  })

  test('that the node lacks is not at hand', async () => {
    node.says['block/get'] = LOST
    node.says['block/stat'] = LOST
    expect(await blocks.ownBlock(BLOCK.cid, signal)).toBeUndefined()
    expect(await blocks.hasBlock(BLOCK.cid, signal)).toBe(false)
    await expect(blocks.block(BLOCK.cid, signal)).rejects.toMatchObject({ code: 'NODE_FAILED' })
  })

  test.each([
    ['other bytes', Buffer.from('other')],
    ['too many bytes', Buffer.alloc(3_000_000)],
  ])('is none where the node gives %s', async (_, bytes) => {
    node.says['block/get'] = () => new Response(bytes)
    await expect(blocks.block(BLOCK.cid, signal)).rejects.toMatchObject({ code: 'INTEGRITY' })
    await expect(blocks.ownBlock(BLOCK.cid, signal)).rejects.toMatchObject({ code: 'INTEGRITY' })
  })

  test('is not known to be lost where the node is gone', async () => {
    const gone = createNode({ url: 'http://127.0.0.1:1', source: '--api' }).blocks
    for (const ask of [gone.ownBlock.bind(gone), gone.hasBlock.bind(gone)]) {
      await expect(ask(BLOCK.cid, signal)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
    }
  })
})

describe('what is below a node', () => {
  const folder = encode(prepare({ Data: Buffer.from([8, 1]), Links: [{ Name: 'leaf', Tsize: 5, Hash: BLOCK.cid }] }))

  test.each(Object.entries(OTHER_HASHES))(
    'is as the place says it where the hash is %s, that no image has',
    async (_, code) => {
      node.says['block/get'] = () => new Response(folder)
      const cid = otherHash(folder, code)
      expect(await blocks.below(cid, signal)).toMatchObject({ bytes: folder.length, leafBytes: [5], nodes: [] })
      expect(node.asked).toEqual([`block/get?arg=${cid}&offline=true`])
      await expect(blocks.ownBlock(cid, signal)).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
    },
  )

  test('is held against the CID where that is one of images, however large the folder is', async () => {
    const { cid } = dagPbBlock(folder)
    node.says['block/get'] = () => new Response(folder)
    expect((await blocks.below(cid, signal))?.leafBytes).toEqual([5])
    const Links = Array.from({ length: 50_000 }, (_, at) => ({ Name: `${10_000 + at}`, Tsize: 1, Hash: BLOCK.cid }))
    const large = encode(prepare({ Data: Buffer.from([8, 1]), Links }))
    expect(large.length).toBeGreaterThan(2 * 1024 * 1024)
    node.says['block/get'] = () => new Response(large)
    expect((await blocks.below(dagPbBlock(large).cid, signal))?.leaves).toHaveLength(50_000)
    await expect(blocks.below(cid, signal)).rejects.toMatchObject({ code: 'INTEGRITY' })
  })

  test('is nothing where it is lost', async () => {
    node.says['block/get'] = LOST
    expect(await blocks.below(otherHash('x'), signal)).toBeUndefined()
  })
})

test('a file is asked for by its path, with the range', async () => {
  node.says['cat'] = () => new Response('bytes')
  const file = { root: BLOCK.cid, path: ['a b', 'c&d'] }
  await Array.fromAsync(blocks.cat(file, signal, { offset: 3, length: 5 }))
  await Array.fromAsync(blocks.cat(file, signal))
  const path = `cat?arg=%2Fipfs%2F${BLOCK.cid}%2Fa%20b%2Fc%26d`
  expect(node.asked).toEqual([`${path}&offset=3&length=5`, path])
})

describe('what is below a block', () => {
  test('is told one by one', async () => {
    node.says['refs'] = () => lines({ Ref: 'a', Err: '' }, { Ref: 'b', Err: '' })
    expect(await Array.fromAsync(blocks.fetchBelow(BLOCK.cid, signal, 2))).toHaveLength(2)
    expect(node.asked).toEqual([`refs?arg=${BLOCK.cid}&recursive=true&max-depth=2`])
  })

  test('is not all there where the node says so in the end', async () => {
    node.says['refs'] = () => lines({ Ref: 'a', Err: '' }, { Ref: '', Err: 'ipld: could not find x' })
    await expect(Array.fromAsync(blocks.fetchBelow(BLOCK.cid, signal))).rejects.toMatchObject({ code: 'NODE_FAILED' })
  })
})
