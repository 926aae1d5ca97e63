import { recordPath } from '../catalogue/catalogue.ts'
import { list } from '../catalogue/list.ts'
import type { ImageRecord } from '../catalogue/records.ts'
import { readDirectory } from '../dag/blocks.ts'
import { type CID, parseCid } from '../dag/cid.ts'
import { blocksBelow, bytesWithout, isImage, type Walked } from '../dag/sizes.ts'
import { AT_ONCE, descend } from '../dag/walk.ts'
import { DockerIpfsError } from '../errors.ts'
import { hexOf } from '../image/canonical.ts'
import { familiarName } from '../image/name.ts'
import type { Blocks } from '../store/blocks.ts'
import type { Pins } from '../store/pins.ts'
import { mapInOrder } from '../streams.ts'
import { outlasting } from '../time.ts'
import { parseReference } from './reference.ts'
import { type ResolveOptions, resolve } from './resolve.ts'

/** Time for a removal that is cancelled when it has begun, in milliseconds. */
const FINISH_MS = 10_000

export interface RemoveOptions extends ResolveOptions {
  readonly blocks: Pick<Blocks, 'block'> & Walked
  readonly pins: Pick<Pins, 'isPinned' | 'pinnedRoots' | 'unpin'>
  /** Of an image that is given by its CID all names go. */
  readonly force?: boolean
  /** Says whether an image with these full names may leave the node: by an error. */
  readonly mayGo?: (root: CID, names: readonly string[]) => Promise<void>
  /** Nobody wants to know what GC then frees: to count it walks all images. */
  readonly uncounted?: boolean
}

export interface Removal {
  /** Full names that were taken away. */
  readonly untagged: readonly string[]
  /** The image, where it had no other name: it is not pinned any more, and GC may take it. */
  readonly deleted: CID | undefined
  /**
   * Bytes that the node's next GC then frees: those of its blocks that neither the catalogue nor another pinned image has. Undefined where they cannot
   * be counted: the image goes all the same.
   */
  readonly freed: number | undefined
}

/**
 * Takes a name from the catalogue, or an image by its CID. With its last name an image goes too: its pin, its record, and layers
 * that no other image of the catalogue has. That holds for an image whose record was lost or edited too.
 * @throws REFERENCE_INVALID, IMAGE_NOT_FOUND, USAGE for the CID of an image with several names, NODE_*
 */
export async function remove(reference: string, options: RemoveOptions): Promise<Removal> {
  const { node, catalogue } = options
  const pushed = await removePushed(reference, options)
  if (pushed !== undefined) return pushed
  const { root, name } = await resolve(reference, options)
  const { images, odd } = await list(options)
  const mine = images.filter((image) => image.root.equals(root))
  const names = mine.flatMap((image) => image.name ?? [])
  if (mine.length === 0) {
    throw new DockerIpfsError('IMAGE_NOT_FOUND', `the catalogue of the node at ${node.address} has no ${reference}`, {
      hint: '"docker ipfs ls" lists what it has.',
    })
  }
  if (name === undefined && names.length > 1 && !options.force) {
    throw new DockerIpfsError('USAGE', `${root} has several names: ${names.map(familiarName).join(', ')}`, {
      hint: 'Give the names, or --force to remove all.',
    })
  }
  const untagged = name === undefined ? names : [name]
  const isLast = names.length === untagged.length
  const its =
    isLast && options.uncounted !== true ? await counted(() => blocksBelow(root, options), options) : undefined
  const record = mine[0]?.record ?? (isLast ? await recordOfOdd(root, odd, options) : undefined)
  if (isLast && record !== undefined) await options.mayGo?.(root, names)
  options.signal.throwIfAborted()
  // From here on it is carried through, or the image would stay without a name.
  const signal = outlasting(options.signal, FINISH_MS)
  await catalogue.removeNames(untagged, signal)
  if (!isLast || record === undefined) return { untagged, deleted: undefined, freed: 0 }
  const others = images.flatMap((image) => (image.root.equals(root) || !image.record ? [] : [image.record]))
  await forget(root, record, others, { ...options, signal })
  const freed = its && (await counted(async () => bytesWithout(its, await keptRoots(options), options), options))
  return { untagged, deleted: root, freed }
}

