import { familiarName } from '../image/name.ts'
import type { Catalogue } from './catalogue.ts'
import { type Found, findNamed, rootOf } from './list.ts'

/** An image that the node keeps, once for each of its names. */
export interface Kept {
  /** As docker shows it; undefined for an image without a name. */
  readonly name: string | undefined
  /** Its root CID. */
  readonly root: string
}

interface OnCatalogue {
  readonly catalogue: Catalogue
  readonly signal: AbortSignal
}

/**
 * What the catalogue says that it has, with as few questions as can be: no image is looked at, nor is its record.
 * @throws NODE_*
 */
export async function kept({ catalogue, signal }: OnCatalogue): Promise<Kept[]> {
  const found: Found = { images: [], odd: [] }
  const [records] = await Promise.all([catalogue.entries('records', signal), findNamed(catalogue, '', found, signal)])
  const named = found.images.map(({ name, root }) => {
    return { name: name === undefined ? undefined : familiarName(name), root: root.toString() }
  })
  const roots = new Set(named.map(({ root }) => root))
  // People may edit the catalogue, and what is none of its records goes to nobody's terminal.
  const others = (records ?? []).flatMap(({ name }) => rootOf(name.replace(/\.json$/, ''))?.toString() ?? [])
  return [...named, ...others.filter((root) => !roots.has(root)).map((root) => ({ name: undefined, root }))]
}
