import { describe, expect, test } from 'bun:test'
import { encode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import { identity } from 'multiformats/hashes/identity'
import {
  blockKey,
  checkBlock,
  childrenOf,
  dagPbBlock,
  fileFrom,
  isLeaf,
  linksOf,
  matches,
  partsOf,
  rawBlock,
  readDirectory,
} from '../../../src/dag/blocks.ts'
import { joinFile, leafNode, writeDirectory } from '../../../src/format/files.ts'
import { MemorySink } from '../../support/memory-sink.ts'

const leaf = rawBlock(Buffer.from('leaf'))
const other = rawBlock(Buffer.from('other'))
const nonsense = dagPbBlock(Buffer.from('no dag-pb'))

describe('a block', () => {
  test('is held against its CID', () => {
    checkBlock(leaf)
    expect(matches(leaf)).toBe(true)
    const wrong = { cid: leaf.cid, bytes: other.bytes }
    expect(matches(wrong)).toBe(false)
    expect(() => checkBlock(wrong)).toThrow(expect.objectContaining({ code: 'INTEGRITY' }))
  })

  test('with another hash than sha2-256 is none of ours', () => {
    // A CID that holds the bytes themselves.
    const cid = CID.createV1(0x55, identity.digest(Buffer.from('leaf')))
    expect(matches({ cid, bytes: leaf.bytes })).toBe(false)
    expect(() => checkBlock({ cid, bytes: leaf.bytes })).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }))
  })

  test('has one key, whatever its codec', () => {
    expect(blockKey(CID.createV1(0x70, leaf.cid.multihash))).toBe(blockKey(leaf.cid))
    expect(blockKey(other.cid)).not.toBe(blockKey(leaf.cid))
  })

  test('is a leaf where it is nothing but bytes', () => {
    expect([leaf, nonsense].map(({ cid }) => isLeaf(cid))).toEqual([true, false])
  })
})

/** The block of something that was written. */
async function written(write: (sink: MemorySink) => Promise<{ readonly cid: CID }>) {
  const sink = new MemorySink()
  const { cid } = await write(sink)
  return { cid, bytes: sink.blocks.get(cid.toString()) ?? new Uint8Array(0) }
}
const folder = await written((sink) => writeDirectory(new Map([['a', leafNode(leaf)]]), sink))
const file = await written((sink) => joinFile([leafNode(leaf), leafNode(other)], sink))

describe('a directory', () => {
  test('has entries', () => {
    expect([...(readDirectory(folder) ?? [])].map(([name, cid]) => [name, cid.toString()])).toEqual([
      ['a', leaf.cid.toString()],
    ])
    expect(linksOf(folder).map(({ size }) => size)).toEqual([leaf.bytes.length])
  })

  test.each([
    ['a leaf', leaf],
    ['a file', file],
    ['nonsense', nonsense],
    ['a node without data', dagPbBlock(encode({ Links: [] }))],
  ])('is not %s', (_, block) => {
    expect(readDirectory(block)).toBeUndefined()
  })
})

describe('a file node', () => {
  test('has parts with their sizes', () => {
    expect(partsOf(file)).toEqual([
      { cid: leaf.cid, size: 4 },
      { cid: other.cid, size: 5 },
    ])
    expect(childrenOf(file).map(String)).toEqual([leaf.cid.toString(), other.cid.toString()])
  })

  const data = (options: ConstructorParameters<typeof UnixFS>[0], links = [leaf]) =>
    dagPbBlock(
      encode({
        Data: new UnixFS(options).marshal(),
        Links: links.map(({ cid, bytes }) => ({ Hash: cid, Name: '', Tsize: bytes.length })),
      }),
    )
  test.each([
    ['a leaf', leaf],
    ['a directory', folder],
    ['nonsense', nonsense],
    ['one with bytes of its own', data({ type: 'file', data: Buffer.from('x'), blockSizes: [4n] })],
    ['one without sizes', data({ type: 'file' })],
  ])('is not %s', (_, block) => {
    expect(partsOf(block)).toBeUndefined()
  })

  test('that cannot be read has no links, and a leaf has none', () => {
    expect(linksOf(nonsense)).toEqual([])
    expect(linksOf(leaf)).toEqual([])
    expect(childrenOf(leaf)).toEqual([])
  })
})

describe('a file out of blocks at hand', () => {
  const blocks = (...all: { readonly cid: CID; readonly bytes: Uint8Array }[]) =>
    new Map(all.map(({ cid, bytes }) => [blockKey(cid), bytes]))
  const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString())

  test('has the bytes of its leaves, or those that its node holds itself', () => {
    expect(text(fileFrom(leaf.cid, blocks(leaf)))).toBe('leaf')
    expect(text(fileFrom(file.cid, blocks(file, leaf, other)))).toBe('leafother')
    const inline = dagPbBlock(
      encode({ Data: new UnixFS({ type: 'file', data: Buffer.from('in') }).marshal(), Links: [] }),
    )
    expect(text(fileFrom(inline.cid, blocks(inline)))).toBe('in')
  })

  test('is not there where a block is missing, or where it is no file', async () => {
    const empty = await written((sink) => writeDirectory(new Map(), sink))
    expect(fileFrom(file.cid, blocks(file, leaf))).toBeUndefined()
    expect(fileFrom(leaf.cid, blocks())).toBeUndefined()
    expect(fileFrom(empty.cid, blocks(empty))).toBeUndefined()
    expect(fileFrom(nonsense.cid, blocks(nonsense))).toBeUndefined()
  })
})
