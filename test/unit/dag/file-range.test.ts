import { describe, expect, test } from 'bun:test'
import { encode } from '@ipld/dag-pb'
import fc from 'fast-check'
import { UnixFS } from 'ipfs-unixfs'
import { dagPbBlock, rawBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { cutLeaf, leavesInRange, linksOfFile } from '../../../src/dag/file-range.ts'
import { type DagNode, joinFile, leafNode, writeDirectory } from '../../../src/format/files.ts'
import { noise } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'

const sink = new MemorySink()
const block = async (cid: CID) => sink.blocks.get(cid.toString()) ?? Promise.reject(new Error(`no ${cid}`))

/** A tree of two levels, with leaves of these sizes; some may be empty. */
async function fileOf(groups: readonly (readonly number[])[]): Promise<{ file: DagNode; bytes: Buffer }> {
  const nodes: DagNode[] = []
  const all: Buffer[] = []
  for (const sizes of groups) {
    const leaves = sizes.map((size, at) => rawBlock(noise(size, `${nodes.length} ${at}`)))
    for (const leaf of leaves) await sink.put(leaf)
    all.push(...leaves.map(({ bytes }) => Buffer.from(bytes)))
    nodes.push(await joinFile(leaves.map(leafNode), sink))
  }
  return { file: await joinFile(nodes, sink), bytes: Buffer.concat(all) }
}

async function read(cid: CID, from: number, to: number): Promise<{ bytes: Buffer; leaves: number }> {
  const parts: Uint8Array[] = []
  for await (const leaf of leavesInRange(cid, { from, to }, block)) parts.push(cutLeaf(leaf, await block(leaf.cid)))
  return { bytes: Buffer.concat(parts), leaves: parts.length }
}

describe('a range of a file', () => {
  test('has its bytes and no others, however the file is cut', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 6 })
    const groups = fc.array(sizes, { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(groups, fc.nat(300), fc.nat(300), async (cut, from, length) => {
        const { file, bytes } = await fileOf(cut)
        expect((await read(file.cid, from, from + length)).bytes.equals(bytes.subarray(from, from + length))).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('asks for the leaves that it touches alone', async () => {
    const { file } = await fileOf([
      [10, 10, 0, 10],
      [10, 10],
    ])
    expect((await read(file.cid, 15, 35)).leaves).toBe(3)
    expect((await read(file.cid, 20, 20)).leaves).toBe(0)
    expect((await read(file.cid, 50, 90)).leaves).toBe(0)
  })

  test('of empty leaves, however many the tree has, is nothing', async () => {
    const leaf = rawBlock(new Uint8Array(0))
    await sink.put(leaf)
    let node = leafNode(leaf)
    for (let depth = 0; depth < 4; depth += 1) node = await joinFile(new Array<DagNode>(1000).fill(node), sink)
    expect(await read(node.cid, 0, Number.POSITIVE_INFINITY)).toMatchObject({ leaves: 0 })
  })
})

/** A node that says of all that it links that it has one byte more than it has. */
async function liar(below: DagNode): Promise<DagNode> {
  return joinFile(new Array<DagNode>(1000).fill({ ...below, fileSize: below.fileSize + 1 }), sink)
}

describe('what is no file', () => {
  test('is a directory, a tree of nodes, and what lies about its leaves', async () => {
    const leaf = rawBlock(Buffer.from('leaf'))
    await sink.put(leaf)
    const empty = dagPbBlock(encode({ Data: new UnixFS({ type: 'file' }).marshal(), Links: [] }))
    await sink.put(empty)
    const nodes = await liar(await liar(await liar({ cid: empty.cid, fileSize: 0, dagSize: 10 })))
    const folder = await writeDirectory(new Map([['leaf', leafNode(leaf)]]), sink)
    for (const { cid } of [folder, nodes, await liar(leafNode(leaf)), await liar(folder)]) {
      await expect(read(cid, 0, Number.POSITIVE_INFINITY)).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' })
    }
  })

  test('is told of when its links are asked for', async () => {
    const folder = await writeDirectory(new Map(), sink)
    await expect(Array.fromAsync(linksOfFile(folder.cid, block))).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' })
  })
})

test('the links of a file are those of its tree, and a leaf has none', async () => {
  const { file } = await fileOf([
    [1, 2],
    [3, 4],
  ])
  const links = await Array.fromAsync(linksOfFile(file.cid, block))
  expect(links.map(({ size }) => size)).toEqual([3, 1, 2, 7, 3, 4])
  expect(await Array.fromAsync(linksOfFile(rawBlock(Buffer.from('x')).cid, block))).toEqual([])
})
