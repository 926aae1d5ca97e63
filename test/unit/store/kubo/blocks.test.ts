import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { rawBlock } from '../../../../src/dag/blocks.ts'
import { createNode } from '../../../../src/store/kubo/node.ts'
import { AnsweringNode, kuboError, lines } from '../../../support/answering-node.ts'

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
