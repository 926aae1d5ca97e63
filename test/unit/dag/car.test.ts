import { expect, test } from 'bun:test'
import { CarReader } from '@ipld/car'
import { dagPbBlock, rawBlock } from '../../../src/dag/blocks.ts'
import { carBlocks, carHeader, carSection, deltaBase, deltaMark } from '../../../src/dag/car.ts'
import { noise } from '../../support/images.ts'

const blocks = [0, 1, 127, 128, 70_000].map((size) => rawBlock(noise(size, `${size}`)))
const root = blocks[1]?.cid ?? rawBlock(new Uint8Array(0)).cid

async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

test('a CAR in pieces is one that others read', async () => {
  const car = Buffer.concat([carHeader([root]), ...blocks.flatMap(carSection)])
  const read = await CarReader.fromBytes(car)
  expect((await read.getRoots()).map(String)).toEqual([root.toString()])
  const all = await Array.fromAsync(read.blocks())
  expect(all.map(({ bytes }) => bytes.length)).toEqual([0, 1, 127, 128, 70_000])
  const streamed = await Array.fromAsync(carBlocks(inPieces(car, 1000)))
  expect(streamed.map(({ cid }) => cid.toString())).toEqual(blocks.map(({ cid }) => cid.toString()))
})

test('a header may name no root', async () => {
  const read = await CarReader.fromBytes(Buffer.concat([carHeader([]), ...blocks.flatMap(carSection)]))
  expect(await read.getRoots()).toEqual([])
})

test('a section has its length, its CID and its bytes', () => {
  const block = rawBlock(Buffer.alloc(200))
  const [length, cid, bytes] = carSection(block)
  expect([...(length ?? [])]).toEqual([0xec, 0x01])
  expect(cid).toEqual(block.cid.bytes)
  expect(bytes).toBe(block.bytes)
})

test('the mark of a CAR that is to be added to another says to which', () => {
  expect(deltaBase(deltaMark(root))?.toString()).toBe(root.toString())
})

const mark = `{"docker-ipfs-delta":1,"since":"${root}"}`
test.each([
  ['another block', rawBlock(Buffer.from('x'))],
  ['a node with these bytes', dagPbBlock(Buffer.from(mark))],
  ['one with more', rawBlock(Buffer.from(` ${mark}`))],
  ['one of a later kind', rawBlock(Buffer.from(mark.replace(':1,', ':2,')))],
  ['one without a CID', rawBlock(Buffer.from(mark.replace(`${root}`, 'bafy')))],
])('%s is no such mark', (_, block) => {
  expect(deltaBase(block)).toBeUndefined()
})
