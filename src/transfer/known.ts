import { blockKey, childrenOf, isLeaf, readDirectory } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import type { Layer } from '../dag/layer.ts'
import { fullName, repositoryOf } from '../docker/reference.ts'
import { hexOf } from '../image/canonical.ts'
import type { LayerEntry } from '../image/saved-image.ts'
import type { Node } from '../kubo/node.ts'

/** Versions of the same name whose chunks are looked up. */
const MAX_VERSIONS = 3

type Reading = Pick<Node, 'ownBlock'>

/** What the node already has of an image, as far as the catalogue says. */
export interface Known {
  /** A layer by its key in an archive, and the size of its tar where that is known. */
  findLayer(key: string, size: number | undefined): Promise<Layer | undefined>
  /** Digests (binary, as latin1) of blocks that need not be sent again, once they have been found. */
  readonly blocks: Promise<ReadonlySet<string>>
  /** An earlier version that is pinned, so that the node has all of it. */
  readonly pinnedVersion: Promise<CID | undefined>
  /** True once something was left out because the catalogue said so. */
  wasUsed: boolean
  /** Blocks of the node, of which those of earlier versions have been read already. */
  readonly node?: Reading
}

/** The images of the same repository as the first of these that is a name, the one with the same tag first. */
export async function findVersions(names: readonly string[], node: Node, signal: AbortSignal): Promise<CID[]> {
  const full = names.map(fullName).find((name) => name !== undefined)
  return full === undefined ? [] : node.catalogue.findVersions(full, repositoryOf(full), signal)
}

/**
 * Looks up layers when they are asked for, each once; those of `diffIds` at once. `versions`: of the same name, since most chunks of a
 * new one are among theirs.
 */
export function lookUp(
  node: Node,
  versions: Promise<readonly CID[]>,
  diffIds: readonly string[],
  signal: AbortSignal,
): Known {
  const layers = new Map<string, Promise<Layer | undefined>>()
  const find = (key: string) => {
    const found = layers.get(key) ?? node.catalogue.findLayer(key, signal)
    layers.set(key, found)
    return found
  }
  for (const diffId of diffIds) find(hexOf(diffId)).catch(() => undefined)
  const newest = versions.then((all) => all.slice(0, MAX_VERSIONS))
  const reading = readingOnce(node)
  const known = {
    node: reading,
    blocks: previousBlocks(reading, newest, signal),
    pinnedVersion: firstPinned(node, newest, signal),
    wasUsed: false,
    async findLayer(key: string, size: number | undefined) {
      const layer = await find(key)
      if (layer === undefined || (size !== undefined && layer.tarSize !== size)) return undefined
      known.wasUsed = true
      return layer
    },
  }
  // Whoever sends the first block, or the last, hears of it.
  known.blocks.catch(() => undefined)
  known.pinnedVersion.catch(() => undefined)
  return known
}

/** Nothing is known: for --no-cache. */
export function knowNothing(): Known {
  return {
    blocks: Promise.resolve(new Set()),
    pinnedVersion: Promise.resolve(undefined),
    wasUsed: false,
    findLayer: async () => undefined,
  }
}

/** Keys of a layer: its diffID, and what the archive called it. */
export function keysOf(layer: Layer, entry: Pick<LayerEntry, 'key'> | undefined): string[] {
  return [...new Set([hexOf(layer.diffId), ...(entry?.key === undefined ? [] : [entry.key])])]
}

/**
 * All blocks of an image, as far as they can be had: what another image has in common with it.
 * @throws what `block` throws
 */
export async function blocksOf(root: CID, block: (cid: CID) => Promise<Uint8Array>): Promise<Set<string>> {
  const seen = new Set([blockKey(root)])
  let level = [root]
  while (level.length > 0) {
    const next: CID[] = []
    for (let at = 0; at < level.length; at += AT_ONCE) {
      const some = level.slice(at, at + AT_ONCE).map(async (cid) => childrenOf({ cid, bytes: await block(cid) }))
      for (const child of (await Promise.all(some)).flat()) {
        if (seen.has(blockKey(child))) continue
        seen.add(blockKey(child))
        if (!isLeaf(child)) next.push(child)
      }
    }
    level = next
  }
  return seen
}

/** Blocks that are asked for at once. */
const AT_ONCE = 32

/** A node of which no block is read twice; what it lacks, it may get. For those above the leaves, which are some bytes for each leaf. */
function readingOnce(node: Reading): Reading {
  const blocks = new Map<string, Promise<Uint8Array | undefined>>()
  return {
    ownBlock(cid, signal) {
      const key = blockKey(cid)
      const known = blocks.get(key)
      if (known !== undefined) return known
      const block = node.ownBlock(cid, signal)
      blocks.set(key, block)
      const forget = () => blocks.delete(key)
      block.then((bytes) => bytes ?? forget(), forget)
      return block
    },
  }
}

async function previousBlocks(
  node: Reading,
  versions: Promise<readonly CID[]>,
  signal: AbortSignal,
): Promise<Set<string>> {
  const blocks = new Set<string>()
  for (const root of await versions) {
    for (const cid of await leavesOf(node, root, signal)) blocks.add(blockKey(cid))
  }
  return blocks
}

/** One whose pin has a name would give that to the new one. */
async function firstPinned(
  node: Node,
  versions: Promise<readonly CID[]>,
  signal: AbortSignal,
): Promise<CID | undefined> {
  for (const root of await versions) if ((await node.pinName(root, signal)) === '') return root
  return undefined
}

/** Those that can be found: of what the node has lost, nothing is known. */
async function leavesOf(node: Reading, root: CID, signal: AbortSignal): Promise<CID[]> {
  const open = async (cid: CID | undefined) => {
    const bytes = cid === undefined ? undefined : await node.ownBlock(cid, signal)
    return cid === undefined || bytes === undefined ? undefined : readDirectory({ cid, bytes })
  }
  const blobs = await open((await open(root))?.get('blobs'))
  const files = [...((await open(blobs?.get('sha256')))?.values() ?? [])]
  const leaves: CID[] = []
  let level = files
  while (level.length > 0) {
    leaves.push(...level.filter(isLeaf))
    const nodes = level.filter((cid) => !isLeaf(cid))
    const children = await Promise.all(
      nodes.map(async (cid) => {
        const bytes = await node.ownBlock(cid, signal)
        return bytes === undefined ? [] : childrenOf({ cid, bytes })
      }),
    )
    level = children.flat()
  }
  return leaves
}
