import { familiarName } from '../image/name.ts'
import type { Catalogue } from './catalogue.ts'
import { findNames, rootOfRecord } from './list.ts'

/** An image that the node keeps, once for each of its names. */
export interface KeptImage {
  /** As docker shows it; undefined for an image without a name. */
  readonly name: string | undefined
  /** Its root CID. */
  readonly root: string
}

export interface KeptOptions {
  readonly catalogue: Catalogue
  readonly signal: AbortSignal
}

/**
 * What the catalogue says that it has, with as few questions as can be: no image is looked at, nor is its record.
 * @throws NODE_*
 */
export async function kept({ catalogue, signal }: KeptOptions): Promise<KeptImage[]> {
  const [records, { images }] = await Promise.all([catalogue.entries('records', signal), findNames(catalogue, signal)])
  const named = images.map(({ name, root }) => ({ name: familiarName(name), root: root.toString() }))
  const roots = new Set(named.map(({ root }) => root))
  // People may edit the catalogue, and what is none of its records goes to nobody's terminal.
  const others = (records ?? []).flatMap(({ name }) => rootOfRecord(name.replace(/\.json$/, ''))?.toString() ?? [])
  return [...named, ...others.filter((root) => !roots.has(root)).map((root) => ({ name: undefined, root }))]
}