/** The name of what was pushed and is no image, such as a chart: `prune` takes the rest of it. */
async function removePushed(text: string, { catalogue, signal }: RemoveOptions): Promise<Removal | undefined> {
  const reference = parseReference(text)
  if (reference.kind !== 'name' || (await catalogue.findName(reference.name, signal)) !== undefined) return undefined
  if (!(await catalogue.hasOriginal(reference.name, signal))) return undefined
  await catalogue.removeNames([reference.name], signal)
  return { untagged: [reference.name], deleted: undefined, freed: 0 }
}

/** What counts only tells: a block that is damaged, or a node that has something against a question, must not keep an image. */
async function counted<T>(count: () => Promise<T>, { signal }: RemoveOptions): Promise<T | undefined> {
  try {
    return await count()
  } catch (error) {
    if (signal.aborted || !(error instanceof DockerIpfsError)) throw error
    return undefined
  }
}

/** What is to be taken away with an image, as its record says. */
type Traces = Pick<ImageRecord, 'imageIds' | 'layers'>

/**
 * The same of an image whose record cannot be read: what the catalogue links to it, and the layers whose blobs are its own. Undefined for what is
 * no image, and never was one here: a folder that somebody put among the names may be pinned for another reason.
 */
async function recordOfOdd(root: CID, odd: readonly string[], options: RemoveOptions): Promise<Traces | undefined> {
  const { catalogue, blocks, signal } = options
  if (!odd.includes(recordPath(root)) && !(await counted(() => isImage(root, options), options))) return undefined
  const ids = (await catalogue.entries('ids', signal)) ?? []
  const own = (cid: CID) => counted(() => blocks.ownBlock(cid, signal), options)
  const folder = await descend(root, ['blobs', 'sha256'], own)
  const bytes = folder && (await own(folder))
  const blobs = new Set(bytes && folder ? readDirectory({ cid: folder, bytes })?.keys() : [])
  const layers: string[] = []
  const looked = mapInOrder((await catalogue.entries('layers', signal)) ?? [], AT_ONCE, async ({ name }) => {
    const layer = await catalogue.findLayer(name, signal)
    return layer !== undefined && blobs.has(hexOf(layer.blobDigest)) ? [layer.diffId] : []
  })
  for await (const found of looked) layers.push(...found)
  return { imageIds: ids.filter(({ cid }) => cid.equals(root)).map(({ name }) => `sha256:${name}`), layers }
}

/** What GC keeps of ours: the catalogue, and images that are pinned. Other pins are not looked at: they may be anything. */
async function keptRoots(options: RemoveOptions): Promise<CID[]> {
  const { catalogue, pins, signal } = options
  const [top, pinned] = await Promise.all([catalogue.top(signal), pins.pinnedRoots(signal)])
  const kept = top === undefined ? [] : [top]
  const looked = mapInOrder([...pinned].map(parseCid), AT_ONCE, async (cid) =>
    (await isImage(cid, options)) ? [cid] : [],
  )
  for await (const images of looked) kept.push(...images)
  return kept
}

/** Takes away all else that keeps an image. The record goes last: what was broken off can be done again. */
async function forget(
  root: CID,
  record: Traces,
  others: readonly ImageRecord[],
  options: RemoveOptions,
): Promise<void> {
  const { catalogue, pins, signal } = options
  const kept = new Set(others.flatMap(({ layers }) => layers))
  const gone = new Set(record.layers.filter((diffId) => !kept.has(diffId)))
  const keys: string[] = []
  const layers = (await catalogue.entries('layers', signal)) ?? []
  const looked = mapInOrder(layers, AT_ONCE, async ({ name }) => {
    const diffId = gone.has(`sha256:${name}`) ? `sha256:${name}` : await catalogue.layerOf(name, signal)
    return diffId !== undefined && gone.has(diffId) ? [`layers/${name}`] : []
  })
  for await (const found of looked) keys.push(...found)
  const ids: string[] = []
  for (const id of record.imageIds) {
    if (await catalogue.hasId(id, root, signal)) ids.push(`ids/${hexOf(id)}`)
  }
  await catalogue.remove([...keys, ...ids], signal)
  if (await pins.isPinned(root, signal)) await pins.unpin(root, signal)
  await catalogue.remove([recordPath(root), `copies/${root}.json`], signal)
}
