import { type KeptOptions, kept } from '../catalogue/kept.ts'
import { type CID, parseCid } from '../dag/cid.ts'

/** An image of the node, and its names as docker shows them. */
export interface KeptRoot {
  readonly root: CID
  /** With commas between them. */
  readonly names: string
}

/**
 * The images that the catalogue has, each once.
 * @throws NODE_*
 */
export async function keptRoots(options: KeptOptions): Promise<KeptRoot[]> {
  const byRoot = Map.groupBy(await kept(options), ({ root }) => root)
  return [...byRoot].map(([root, images]) => {
    const names = images.flatMap(({ name }) => name ?? [])
    return { root: parseCid(root), names: names.length === 0 ? '<none>' : names.join(', ') }
  })
}
