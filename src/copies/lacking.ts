import { type Block, blockKey, isLeaf, linksOf } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { AT_ONCE } from '../dag/walk.ts'
import type { BlockStore } from '../store/blocks.ts'
import { mapInOrder } from '../streams.ts'

export interface Lacking {
  readonly from: Pick<BlockStore, 'block'>
  readonly to: Pick<BlockStore, 'hasBlock' | 'ownDag'>
  readonly signal: AbortSignal
}

/**
 * The blocks of a DAG that another node lacks. Where it has all that is below a node, none of that is looked at; else its leaves are asked for one by
 * one, so that what a broken request brought, or another version of the image, is not sent again.
 */
export async function* lacking(root: CID, options: Lacking, seen = new Set<string>()): AsyncGenerator<Block> {
  const { from, to, signal } = options
  const isNew = (cid: CID) => !seen.has(blockKey(cid)) && seen.add(blockKey(cid)) !== undefined
  if (!isNew(root) || (await to.ownDag(root, signal)) !== undefined) return
  const block = { cid: root, bytes: await from.block(root, signal) }
  // It costs less to send it than to ask for it.
  yield block
  const links = linksOf(block).map(({ cid }) => cid)
  const leaves = mapInOrder(links.filter(isLeaf).filter(isNew), AT_ONCE, async (cid) =>
    (await to.hasBlock(cid, signal)) ? undefined : { cid, bytes: await from.block(cid, signal) },
  )
  for await (const leaf of leaves) if (leaf !== undefined) yield leaf
  for (const node of links) if (!isLeaf(node)) yield* lacking(node, options, seen)
}
