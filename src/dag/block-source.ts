import { DockerIpfsError } from '../errors.ts'
import { type Bytes, mapInOrder } from '../streams.ts'
import type { CID } from './cid.ts'
import { cutLeaf, leavesInRange } from './file-range.ts'
import { AT_ONCE, descend } from './walk.ts'

/** Where blocks and files are read from: a node, gateways, or CAR files. Once a signal is aborted, nothing comes but its reason. */
export interface BlockSource {
  /**
   * One block, checked against its CID; may wait as long as the signal lets it.
   * @throws CONTENT_NOT_FOUND where it is known that nobody gives it; INTEGRITY where only other bytes are to be had
   */
  block(cid: CID, signal: AbortSignal): Promise<Uint8Array>
  /**
   * The bytes of a file, or a part of them; waits as `block` does. Of a range that ends behind the file comes what there is.
   * @throws NOT_AN_IMAGE where there is no such file; of a node NODE_FAILED, with its words; of gateways perhaps CONTENT_NOT_FOUND, since they need
   *   not say why they do not give it; what `block` throws
   */
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
export const MAX_WHOLE = 40 * 1024 * 1024

const WHOLE: Range = { offset: 0, length: Number.POSITIVE_INFINITY }

/**
 * Reads a file, or a part of it, from its blocks, some of them ahead.
 * @throws NOT_AN_IMAGE when there is no such file; what `block` throws
 */
export async function* catBlocks(
  file: FileRef,
  block: BlockSource['block'],
  signal: AbortSignal,
  { offset, length }: Range = WHOLE,
): Bytes {
  const read = (cid: CID) => block(cid, signal)
  const leaves = leavesInRange(await findFile(file, read), { from: offset, to: offset + length }, read)
  for await (const bytes of mapInOrder(leaves, AT_ONCE, async (leaf) => cutLeaf(leaf, await read(leaf.cid)))) {
    // What was read ahead is there already.
    signal.throwIfAborted()
    yield bytes
  }
}

/**
 * Goes down the directories to a file; gives the top of its tree.
 * @throws NOT_AN_IMAGE when there is no such file; what `block` throws
 */
export async function findFile({ root, path }: FileRef, block: (cid: CID) => Promise<Uint8Array>): Promise<CID> {
  const found = await descend(root, path, block)
  if (found === undefined) throw new DockerIpfsError('NOT_AN_IMAGE', `${root} has no ${path.join('/')}`)
  return found
}
