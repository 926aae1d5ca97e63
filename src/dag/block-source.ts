import { DockerIpfsError } from '../errors.ts'
import { type Bytes, mapInOrder } from '../streams.ts'
import { childrenOf, isLeaf, readDirectory } from './blocks.ts'
import type { CID } from './cid.ts'
import { cutLeaf, leavesInRange } from './file-range.ts'

/** Where blocks and files are read from: a node, gateways, or CAR files. */
export interface BlockSource {
  /** One block, checked against its CID; may wait as long as the signal lets it. */
  block(cid: CID, signal: AbortSignal): Promise<Uint8Array>
  /** The bytes of a file, or a part of them; waits as `block` does. */
  cat(file: FileRef, signal: AbortSignal, range?: Range): Bytes
}

/** A file, as it is found from a root. */
export interface FileRef {
  readonly root: CID
  /** The names of the directories on the way, and its own; none where the root is the file. */
  readonly path: readonly string[]
  /** `sha256:<hex>` of its bytes, where that is known: a file of one leaf is the block with this hash. */
  readonly digest?: string
}

/** What a node, a gateway or a message calls a file: `/ipfs/<cid>/…`. */
export function pathOf({ root, path }: FileRef): string {
  return ['/ipfs', root, ...path].join('/')
}

/** A part of a file, in bytes. */
export interface Range {
  readonly offset: number
  readonly length: number
}

/** Bytes of a file that is read without a range, at most, where a place cannot tell how long it is: a document. */
export const MAX_WHOLE = 16 * 1024 * 1024

/** Blocks that a place is asked for at a time, and other questions that it answers from what it has. */
export const AT_ONCE = 16

type ReadBlock = BlockSource['block']

/** Levels of a file's tree: two hold 1024 × 1024 leaves. */
const MAX_DEPTH = 8
/** Blocks in a row that bring no byte: a tree of nothing else could be walked for ever. */
const MAX_EMPTY = 4096

/**
 * Reads a file, or a part of it, from its blocks.
 * @throws NOT_AN_IMAGE when there is no such file; what `block` throws
 */
export async function* catBlocks(file: FileRef, block: ReadBlock, signal: AbortSignal, range?: Range): Bytes {
  const read = (cid: CID) => block(cid, signal)
  const top = await findFile(file, read)
  if (range !== undefined) {
    yield* catRange(top, range, read)
    return
  }
  let empty = 0
  for await (const bytes of mapInOrder(leavesOf(top, block, signal), AT_ONCE, read)) {
    empty = bytes.length === 0 ? empty + 1 : 0
    if (empty > MAX_EMPTY) throw tooEmpty(pathOf(file))
    yield bytes
  }
}

async function* catRange(file: CID, { offset, length }: Range, read: (cid: CID) => Promise<Uint8Array>): Bytes {
  const leaves = leavesInRange(file, { from: offset, to: offset + length }, read)
  yield* mapInOrder(leaves, AT_ONCE, async (leaf) => cutLeaf(leaf, await read(leaf.cid)))
}

/**
 * Goes down the directories to a file; gives the top of its tree.
 * @throws NOT_AN_IMAGE when there is no such file; what `block` throws
 */
export async function findFile({ root, path }: FileRef, block: (cid: CID) => Promise<Uint8Array>): Promise<CID> {
  let cid = root
  for (const name of path) {
    const next = readDirectory({ cid, bytes: await block(cid) })?.get(name)
    if (next === undefined) throw new DockerIpfsError('NOT_AN_IMAGE', `${root} has no ${path.join('/')}`)
    cid = next
  }
  return cid
}

/** The leaves of a file, in order. */
async function* leavesOf(root: CID, block: ReadBlock, signal: AbortSignal): AsyncGenerator<CID> {
  const levels: CID[][] = [[root]]
  let nodes = 0
  while (levels.length > 0) {
    const cid = levels.at(-1)?.shift()
    if (cid === undefined) {
      levels.pop()
    } else if (isLeaf(cid)) {
      nodes = 0
      yield cid
    } else {
      nodes += 1
      if (nodes > MAX_EMPTY || levels.length > MAX_DEPTH) throw tooEmpty(root.toString())
      levels.push(childrenOf({ cid, bytes: await block(cid, signal) }))
    }
  }
}

function tooEmpty(what: string): DockerIpfsError {
  return new DockerIpfsError('NOT_AN_IMAGE', `${what} is no file that docker ipfs wrote`)
}
