import type { Catalogue } from '../catalogue/catalogue.ts'
import { blockKey, childrenOf, hasOurHash } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { type Below, blocksBelow, readBelow, type Walked } from '../dag/sizes.ts'
import { breadthFirst, descend } from '../dag/walk.ts'
import type { Layer } from '../format/layer.ts'
import { hexOf } from '../image/canonical.ts'
import { fullName, repositoryOf } from '../image/name.ts'
import type { LayerEntry } from '../image/saved/saved-image.ts'
import { ifAllowed } from '../store/allowed.ts'
import type { Blocks } from '../store/blocks.ts'
import type { Pins } from '../store/pins.ts'

/** Versions of the same name whose chunks are looked up. */
const MAX_VERSIONS = 3

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
  /** The node's blocks; what is below the DAG nodes of earlier versions has been read already. */
  readonly blocksRead?: Walked
}

interface KnownOptions {
  readonly catalogue: Pick<Catalogue, 'findLayer'>
  readonly blocks: Pick<Blocks, 'ownBlock'>
  readonly pins: Pick<Pins, 'pinName'>
}

/** The images of the same repository as the first of these that is a name, the one with the same tag first. */
export async function findVersions(
  names: readonly string[],
  catalogue: Pick<Catalogue, 'findVersions'>,
  signal: AbortSignal,
): Promise<CID[]> {
  const full = names.map(fullName).find((name) => name !== undefined)
  return full === undefined ? [] : ((await ifAllowed(catalogue.findVersions(full, repositoryOf(full), signal))) ?? [])
}

/**
 * Looks up layers when they are asked for, each once; those of `diffIds` at once. `versions`: of the same name, since most chunks of a
 * new one are among theirs.
 */
export function lookUp(
  { catalogue, blocks, pins }: KnownOptions,
  versions: Promise<readonly CID[]>,
  diffIds: readonly string[],
  signal: AbortSignal,
): Known {
  const layers = new Map<string, Promise<Layer | undefined>>()
  const find = (key: string) => {
    const found = layers.get(key) ?? ifAllowed(catalogue.findLayer(key, signal))
    layers.set(key, found)
    return found
  }
  for (const diffId of diffIds) find(hexOf(diffId)).catch(() => undefined)
  const newest = versions.then((all) => all.slice(0, MAX_VERSIONS))
  const reading = readingOnce(blocks)
  const known = {
    blocksRead: reading,
    blocks: previousBlocks(reading, newest, signal),
    pinnedVersion: firstPinned(pins, newest, signal),
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
  const all = new Set([blockKey(root)])
  const below = async (cid: CID) => {
    const children = childrenOf({ cid, bytes: await block(cid) })
    for (const child of children) all.add(blockKey(child))
    return children
  }
  await breadthFirst(root, below, AT_ONCE)
  return all
}

/** Blocks that are asked for at once: others may have to be asked. */
const AT_ONCE = 32

/** What is below a node of a DAG is read once, and decoded once: what it lacks, it may get. It takes some 100 bytes for each leaf. */
function readingOnce(blocks: Pick<Blocks, 'ownBlock'>): Walked {
  const all = new Map<string, Promise<Below | undefined>>()
  return {
    ownBlock: (cid, signal) => blocks.ownBlock(cid, signal),
    below(cid, signal) {
      const key = blockKey(cid)
      const known = all.get(key)
      if (known !== undefined) return known
      const below = readBelow(blocks, cid, signal)
      all.set(key, below)
      const forget = () => all.delete(key)
      below.then((found) => found ?? forget(), forget)
      return below
    },
  }
}

async function previousBlocks(
  blocks: Walked,
  versions: Promise<readonly CID[]>,
  signal: AbortSignal,
): Promise<Set<string>> {
  const known = new Set<string>()
  for (const root of await versions) {
    // A name may lead to a folder that somebody made, of whatever hash.
    const own = async (cid: CID) => (hasOurHash(cid) ? blocks.ownBlock(cid, signal) : undefined)
    const blobs = await ifAllowed(descend(root, ['blobs', 'sha256'], own))
    // The node has lost it, there is no image, or it may not be read.
    if (blobs === undefined) continue
    for (const key of (await blocksBelow(blobs, { blocks, signal })).keys()) known.add(key)
  }
  return known
}

/** One whose pin has a name would give that to the new one. */
async function firstPinned(
  pins: KnownOptions['pins'],
  versions: Promise<readonly CID[]>,
  signal: AbortSignal,
): Promise<CID | undefined> {
  for (const root of await versions) if ((await ifAllowed(pins.pinName(root, signal))) === '') return root
  return undefined
}
