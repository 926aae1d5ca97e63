import { DockerIpfsError } from '../errors.ts'
import { isLeaf, partsOf } from './blocks.ts'
import type { CID } from './cid.ts'

/** The part of a leaf that lies in a range of its file. */
export interface LeafPart {
  readonly cid: CID
  /** Bytes of the whole leaf; undefined where no node says so, since the leaf is the file. */
  readonly size: number | undefined
  readonly from: number
  readonly to: number
}

/** Levels of a file's tree: two hold 1024 × 1024 leaves. */
const MAX_DEPTH = 8

/**
 * The leaves that hold the bytes `from` to `to` (exclusive) of a file, in order, with no others asked for. Nodes of the tree
 * are read with `block`.
 * @throws NOT_AN_IMAGE, and what `block` throws
 */
export async function* leavesInRange(
  cid: CID,
  { from, to }: { readonly from: number; readonly to: number },
  block: (cid: CID) => Promise<Uint8Array>,
): AsyncGenerator<LeafPart> {
  async function* walk(part: LeafPart, depth: number): AsyncGenerator<LeafPart> {
    const parts = partsOf({ cid: part.cid, bytes: await block(part.cid) })
    if (parts === undefined || depth > MAX_DEPTH) throw notOurs(cid)
    let at = 0
    for (const { cid: child, size } of parts) {
      // Parts without bytes are stepped over, however many there are.
      if (at + size > part.from && at < part.to) {
        const inside = { from: Math.max(0, part.from - at), to: Math.min(size, part.to - at) }
        const next = { cid: child, size, ...inside }
        if (isLeaf(child)) yield next
        else yield* walk(next, depth + 1)
      }
      at += size
    }
  }
  if (to <= from) return
  const file = { cid, size: undefined, from, to }
  if (isLeaf(cid)) yield file
  else yield* walk(file, 0)
}

/**
 * The links of a file's tree, depth first, each before what is below it. Nodes are read with `block`, one at a time: that of a link when the next
 * link is asked for.
 * @throws NOT_AN_IMAGE, and what `block` throws
 */
export async function* linksOfFile(
  cid: CID,
  block: (cid: CID) => Promise<Uint8Array>,
  depth = 0,
): AsyncGenerator<{ readonly cid: CID; readonly size: number }> {
  if (isLeaf(cid)) return
  const parts = partsOf({ cid, bytes: await block(cid) })
  if (parts === undefined || depth > MAX_DEPTH) throw notOurs(cid)
  for (const part of parts) {
    yield part
    if (!isLeaf(part.cid)) yield* linksOfFile(part.cid, block, depth + 1)
  }
}

/**
 * What a leaf has in the range.
 * @throws NOT_AN_IMAGE when the leaf is not as long as its node says
 */
export function cutLeaf({ cid, size, from, to }: LeafPart, bytes: Uint8Array): Uint8Array {
  if (size !== undefined && bytes.length !== size) throw notOurs(cid)
  return bytes.subarray(from, to)
}

function notOurs(cid: CID): DockerIpfsError {
  return new DockerIpfsError('NOT_AN_IMAGE', `${cid} is no file that docker ipfs wrote`)
}
