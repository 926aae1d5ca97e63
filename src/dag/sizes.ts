import { blockKey, hasOurHash, isLeaf, linksOf, readDirectory } from './blocks.ts'
import type { CID } from './cid.ts'
import { breadthFirst } from './walk.ts'

/** Where blocks that are at hand are read. */
export interface OwnBlocks {
  /** One block, checked against its CID; undefined where it is not at hand. */
  ownBlock(cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined>
}

/** One may say what is below nodes by itself: because it remembers, or because it counts what it cannot check. */
export interface Walked extends OwnBlocks {
  below?(cid: CID, signal: AbortSignal): Promise<Below | undefined>
}

export interface Walking {
  readonly blocks: Walked
  readonly signal: AbortSignal
}

/** A node that was read: its own bytes, the keys (`blockKey`) of leaves that it links to and their bytes, and other nodes. */
export interface Below {
  readonly bytes: number
  readonly leaves: readonly string[]
  readonly leafBytes: readonly number[]
  readonly nodes: readonly CID[]
}

/** What is below a node; undefined where it is lost. */
export async function readBelow(blocks: OwnBlocks, cid: CID, signal: AbortSignal): Promise<Below | undefined> {
  const bytes = await blocks.ownBlock(cid, signal)
  if (bytes === undefined) return undefined
  const links = linksOf({ cid, bytes })
  const leaves = links.filter((link) => isLeaf(link.cid))
  return {
    bytes: bytes.length,
    leaves: leaves.map((link) => blockKey(link.cid)),
    leafBytes: leaves.map((link) => link.size),
    nodes: links.flatMap((link) => (isLeaf(link.cid) ? [] : [link.cid])),
  }
}

/** Called with each block, and its bytes; says whether what is below it is to be walked too. */
type Visit = (key: string, bytes: number) => boolean

/** Leaves are not read: the links to them say their size. What the node has lost has no size, and nothing is below it. */
async function walk(root: CID, { blocks, signal }: Walking, visit: Visit): Promise<void> {
  await breadthFirst(root, async (cid) => {
    const found = await (blocks.below?.(cid, signal) ?? readBelow(blocks, cid, signal))
    if (found === undefined || !visit(blockKey(cid), found.bytes)) return []
    for (const [leaf, key] of found.leaves.entries()) visit(key, found.leafBytes[leaf] ?? 0)
    return found.nodes
  })
}

/** All blocks of a DAG that the node has: their bytes by key (`blockKey`). */
export async function blocksBelow(root: CID, walking: Walking): Promise<Map<string, number>> {
  const all = new Map<string, number>()
  await walk(root, walking, (key, bytes) => {
    all.set(key, bytes)
    return true
  })
  return all
}

/** Bytes of all blocks of an image, each counted once; undefined for what is no image, or has lost its top. */
export async function imageSize(root: CID, walking: Walking): Promise<number | undefined> {
  return (await isImage(root, walking)) ? sum((await blocksBelow(root, walking)).values()) : undefined
}

/** Bytes of all blocks of a DAG, once a link, as UnixFS counts them: what a link to it must say. Undefined when its root is not at hand. */
export async function dagSizeOf(root: CID, { blocks, signal }: Walking): Promise<number | undefined> {
  const bytes = await blocks.ownBlock(root, signal)
  return bytes === undefined ? undefined : bytes.length + sum(linksOf({ cid: root, bytes }).map(({ size }) => size))
}

/** Whether a root that the node has looks like an image. */
export async function isImage(root: CID, { blocks, signal }: Walking): Promise<boolean> {
  const bytes = isLeaf(root) || !hasOurHash(root) ? undefined : await blocks.ownBlock(root, signal)
  const entries = bytes === undefined ? undefined : readDirectory({ cid: root, bytes })
  return entries?.has('index.json') === true && entries.has('blobs')
}

/** Bytes of those blocks (by key) that none of these roots has. */
export async function bytesWithout(
  blocks: Map<string, number>,
  kept: readonly CID[],
  walking: Walking,
): Promise<number> {
  const left = new Map(blocks)
  const seen = new Set<string>()
  for (const root of kept) {
    await walk(root, walking, (key) => {
      if (seen.has(key)) return false
      seen.add(key)
      left.delete(key)
      return true
    })
  }
  return sum(left.values())
}

/** Whose a block is when several have it. */
const SHARED = -1

/**
 * Which bytes several DAGs have in common. Owners are numbers from 0. A node that several owners have is read twice, however many
 * they are; kept in memory is a short key for each block, some 100 bytes.
 */
export class Shares {
  readonly #walking: Walking
  readonly #owners = new Map<string, number>()
  readonly #unique: number[] = []
  #total = 0

  constructor(walking: Walking) {
    this.#walking = walking
  }

  async add(owner: number, root: CID): Promise<void> {
    await walk(root, this.#walking, (key, bytes) => {
      // Half a digest tells some billion blocks apart.
      const short = key.slice(0, 16)
      const before = this.#owners.get(short)
      if (before === owner || before === SHARED) return false
      if (before === undefined) {
        this.#owners.set(short, owner)
        this.#unique[owner] = this.unique(owner) + bytes
        this.#total += bytes
      } else {
        this.#owners.set(short, SHARED)
        this.#unique[before] = this.unique(before) - bytes
      }
      return true
    })
  }

  /** Bytes of blocks that this owner alone has. */
  unique(owner: number): number {
    return this.#unique[owner] ?? 0
  }

  /** Bytes of all blocks, each counted once. */
  get total(): number {
    return this.#total
  }
}

export function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}
