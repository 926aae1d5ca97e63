import { type KeptOptions, kept } from '../catalogue/kept.ts'
import { type CID, parseCid } from '../dag/cid.ts'

/** An image of the node, and its names. */
export interface KeptRoot {
  readonly root: CID
  /** As docker shows them. */
  readonly names: readonly string[]
  /** The same in a cell of a table. */
  readonly shown: string
}

/**
 * The images that the catalogue has, each once.
 * @throws NODE_*
 */
export async function keptImages(options: KeptOptions): Promise<KeptRoot[]> {
  const byRoot = Map.groupBy(await kept(options), ({ root }) => root)
  return [...byRoot].map(([root, images]) => {
    const names = images.flatMap(({ name }) => name ?? [])
    return { root: parseCid(root), names, shown: names.length === 0 ? '<none>' : names.join(', ') }
  })
}
