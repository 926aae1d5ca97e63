import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { blockKey, rawBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import {
  blocksBelow,
  bytesWithout,
  dagSizeOf,
  imageSize,
  isImage,
  readBelow,
  Shares,
  sum,
} from '../../../src/dag/sizes.ts'
import { type DagNode, joinFile, leafNode, writeDirectory, writeFile } from '../../../src/format/files.ts'
import { noise } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'
import { OTHER_HASHES, otherHash } from '../../support/other-hash.ts'

const signal = new AbortController().signal
const sink = new MemorySink()
const lost = new Set<string>()
const blocks = {
  asked: 0,
  async ownBlock(cid: CID) {
    this.asked += 1
    return lost.has(cid.toString()) ? undefined : sink.blocks.get(cid.toString())
  },
}
const walking = { blocks, signal }

/** A file of these leaves, each named by a number; a leaf has as many bytes as its number. */
async function fileOf(...leaves: number[]): Promise<DagNode> {
  const all = leaves.map((size) => rawBlock(noise(size, `leaf ${size}`)))
  for (const leaf of all) await sink.put(leaf)
  return joinFile(all.map(leafNode), sink)
}

const folderOf = (...files: DagNode[]) => writeDirectory(new Map(files.map((file, at) => [`${at}`, file])), sink)
const sizeOf = (cid: CID) => sink.blocks.get(cid.toString())?.length ?? 0

describe('the blocks of a DAG', () => {
  test('are counted once, and its leaves are not read', async () => {
    const [a, b] = [await fileOf(100, 200, 100), await fileOf(200, 300)]
    const root = await folderOf(a, b, a)
    blocks.asked = 0
    const below = await blocksBelow(root.cid, walking)
    const nodes = [root, a, b].map(({ cid }) => sizeOf(cid))
    expect(blocks.asked).toBe(3)
    expect(sum(below.values())).toBe(600 + sum(nodes))
    expect(below.get(blockKey(rawBlock(noise(200, 'leaf 200')).cid))).toBe(200)
  })

  test('are those that are left where one is lost', async () => {
    const [a, b] = [await fileOf(101, 102), await fileOf(103, 104)]
    const root = await folderOf(a, b)
    lost.add(a.cid.toString())
    expect(sum((await blocksBelow(root.cid, walking)).values())).toBe(207 + sizeOf(root.cid) + sizeOf(b.cid))
    expect(await readBelow(blocks, a.cid, signal)).toBeUndefined()
    lost.clear()
  })

  test('may be remembered by whoever reads them', async () => {
    const root = await folderOf(await fileOf(105, 106))
    const first = await readBelow(blocks, root.cid, signal)
    blocks.asked = 0
    const below = async () => first
    expect((await blocksBelow(root.cid, { blocks: { ...blocks, below }, signal })).size).toBe(2)
    expect(blocks.asked).toBe(0)
  })
})

test('a link to a DAG says the size of all that it links, once a link', async () => {
  const file = await fileOf(100, 100, 107)
  const root = await folderOf(file, file)
  expect(await dagSizeOf(root.cid, walking)).toBe(root.dagSize)
  lost.add(root.cid.toString())
  expect(await dagSizeOf(root.cid, walking)).toBeUndefined()
  lost.clear()
})

test('an image is a folder with index.json and blobs', async () => {
  const file = await writeFile(Buffer.from('{}'), sink)
  const image = await writeDirectory(
    new Map([
      ['index.json', file],
      ['blobs', await folderOf(file)],
    ]),
    sink,
  )
  expect(await isImage(image.cid, walking)).toBe(true)
  expect(await imageSize(image.cid, walking)).toBeGreaterThan(sizeOf(image.cid))
  for (const other of [file, await folderOf(file)]) {
    expect(await isImage(other.cid, walking)).toBe(false)
    expect(await imageSize(other.cid, walking)).toBeUndefined()
  }
  lost.add(image.cid.toString())
  expect(await imageSize(image.cid, walking)).toBeUndefined()
  lost.clear()
})

test('what has another hash than images have is no image, and is not asked for', async () => {
  const ownBlock = () => Promise.reject(new Error('asked'))
  for (const code of Object.values(OTHER_HASHES)) {
    expect(await isImage(otherHash('a pin', code), { ...walking, blocks: { ownBlock } })).toBe(false)
    expect(await imageSize(otherHash('a pin', code), { ...walking, blocks: { ownBlock } })).toBeUndefined()
  }
})

test('bytes that no other root keeps are those that would be free', async () => {
  const [mine, other] = [await folderOf(await fileOf(108, 109)), await folderOf(await fileOf(109, 110))]
  const its = await blocksBelow(mine.cid, walking)
  const node = await fileOf(108, 109)
  expect(await bytesWithout(its, [other.cid, other.cid], walking)).toBe(108 + sizeOf(mine.cid) + sizeOf(node.cid))
  expect(await bytesWithout(its, [], walking)).toBe(sum(its.values()))
  expect(await bytesWithout(its, [mine.cid], walking)).toBe(0)
})

test('what several DAGs share is told, as if all of their blocks were compared', async () => {
  const files = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 })
  const dags = fc.array(fc.array(files, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(dags, async (all) => {
      const shares = new Shares(walking)
      const owners = new Map<string, Set<number>>()
      const bytes = new Map<string, number>()
      for (const [owner, its] of all.entries()) {
        const nodes: DagNode[] = []
        for (const leaves of its) nodes.push(await fileOf(...leaves))
        const root = await folderOf(...nodes)
        await shares.add(owner, root.cid)
        for (const [key, size] of await blocksBelow(root.cid, walking)) {
          owners.set(key, (owners.get(key) ?? new Set()).add(owner))
          bytes.set(key, size)
        }
      }
      expect(shares.total).toBe(sum(bytes.values()))
      for (const owner of all.keys()) {
        const alone = [...owners].filter(([, its]) => its.size === 1 && its.has(owner))
        expect(shares.unique(owner)).toBe(sum(alone.map(([key]) => bytes.get(key) ?? 0)))
      }
    }),
    { numRuns: 100 },
  )
})
