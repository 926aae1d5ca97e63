import { describe, expect, test } from 'bun:test'
import { blockKey, isLeaf, rawBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { joinFile, leafNode, writeDirectory, writeFile } from '../../../src/format/files.ts'
import type { Layer } from '../../../src/format/layer.ts'
import { FORMAT } from '../../../src/format/numbers.ts'
import { findVersions, keysOf, knowNothing, lookUp } from '../../../src/save/known.ts'
import { noise } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'
import { otherHash } from '../../support/other-hash.ts'

const never = new AbortController().signal
const HEX = { a: 'a'.repeat(64), b: 'b'.repeat(64), c: 'c'.repeat(64) }

const layerOf = (hex: string, tarSize = 10): Layer => ({
  diffId: `sha256:${hex}`,
  tarSize,
  blobDigest: `sha256:${HEX.c}`,
  blob: leafNode(rawBlock(Buffer.from(hex))),
})

interface Holds {
  readonly layers?: Readonly<Record<string, Layer>>
  /** What `findVersions` gives, and the names that it was asked for. */
  readonly versions?: readonly CID[]
  readonly asked?: string[]
  readonly blocks?: MemorySink
}

/** As much of a node and its catalogue as `lookUp` and `findVersions` need. */
function nodeWith({ layers = {}, versions = [], asked = [], blocks = new MemorySink() }: Holds) {
  return {
    catalogue: {
      async findLayer(key: string) {
        asked.push(key)
        return layers[key]
      },
      async findVersions(name: string, repository: string) {
        asked.push(`${name} of ${repository}`)
        return [...versions]
      },
    },
    blocks: { ownBlock: async (cid: CID) => blocks.blocks.get(cid.toString()) },
    pins: { pinName: async () => undefined },
  }
}

describe('layers', () => {
  test('that are needed are asked for at once, and each only once', async () => {
    const asked: string[] = []
    const node = nodeWith({ asked, layers: { [HEX.a]: layerOf(HEX.a) } })
    const known = lookUp(node, Promise.resolve([]), [`sha256:${HEX.a}`, `sha256:${HEX.b}`, `sha256:${HEX.a}`], never)
    expect(asked).toEqual([HEX.a, HEX.b])
    expect(await known.findLayer(HEX.a, 10)).toEqual(layerOf(HEX.a))
    expect(await known.findLayer(HEX.b, 10)).toBeUndefined()
    expect(asked).toEqual([HEX.a, HEX.b])
  })

  test('are also found by other keys, when they come', async () => {
    const asked: string[] = []
    const known = lookUp(nodeWith({ asked, layers: { [HEX.b]: layerOf(HEX.a) } }), Promise.resolve([]), [], never)
    expect(asked).toEqual([])
    expect(await known.findLayer(HEX.b, undefined)).toEqual(layerOf(HEX.a))
    expect(asked).toEqual([HEX.b])
  })

  test('count as used only when one was found', async () => {
    const known = lookUp(nodeWith({ layers: { [HEX.a]: layerOf(HEX.a) } }), Promise.resolve([]), [], never)
    await known.findLayer(HEX.b, 10)
    expect(known.wasUsed).toBe(false)
    await known.findLayer(HEX.a, 10)
    expect(known.wasUsed).toBe(true)
  })

  test('of another size than the archive says are not known', async () => {
    const known = lookUp(nodeWith({ layers: { [HEX.a]: layerOf(HEX.a, 11) } }), Promise.resolve([]), [], never)
    expect(await known.findLayer(HEX.a, 10)).toBeUndefined()
    expect(known.wasUsed).toBe(false)
  })

  test('whose look-up fails fail when they are needed, not before', async () => {
    const node = nodeWith({})
    node.catalogue.findLayer = () => Promise.reject(new Error('gone'))
    const known = lookUp(node, Promise.resolve([]), [`sha256:${HEX.a}`], never)
    await expect(known.findLayer(HEX.a, 10)).rejects.toThrow('gone')
  })
})

describe('blocks of the versions before', () => {
  /** An image DAG as far as it is walked, with one file of many leaves and one of a single leaf. */
  async function image(seed: string, sink = new MemorySink()) {
    const large = await writeFile(noise(3 * FORMAT.pieceSize, seed), sink)
    const small = await writeFile(Buffer.from(seed), sink)
    const sha256 = await writeDirectory(
      new Map([
        [HEX.a, large],
        [HEX.b, small],
      ]),
      sink,
    )
    const blobs = await writeDirectory(new Map([['sha256', sha256]]), sink)
    const root = await writeDirectory(new Map([['blobs', blobs]]), sink)
    return {
      sink,
      root: root.cid,
      large: large.cid,
      folder: [sha256.cid, small.cid],
      blobs: [sha256.cid, small.cid, large.cid, ...sink.links(large.cid).map(({ Hash }) => Hash)],
    }
  }

  const keys = (cids: readonly CID[]) => cids.map(blockKey).sort()

  test('are all that the blobs are made of', async () => {
    const { sink, root, blobs } = await image('one')
    const known = lookUp(nodeWith({ blocks: sink }), Promise.resolve([root]), [], never)
    expect([...(await known.blocks)].sort()).toEqual(keys(blobs))
  })

  test('are also those below nodes of nodes', async () => {
    const sink = new MemorySink()
    const leaves = Array.from({ length: FORMAT.maxLinks + 2 }, (_, at) => rawBlock(Buffer.from(`leaf ${at}`)))
    const file = await joinFile(leaves.map(leafNode), sink)
    const sha256 = await writeDirectory(new Map([[HEX.a, file]]), sink)
    const blobs = await writeDirectory(new Map([['sha256', sha256]]), sink)
    const root = await writeDirectory(new Map([['blobs', blobs]]), sink)
    const nodes = [
      sha256.cid,
      file.cid,
      ...sink
        .links(file.cid)
        .map(({ Hash }) => Hash)
        .filter((cid) => !isLeaf(cid)),
    ]
    const known = lookUp(nodeWith({ blocks: sink }), Promise.resolve([root.cid]), [], never)
    expect([...(await known.blocks)].sort()).toEqual(keys([...nodes, ...leaves.map(({ cid }) => cid)]))
  })

  test('are those of three versions at most', async () => {
    const sink = new MemorySink()
    const versions = await Promise.all(['1', '2', '3', '4'].map((seed) => image(seed, sink)))
    const roots = versions.map(({ root }) => root)
    const known = lookUp(nodeWith({ blocks: sink }), Promise.resolve(roots), [], never)
    expect([...(await known.blocks)].sort()).toEqual(keys(versions.slice(0, 3).flatMap(({ blobs }) => blobs)))
  })

  test('are read once for whoever asks; what the node had lost is asked for again', async () => {
    const { sink, root, large } = await image('one')
    const lost = sink.blocks.get(large.toString()) as Uint8Array
    sink.blocks.delete(large.toString())
    const { blocksRead: reading, blocks } = lookUp(nodeWith({ blocks: sink }), Promise.resolve([root]), [], never)
    await blocks
    expect(await reading?.below?.(large, never)).toBeUndefined()
    sink.blocks.set(large.toString(), lost)
    const below = await reading?.below?.(large, never)
    expect(below).toEqual({
      bytes: lost.length,
      leaves: sink.links(large).map(({ Hash }) => blockKey(Hash)),
      leafBytes: sink.links(large).map(({ Tsize = 0 }) => Tsize),
      nodes: [],
    })
    sink.blocks.clear()
    expect(await reading?.below?.(large, never)).toBe(below)
  })

  test('are none below what the node has lost', async () => {
    const { sink, root, large, folder } = await image('one')
    sink.blocks.delete(large.toString())
    const node = nodeWith({ blocks: sink })
    expect([...(await lookUp(node, Promise.resolve([root]), [], never).blocks)].sort()).toEqual(keys(folder))
    sink.blocks.delete(root.toString())
    expect((await lookUp(node, Promise.resolve([root]), [], never).blocks).size).toBe(0)
  })

  test('are none where a name leads to something else', async () => {
    const sink = new MemorySink()
    const text = await writeFile(Buffer.from('no image'), sink)
    const folder = await writeDirectory(new Map([['blobs', text]]), sink)
    const known = lookUp(nodeWith({ blocks: sink }), Promise.resolve([text.cid, folder.cid]), [], never)
    expect((await known.blocks).size).toBe(0)
  })
})

test('a version that is a folder of another hash is passed over', async () => {
  const node = nodeWith({})
  const strict = { ...node, blocks: { ownBlock: () => Promise.reject(new Error('asked')) } }
  const known = lookUp(strict, Promise.resolve([otherHash('a folder')]), [], never)
  expect((await known.blocks).size).toBe(0)
})

describe('the version beside which a new one is pinned', () => {
  const [one, two] = ['one', 'two'].map((text) => leafNode(rawBlock(Buffer.from(text))).cid) as [CID, CID]
  const pinnedOf = (names: ReadonlyMap<CID, string>) => {
    const pins = { pinName: async (root: CID) => names.get(root) }
    return lookUp({ ...nodeWith({}), pins }, Promise.resolve([one, two]), [], never).pinnedVersion
  }

  test('is the first one that is pinned', async () => {
    expect(await pinnedOf(new Map())).toBeUndefined()
    expect(await pinnedOf(new Map([[two, '']]))).toBe(two)
    expect(await pinnedOf(new Map([two, one].map((root) => [root, ''])))).toBe(one)
  })

  test('is none whose pin has a name: the new one would get that', async () => {
    expect(await pinnedOf(new Map([[one, 'mine']]))).toBeUndefined()
    expect(
      await pinnedOf(
        new Map([
          [one, 'mine'],
          [two, ''],
        ]),
      ),
    ).toBe(two)
  })
})

describe('versions', () => {
  test('are those of the first name, in its repository', async () => {
    const asked: string[] = []
    const versions = [leafNode(rawBlock(Buffer.from('one'))).cid]
    expect(
      await findVersions(['<none>:<none>', 'app:1', 'b:1'], nodeWith({ asked, versions }).catalogue, never),
    ).toEqual(versions)
    expect(asked).toEqual(['docker.io/library/app:1 of docker.io/library/app'])
  })

  test('are not looked for where an image has no name', async () => {
    const asked: string[] = []
    expect(await findVersions([], nodeWith({ asked }).catalogue, never)).toEqual([])
    expect(await findVersions(['<none>:<none>'], nodeWith({ asked }).catalogue, never)).toEqual([])
    expect(asked).toEqual([])
  })
})

test('knowing nothing means that everything is saved', async () => {
  const known = knowNothing()
  expect(await known.findLayer(HEX.a, 10)).toBeUndefined()
  expect((await known.blocks).size).toBe(0)
  expect(known.wasUsed).toBe(false)
})

test('a layer has its diffID and what the archive called it for keys, each once', () => {
  expect(keysOf(layerOf(HEX.a), undefined)).toEqual([HEX.a])
  expect(keysOf(layerOf(HEX.a), { key: HEX.a })).toEqual([HEX.a])
  expect(keysOf(layerOf(HEX.a), { key: HEX.b })).toEqual([HEX.a, HEX.b])
})
