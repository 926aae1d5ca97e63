import { type CID, parseCid } from '../dag/cid.ts'
import { fullName } from '../docker/reference.ts'
import type { Catalogue } from '../kubo/catalogue.ts'
import type { Node } from '../kubo/node.ts'
import type { ImageRecord } from '../kubo/records.ts'
import { mapInOrder } from '../streams.ts'

/** An image of the catalogue, once for each of its names. */
export interface Listed {
  /** Full name; undefined for an image that has none (any more). */
  readonly name: string | undefined
  readonly root: CID
  /** Undefined where the catalogue's record is missing or was edited into something else. */
  readonly record: ImageRecord | undefined
  /** Bytes of its blobs as they are stored, shared ones included; undefined when the node has no such image. */
  readonly size: number | undefined
}

export interface Listing {
  /** By name, those without one last. */
  readonly images: readonly Listed[]
  /** Paths in the catalogue that are neither a folder of names nor a name. Nothing touches them. */
  readonly odd: readonly string[]
}

/** What the use cases of the catalogue need. */
export interface OnNode {
  readonly node: Pick<Node, 'address' | 'catalogue' | 'isPinned' | 'unpin'>
  readonly signal: AbortSignal
}

/** Questions to the node at a time. */
const AT_ONCE = 16
/** Folders below each other; docker's names have far fewer parts. */
const MAX_DEPTH = 64

interface Found {
  readonly images: { readonly name: string | undefined; readonly root: CID }[]
  readonly odd: string[]
}

/**
 * What the node's catalogue has: the names in it, and the images of its records that no name leads to. It may have been edited
 * by hand: whatever has not the right shape is told as odd.
 * @throws NODE_*
 */
export async function list({ node: { catalogue }, signal }: OnNode): Promise<Listing> {
  const found: Found = { images: [], odd: [] }
  await findNamed(catalogue, '', found, signal)
  found.images.sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1))
  await findNameless(catalogue, found, signal)
  const images: Listed[] = []
  const looked = mapInOrder(found.images, AT_ONCE, async ({ name, root }) => {
    const [record, size] = await Promise.all([catalogue.record(root, signal), catalogue.sizeOf(root, signal)])
    return { name, root, record, size }
  })
  for await (const image of looked) images.push(image)
  return { images, odd: found.odd }
}

async function findNamed(catalogue: Catalogue, folder: string, found: Found, signal: AbortSignal): Promise<void> {
  const entries = await catalogue.entries(`images${folder}`, signal)
  const depth = folder.split('/').length - 1
  if (depth > 0 && (entries === undefined || depth > MAX_DEPTH)) {
    found.odd.push(`images${folder}`)
    return
  }
  for (const { name, cid } of entries ?? []) {
    const path = `${folder}/${name}`
    // Of a registry, the first part, the part behind the colon is its port.
    if (depth === 0 || !name.includes(':')) await findNamed(catalogue, path, found, signal)
    else if (fullName(path.slice(1)) === path.slice(1)) found.images.push({ name: path.slice(1), root: cid })
    else found.odd.push(`images${path}`)
  }
}

async function findNameless(catalogue: Catalogue, found: Found, signal: AbortSignal): Promise<void> {
  const named = new Set(found.images.map(({ root }) => root.toString()))
  for (const { name } of (await catalogue.entries('records', signal)) ?? []) {
    const root = rootOf(name)
    if (root === undefined || (await catalogue.record(root, signal)) === undefined) found.odd.push(`records/${name}`)
    else if (!named.has(root.toString())) found.images.push({ name: undefined, root })
  }
}

function rootOf(file: string): CID | undefined {
  try {
    return file.endsWith('.json') ? parseCid(file.slice(0, -'.json'.length)) : undefined
  } catch {
    return undefined
  }
}
