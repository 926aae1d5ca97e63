import { blockKey, isLeaf, linksOf } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { AT_ONCE, breadthFirst } from '../dag/walk.ts'
import { hasCode } from '../errors.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { LookOptions } from '../store/places.ts'
import { mapInOrder } from '../streams.ts'

export interface Proof {
  /** Blocks of the image, as far as they are known. */
  readonly blocks: number
  /** Bytes of all; 0 where some are lost. */
  readonly bytes: number
  /** Blocks that are not there, and those whose bytes are wrong. */
  readonly lost: readonly CID[]
  /** Leaves that were read. */
  readonly read: number
}

/**
 * Finds out what a node has of an image, from its repository alone. All nodes of the DAG are read and held against their CIDs; that all leaves are
 * there is asked at once, or of each where some are not; some leaves are read, for their bytes may be wrong. A pin proves none of that.
 */
export async function prove(
  root: CID,
  blocks: Pick<BlockStore, 'ownBlock' | 'ownDag' | 'hasBlock'>,
  { signal, reads, tree, moved = () => {} }: LookOptions,
): Promise<Proof> {
  const lost: CID[] = []
  const leaves = new Map<string, CID>()
  let nodes = 0
  const own = async (cid: CID) => {
    const bytes = await blocks.ownBlock(cid, signal).catch(orWrong)
    moved()
    if (bytes === undefined) lost.push(cid)
    return bytes
  }
  await breadthFirst(root, async (cid) => {
    nodes += 1
    const bytes = (await own(cid)) ?? (await tree?.ownBlock(cid, signal))
    const below = bytes === undefined ? [] : linksOf({ cid, bytes }).map((link) => link.cid)
    for (const leaf of below) if (isLeaf(leaf)) leaves.set(blockKey(leaf), leaf)
    return below
  })
  const whole = lost.length === 0 ? await blocks.ownDag(root, signal) : undefined
  if (whole === undefined) {
    const asked = mapInOrder(leaves.values(), AT_ONCE, async (cid) => {
      if (!(await blocks.hasBlock(cid, signal))) lost.push(cid)
    })
    for await (const _ of asked) moved()
    for (const cid of lost) leaves.delete(blockKey(cid))
  }
  const all = nodes + leaves.size + (whole === undefined ? lost.filter(isLeaf).length : 0)
  const some = reads === 0 ? [] : anyOf([...leaves.values()], reads)
  for await (const _ of mapInOrder(some, AT_ONCE, own));
  return { blocks: all, bytes: lost.length === 0 ? (whole?.bytes ?? 0) : 0, lost, read: some.length }
}

/** Bytes that are wrong are as good as none. */
function orWrong(error: unknown): undefined {
  if (!hasCode(error, 'INTEGRITY')) throw error
}

/** So many of a list, by chance, each once. */
function anyOf<T>(list: T[], count: number): T[] {
  for (let at = 0; at < Math.min(count, list.length - 1); at += 1) {
    const other = at + Math.floor(Math.random() * (list.length - at))
    ;[list[at], list[other]] = [list[other] as T, list[at] as T]
  }
  return list.slice(0, count)
}
