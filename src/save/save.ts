import type { Catalogue } from '../catalogue/catalogue.ts'
import { type ImageRecord, writeImageRecord } from '../catalogue/records.ts'
import type { BlockSink } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { imageSize } from '../dag/walk.ts'
import type { Engine, ImageInfo } from '../engine/engine.ts'
import { DockerIpfsError, hasCode, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import { type ImageDag, writeImage } from '../format/image-dag.ts'
import { type Layer, writeLayer } from '../format/layer.ts'
import { fullName } from '../image/name.ts'
import { parsePlatform } from '../image/platform.ts'
import type { LayerEntry } from '../image/saved-image.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { Node } from '../store/node.ts'
import type { Pins } from '../store/pins.ts'
import type { Bytes } from '../streams.ts'
import { confirm } from './confirm.ts'
import { findVersions, type Known, keysOf, knowNothing, lookUp } from './known.ts'
import { askForImage, type PackedImage, readPacked } from './packed-image.ts'

export interface SaveParts {
  readonly engine: Engine
  readonly node: Pick<Node, 'address' | 'version'>
  readonly blocks: BlockStore
  readonly pins: Pins
  readonly catalogue: Catalogue
  readonly report: Report
  readonly signal: AbortSignal
  /** Do all the work, whatever the catalogue knows. */
  readonly noCache?: boolean
  /** What the engine said of the image, where it has been asked. */
  readonly found?: Promise<ImageInfo | undefined> | undefined
  /** Of an image with several platforms, only this one. */
  readonly platform?: string | undefined
}

export interface SaveResult {
  /** Root CID of the image DAG, CIDv1 base32. */
  readonly root: string
  /** sha256 of the image config, `sha256:<hex>`. */
  readonly configDigest: string
}

/** Time for writing the catalogue, in milliseconds. */
const CATALOGUE_MS = 30_000

/**
 * Saves one image of the engine to the node, pins it there and writes it into the catalogue. Nothing is pinned unless all of
 * it is there.
 * @throws IMAGE_NOT_FOUND, ENGINE_*, NODE_*, ARCHIVE_INVALID, INTEGRITY
 */
export async function save(image: string, parts: SaveParts): Promise<SaveResult> {
  const { catalogue, report, signal } = parts
  // While docker looks for the image: in a folder of thousands of names a look takes a while.
  const versions = parts.noCache === true ? undefined : findVersions([image], catalogue, signal)
  versions?.catch(() => undefined)
  const found = await findBoth(image, parts)
  const names = namesFor(image, found)
  if (parts.platform !== undefined) parsePlatform(parts.platform)
  // What the catalogue has by the engine's ID is all platforms.
  if (parts.noCache !== true && parts.platform === undefined) {
    const saved = await alreadySaved(found, names, parts)
    if (saved !== undefined) return saved
  }
  report({ type: 'step', text: `Saving ${image}` })
  const anew = () => withImage(found, parts, (packed) => saveWith(knowNothing(), found, names, { ...parts, packed }))
  if (versions === undefined) return anew()
  try {
    const known = () =>
      lookUp(parts, names.length > 0 ? versions : findVersions(found.names, catalogue, signal), found.layers, signal)
    // While the catalogue is asked, docker packs already: on classic stores it takes seconds before its first byte.
    return await withImage(found, parts, (packed) => saveWith(known(), found, names, { ...parts, packed }))
  } catch (error) {
    if (!hasCode(error, 'CATALOGUE_STALE')) throw error
    report({ type: 'warning', text: `the catalogue is wrong (${error.message}): saving the image anew` })
    return anew()
  }
}

/** Docker packs the image for as long as somebody uses what it packs. */
async function withImage<T>(
  found: ImageInfo,
  { engine, signal }: SaveParts,
  use: (packed: PackedImage) => Promise<T>,
): Promise<T> {
  const packed = await askForImage(found, { engine, signal })
  try {
    return await use(packed)
  } finally {
    packed.stop()
  }
}

/** A node that is down, and an image that is not there, are told before docker has packed anything. */
async function findBoth(image: string, { engine, node, signal, found: asked }: SaveParts): Promise<ImageInfo> {
  const version = node.version(signal)
  version.catch(() => undefined)
  const found = await (asked ?? engine.inspect(image, signal))
  if (found === undefined) {
    throw new DockerIpfsError('IMAGE_NOT_FOUND', `No such image: ${image}`, {
      hint: 'See "docker image ls" for the images of this engine.',
    })
  }
  await version
  return found
}

/** The name that the user gave the image, in full; none when it was an ID. */
function namesFor(image: string, found: ImageInfo): string[] {
  const full = fullName(image)
  return full !== undefined && found.names.some((name) => fullName(name) === full) ? [full] : []
}

/** An image that the catalogue has by the engine's ID, and whose pin says that it is complete, is only named. */
async function alreadySaved(found: ImageInfo, names: string[], parts: SaveParts): Promise<SaveResult | undefined> {
  const { catalogue, pins, report, signal } = parts
  const known = await catalogue.findImage(found.id, signal)
  if (known === undefined || !(await pins.isPinned(known.root, signal))) return undefined
  report({ type: 'step', text: `${known.root} is already saved` })
  if (!(await isNamed(known, names, parts))) {
    await remember(known.root, { ...known.record, names }, new Map(), parts)
  }
  return { root: known.root.toString(), configDigest: known.record.configDigest }
}

/** Whether the catalogue has the image under each of the names; one of them may have gone to another image meanwhile. */
async function isNamed(known: { root: CID; record: ImageRecord }, names: string[], parts: SaveParts): Promise<boolean> {
  const named = await Promise.all(names.map((name) => parts.catalogue.findName(name, parts.signal)))
  return names.every((name, at) => known.record.names.includes(name) && named[at]?.equals(known.root))
}

async function saveWith(
  known: Known,
  found: ImageInfo,
  names: string[],
  parts: SaveParts & { readonly packed: PackedImage },
): Promise<SaveResult> {
  const { blocks, report, signal, packed } = parts
  const session = blocks.openImport(signal, known.blocks)
  try {
    // Read by now, by their keys: should the image be read again, they count.
    const layers = new Map<string, Layer>()
    const told = new Set<string>()
    const reading = {
      platform: parts.platform === undefined ? undefined : parsePlatform(parts.platform),
      findLayer: async (key: string, size: number | undefined) => {
        const own = layers.get(key)
        if (own !== undefined) return own
        const layer = await known.findLayer(key, size)
        if (layer === undefined || told.has(key)) return layer
        told.add(key)
        report({ type: 'layer-done', layer: `sha256:${key}`, status: 'Already saved', bytesDone: layer.tarSize })
        return layer
      },
      onLayer: async (tar: Bytes, entry: LayerEntry) => {
        const layer = await writeOneLayer(tar, entry, session, report)
        for (const key of keysOf(layer, entry)) layers.set(key, layer)
        return layer
      },
    }
    const again = () => {
      for (const [key, { diffId }] of layers) if (!found.layers.includes(diffId)) layers.delete(key)
    }
    const saved = await readPacked(packed, reading, { signal: session.over, again })
    const dag = await writeImage(saved.platforms, session)
    await confirm([dag.root], known, session, parts)
    const record = recordOf(dag, {
      names,
      // The ID stands for all platforms, also those that the engine pulls later.
      imageIds: saved.missing.length === 0 && parts.platform === undefined ? [found.id] : [],
      layers: saved.platforms.flatMap(({ layers }) => layers.map((layer) => layer.diffId)),
    })
    await remember(dag.root.cid, record, layers, { ...parts, reading: known.blocksRead })
    return { root: dag.root.cid.toString(), configDigest: dag.configDigest }
  } catch (error) {
    await session.abort(error)
    throw error
  }
}

export async function writeOneLayer(tar: Bytes, entry: LayerEntry, sink: BlockSink, report: Report): Promise<Layer> {
  const name = entry.key === undefined ? entry.path : `sha256:${entry.key}`
  report({ type: 'layer-start', layer: name, bytesTotal: entry.size })
  const layer = await writeLayer(counted(tar, name, report), sink)
  report({ type: 'layer-done', layer: name, status: 'Saved', bytesDone: layer.tarSize })
  return layer
}

/** Tells how far a layer has come. */
async function* counted(tar: Bytes, layer: string, report: Report): Bytes {
  let bytesDone = 0
  for await (const bytes of tar) {
    bytesDone += bytes.length
    report({ type: 'layer-progress', layer, bytesDone })
    yield bytes
  }
}

/** What the catalogue is to know of a new image. */
export function recordOf(
  { root, configDigest, manifestDigest, created }: ImageDag,
  rest: Pick<ImageRecord, 'names' | 'imageIds' | 'layers'>,
): ImageRecord {
  return {
    root: root.cid.toString(),
    configDigest,
    manifestDigest,
    created,
    ...rest,
    savedAt: new Date().toISOString(),
  }
}

export interface Remembering extends Pick<SaveParts, 'blocks' | 'catalogue' | 'report' | 'signal'> {
  /** Where the blocks are read that make up the image's size. */
  readonly reading?: Known['blocksRead'] | undefined
}

/** Writes an image into the catalogue. What fails here costs only time at the next save: it is worth a warning. */
export async function remember(
  root: CID,
  record: ImageRecord,
  layers: ReadonlyMap<string, Layer>,
  { blocks, catalogue, report, signal, reading = blocks }: Remembering,
): Promise<void> {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(CATALOGUE_MS)])
    const size = record.size ?? (await imageSize(root, { blocks: reading, signal: limited }))
    await catalogue.add(
      { root, record: writeImageRecord({ ...record, ...(size === undefined ? {} : { size }) }), layers },
      limited,
    )
  } catch (error) {
    if (signal.aborted) throw signal.reason
    report({ type: 'warning', text: `the image is saved, but not in the node's catalogue: ${messageOf(error)}` })
  }
}
