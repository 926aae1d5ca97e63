import { type CID, parseCid } from '../dag/cid.ts'
import { imageSize, Shares, type Walked } from '../dag/sizes.ts'
import { AT_ONCE } from '../dag/walk.ts'
import { fullName } from '../image/name.ts'
import type { Pins } from '../store/pins.ts'
import { mapInOrder } from '../streams.ts'
import type { Catalogue } from './catalogue.ts'
import type { ImageRecord } from './records.ts'

/** An image of the catalogue, once for each of its names. */
export interface CatalogueImage {
  /** Full name; undefined for an image that has none (any more). */
  readonly name: string | undefined
  readonly root: CID
  /** Undefined where the catalogue's record is missing or was edited into something else. */
  readonly record: ImageRecord | undefined
  /** Bytes of all its blocks, those that others have too included; undefined when the node has no such image. */
  readonly size: number | undefined
}

export interface CatalogueListing {
  /** By name, those without one last. */
  readonly images: readonly CatalogueImage[]
  /** Paths in the catalogue that are neither a folder of names nor a name. Nothing touches them. */
  readonly odd: readonly string[]
}

/** What the use cases of the catalogue need. */
export interface ListOptions {
  readonly catalogue: Catalogue
  readonly blocks: Walked
  readonly pins: Pick<Pins, 'pinnedRoots'>
  readonly signal: AbortSignal
}

/** Folders below each other; docker's names have far fewer parts. */
const MAX_DEPTH = 64

type Records = ReadonlyMap<string, ImageRecord | undefined>

/** The names of the catalogue, and what stands among them without being one. */
export interface CatalogueNames {
  readonly images: readonly NamedRoot[]
  readonly odd: readonly string[]
}

interface NamedRoot {
  /** Full name. */
  readonly name: string
  readonly root: CID
}

/**
 * What the node's catalogue has: the names in it, and the images of its records that no name leads to. It may have been edited
 * by hand: whatever has not the right shape is told as odd.
 * @throws NODE_*
 */
export async function list({ catalogue, blocks, pins, signal }: ListOptions): Promise<CatalogueListing> {
  const [records, pinned, names] = await Promise.all([
    catalogue.records(signal),
    pins.pinnedRoots(signal),
    findNames(catalogue, signal),
  ])
  const nameless = findNameless(records, names.images)
  const found = [
    ...names.images.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    ...nameless.roots.map((root) => ({ name: undefined, root })),
  ]
  const roots = [...new Map(found.map(({ root }) => [root.toString(), root])).values()]
  const sizes = new Map<string, number | undefined>()
  // What is pinned is whole, and the record was written when it was.
  const looked = mapInOrder(roots, AT_ONCE, async (root) => {
    const key = root.toString()
    sizes.set(
      key,
      (pinned.has(key) ? records.get(key)?.size : undefined) ?? (await imageSize(root, { blocks, signal })),
    )
  })
  for await (const _ of looked);
  const images = found.map(({ name, root }) => {
    return { name, root, record: records.get(root.toString()), size: sizes.get(root.toString()) }
  })
  return { images, odd: [...names.odd, ...nameless.odd] }
}

/** Bytes of blocks that no other image of the list has, by root CID. Walks all of them. */
export async function uniqueSizes(
  images: readonly CatalogueImage[],
  { blocks, signal }: ListOptions,
): Promise<Map<string, number>> {
  const roots = [...new Map(images.map(({ root }) => [root.toString(), root])).values()]
  const shares = new Shares({ blocks, signal })
  for (const [owner, root] of roots.entries()) await shares.add(owner, root)
  return new Map(roots.map((root, owner) => [root.toString(), shares.unique(owner)]))
}

/** The names in the catalogue, as its folders have them. */
export async function findNames(catalogue: Catalogue, signal: AbortSignal): Promise<CatalogueNames> {
  const images: NamedRoot[] = []
  const odd: string[] = []
  const walk = async (folder: string, depth: number): Promise<void> => {
    const entries = await catalogue.entries(`images${folder}`, signal)
    if (depth > 0 && (entries === undefined || depth > MAX_DEPTH)) {
      odd.push(`images${folder}`)
      return
    }
    for (const { name, cid } of entries ?? []) {
      const path = `${folder}/${name}`
      // Of a registry, the first part, the part behind the colon is its port.
      if (depth === 0 || !name.includes(':')) await walk(path, depth + 1)
      else if (fullName(path.slice(1)) === path.slice(1)) images.push({ name: path.slice(1), root: cid })
      else odd.push(`images${path}`)
    }
  }
  await walk('', 0)
  return { images, odd }
}

/** The images of records that no name leads to. */
function findNameless(records: Records, named: readonly NamedRoot[]) {
  const known = new Set(named.map(({ root }) => root.toString()))
  const roots: CID[] = []
  const odd: string[] = []
  for (const [key, record] of records) {
    const root = record === undefined ? undefined : rootOfRecord(key)
    if (root === undefined) odd.push(`records/${key}`)
    else if (!known.has(root.toString())) roots.push(root)
  }
  return { roots, odd }
}

/** The root CID that a record is called by; undefined for what is none. */
export function rootOfRecord(key: string): CID | undefined {
  try {
    return parseCid(key)
  } catch {
    return undefined
  }
}
