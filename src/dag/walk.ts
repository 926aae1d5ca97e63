// The room of DAGs: CIDs, blocks, files and folders of blocks, CAR. It knows IPLD and UnixFS, and nothing of images; how blocks are
// read, and where they go, is for who calls. What is written as part of the format is in src/format/, not here.

import { DockerIpfsError } from '../errors.ts'
import { blockKey, isLeaf, readDirectory } from './blocks.ts'
import type { CID } from './cid.ts'

/** The one walker of DAGs, in two orders, and the way down to one entry. How blocks are read is for who walks; leaves are never read here. */

/** Blocks that a place is asked for at a time, and other questions that it answers from what it has. */
export const AT_ONCE = 16

/** Levels of a file's tree: two hold 1024 × 1024 leaves. */
const MAX_DEPTH = 8
/** DAG nodes in a row without a leaf: a tree of nothing else could be walked for ever. */
const MAX_EMPTY = 4096

/** Something with a place in a DAG: a CID, and whatever who walks wants to know of it. */
interface Placed {
  readonly cid: CID
}

/**
 * Walks the tree of a file: each item before what is below it, and that before its neighbours. What stands twice in the tree comes twice. `below` is
 * asked for one at a time, when the item behind it is wanted.
 * @throws NOT_AN_IMAGE for a tree that no file of an image can have; what `below` throws
 */
export async function* depthFirst<T extends Placed>(
  top: T,
  below: (item: T) => Promise<Iterable<T>>,
): AsyncGenerator<T> {
  const levels = [[top].values() as Iterator<T>]
  let empty = 0
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const { done, value } = level.next()
    if (done) {
      levels.pop()
      continue
    }
    yield value
    if (isLeaf(value.cid)) {
      empty = 0
      continue
    }
    empty += 1
    if (empty > MAX_EMPTY || levels.length > MAX_DEPTH) throw noFile(top.cid)
    levels.push((await below(value))[Symbol.iterator]())
  }
}

/**
 * Walks a DAG level by level, each of its nodes once, with some under way at a time. `below` gives what a node links to.
 * @throws what `below` throws
 */
export async function breadthFirst(
  root: CID,
  below: (node: CID) => Promise<Iterable<CID>>,
  atOnce = AT_ONCE,
): Promise<void> {
  const seen = new Set([blockKey(root)])
  let level = [root]
  while (level.length > 0) {
    const next: CID[] = []
    for (let at = 0; at < level.length; at += atOnce) {
      for (const children of await Promise.all(level.slice(at, at + atOnce).map(below))) {
        for (const child of children) {
          if (isLeaf(child) || seen.has(blockKey(child))) continue
          seen.add(blockKey(child))
          next.push(child)
        }
      }
    }
    level = next
  }
}

/**
 * Goes down the directories of a path; undefined where a step is not there, or a directory on the way.
 * @throws what `block` throws
 */
export async function descend(
  root: CID,
  steps: readonly string[],
  block: (cid: CID) => Promise<Uint8Array | undefined>,
): Promise<CID | undefined> {
  let cid = root
  for (const step of steps) {
    const bytes = await block(cid)
    const next = bytes === undefined ? undefined : readDirectory({ cid, bytes })?.get(step)
    if (next === undefined) return undefined
    cid = next
  }
  return cid
}

export function noFile(cid: CID): DockerIpfsError {
  return new DockerIpfsError('NOT_AN_IMAGE', `${cid} is no file that docker ipfs wrote`)
}
