import type { CID } from '../dag/cid.ts'
import { familiarName } from '../docker/reference.ts'
import { DockerIpfsError } from '../errors.ts'
import { hexOf, recordPath } from '../kubo/catalogue.ts'
import type { ImageRecord } from '../kubo/records.ts'
import { list, type OnNode } from './list.ts'
import { resolve } from './resolve.ts'

export interface Removed {
  /** Full names that were taken away. */
  readonly untagged: readonly string[]
  /** The image, where it had no other name: it is not pinned any more, and GC may take it. */
  readonly deleted: CID | undefined
}

/**
 * Takes a name from the catalogue, or an image by its CID. With its last name an image goes too: its pin, its record, and layers
 * that no other image of the catalogue has.
 * @throws REFERENCE_INVALID, IMAGE_NOT_FOUND, USAGE for the CID of an image with several names, NODE_*
 */
export async function remove(reference: string, parts: OnNode): Promise<Removed> {
  const { node, signal } = parts
  const { root, name } = await resolve(reference, parts)
  const { images } = await list(parts)
  const mine = images.filter((image) => image.root.equals(root))
  const names = mine.flatMap((image) => image.name ?? [])
  if (mine.length === 0) {
    throw new DockerIpfsError('IMAGE_NOT_FOUND', `the catalogue of the node at ${node.address} has no ${reference}`, {
      hint: '"docker ipfs ls" lists what it has.',
    })
  }
  if (name === undefined && names.length > 1) {
    throw new DockerIpfsError('USAGE', `${root} has several names: ${names.map(familiarName).join(', ')}`, {
      hint: 'Give the names.',
    })
  }
  const untagged = name === undefined ? names : [name]
  await node.catalogue.remove(
    untagged.map((full) => `images/${full}`),
    signal,
  )
  if (names.length > untagged.length) return { untagged, deleted: undefined }
  const record = mine[0]?.record
  if (record === undefined) return { untagged, deleted: undefined }
  const others = images.flatMap((image) => (image.root.equals(root) || !image.record ? [] : [image.record]))
  await forget(root, record, others, parts)
  return { untagged, deleted: root }
}

/** Takes away all else that keeps an image. The record goes last: what was broken off can be done again. */
async function forget(root: CID, record: ImageRecord, others: readonly ImageRecord[], parts: OnNode): Promise<void> {
  const { node, signal } = parts
  const { catalogue } = node
  const kept = new Set(others.flatMap(({ layers }) => layers))
  const gone = new Set(record.layers.filter((diffId) => !kept.has(diffId)))
  const keys: string[] = []
  for (const { name } of (await catalogue.entries('layers', signal)) ?? []) {
    const diffId = gone.has(`sha256:${name}`) ? `sha256:${name}` : await catalogue.layerOf(name, signal)
    if (diffId !== undefined && gone.has(diffId)) keys.push(`layers/${name}`)
  }
  const ids: string[] = []
  for (const id of record.imageIds) {
    if ((await catalogue.findImage(id, signal))?.root.equals(root)) ids.push(`ids/${hexOf(id)}`)
  }
  await catalogue.remove([...keys, ...ids], signal)
  if (await node.isPinned(root, signal)) await node.unpin(root, signal)
  await catalogue.remove([recordPath(root)], signal)
}
