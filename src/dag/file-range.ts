import { isLeaf, type Link, partsOf } from './blocks.ts'
import type { CID } from './cid.ts'
import { depthFirst, noFile } from './walk.ts'

type ReadBlock = (cid: CID) => Promise<Uint8Array>

/** The part of a leaf that lies in a range of its file. */
export interface LeafPart {
  readonly cid: CID
  /** Bytes of the whole leaf; undefined where no node says so, since the leaf is the file. */
  readonly size: number | undefined
  readonly from: number
  readonly to: number
}

/**
 * The leaves that hold the bytes `from` to `to` (exclusive) of a file, in order, with no others asked for. Nodes of the tree
 * are read with `block`.
 * @throws NOT_AN_IMAGE, and what `block` throws
 */
export async function* leavesInRange(
  cid: CID,
  { from, to }: { readonly from: number; readonly to: number },
  block: ReadBlock,
): AsyncGenerator<LeafPart> {
  const below = async (node: LeafPart) => {
    const inside: LeafPart[] = []
    let at = 0
    for (const { cid: child, size } of await partsIn(node.cid, cid, block)) {
      // Parts without bytes are stepped over, however many there are.
      if (size > 0 && at + size > node.from && at < node.to) {
        inside.push({ cid: child, size, from: Math.max(0, node.from - at), to: Math.min(size, node.to - at) })
      }
      at += size
    }
    return inside
  }
  if (to <= from) return
  for await (const part of depthFirst({ cid, size: undefined, from, to }, below)) if (isLeaf(part.cid)) yield part
}

/**
 * The links of a file's tree, depth first, each before what is below it. Nodes are read with `block`, one at a time: that of a link when the next
 * link is asked for.
 * @throws NOT_AN_IMAGE, and what `block` throws
 */
export async function* linksOfFile(cid: CID, block: ReadBlock): AsyncGenerator<Link> {
  const top: Link = { cid, size: 0 }
  for await (const link of depthFirst(top, (node) => partsIn(node.cid, cid, block))) if (link !== top) yield link
}

async function partsIn(node: CID, file: CID, block: ReadBlock): Promise<Link[]> {
  const parts = partsOf({ cid: node, bytes: await block(node) })
  if (parts === undefined) throw noFile(file)
  return parts
}

/**
 * What a leaf has in the range.
 * @throws NOT_AN_IMAGE when the leaf is not as long as its node says
 */
export function cutLeaf({ cid, size, from, to }: LeafPart, bytes: Uint8Array): Uint8Array {
  if (size !== undefined && bytes.length !== size) throw noFile(cid)
  return bytes.subarray(from, to)
}
