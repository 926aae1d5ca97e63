import { DockerIpfsError } from '../../errors.ts'
import { type Bytes, collect } from '../../streams.ts'
import { type ArchiveEntry, readArchive } from '../archive.ts'
import { type Config, MAX_DOCUMENT } from '../documents.ts'
import { readPlain, type Unpacked, unpackLayer } from '../plain-layers.ts'
import { noSuchPlatform, type Platform, pickAsked } from '../platform.ts'
import { classify, documentTooLarge, isLayerTar, layerKey } from './classify.ts'
import { findImages } from './find-images.ts'
import { type FoundImage, type FoundLayer, type FoundPlatform, foreignLayer, invalid, type Warn } from './found.ts'
import { Links } from './links.ts'

/** The image of one platform, read from an archive: its config, and what `onLayer` made of each layer, bottom first. */
export interface SavedPlatform<L> {
  readonly configBytes: Uint8Array
  readonly config: Config
  readonly layers: readonly L[]
}

/** An image read from an archive. */
export interface SavedImage<L> {
  /** One, or several in the archive's order. */
  readonly platforms: readonly SavedPlatform<L>[]
  /** Names as the archive writes them. */
  readonly names: readonly string[]
  /** The digest by which a containerd store calls it; undefined where the archive does not say. */
  readonly id: string | undefined
  /** Platforms that its index names, and that the archive does not have. */
  readonly missing: readonly string[]
}

/** Where a layer lies in the archive; `size` (bytes of the layer tar) is known where the layer is stored plain. */
export interface LayerEntry {
  readonly path: string
  /** Hex of 32 bytes: diffID, digest of the packed blob or old layer ID; undefined where the archive names none such. */
  readonly key: string | undefined
  readonly size: number | undefined
}

export interface SavedImageOptions<L> {
  /** diffIDs that the engine names for the image: a blob of that name is a plain layer. */
  readonly diffIds: ReadonlySet<string>
  /**
   * Takes the tar of one layer as it streams by. It is called for everything that may be a layer: which it was is known
   * only at the end of the archive, and what turns out to be none is dropped.
   */
  readonly onLayer: (tar: Bytes, entry: LayerEntry) => Promise<L>
  /**
   * A layer that is known already, by its key and size (see `LayerEntry`): it is only read past. Its bytes are not looked at,
   * since none of them is used; it must have the diffID that the config says.
   */
  readonly findLayer?: (key: string, size: number | undefined) => Promise<L | undefined>
  /**
   * A file that must be there: the last of those that count which an engine writes, which stops without a word when it fails. What comes
   * behind is not waited for: an engine deletes its temp files before it ends its answer, 0.1 s for 400 MB.
   */
  readonly last?: string | undefined
  /** Of an image with several platforms, only this one. */
  readonly platform?: Platform | undefined
  /** Hears of what is strange about the archive, and taken all the same. */
  readonly warn?: Warn | undefined
  /** The same files from the first on, for a plain layer that looks packed; absent where they can be read only once. */
  readonly again?: (() => AsyncIterable<ArchiveEntry>) | undefined
}

/** Documents are kept in memory until manifest.json, the last file, says what each is. */
const MAX_DOCUMENTS_TOTAL = 128 * 1024 * 1024

/**
 * Reads what `docker save` of one image writes: the layout of engines before 25 (`<id>/layer.tar`, links for repeated layers),
 * the OCI layout of classic stores (plain layers named by diffID) and that of containerd stores (layers as they are stored).
 * @throws ARCHIVE_INVALID, INTEGRITY, ENGINE_FAILED, PLATFORM_NOT_FOUND
 */
export async function readSavedImage<L extends { readonly diffId: string }>(
  archive: Bytes,
  options: SavedImageOptions<L>,
): Promise<SavedImage<L>> {
  return readOneImage(readArchive(archive), options)
}

/** The same, of its files. */
export async function readOneImage<L extends { readonly diffId: string }>(
  entries: AsyncIterable<ArchiveEntry>,
  options: SavedImageOptions<L>,
): Promise<SavedImage<L>> {
  const [image, ...more] = await readSavedImages(entries, { ...options, last: 'manifest.json' })
  if (image === undefined || more.length > 0) throw invalid('it holds several images, where one was asked for')
  return image
}

/**
 * Reads all images of an archive, or of an OCI layout, in its order. Everything that their manifests name must have been seen,
 * and every layer must have the diffID that the config says.
 * @throws ARCHIVE_INVALID, INTEGRITY, PLATFORM_NOT_FOUND
 */
export async function readSavedImages<L extends { readonly diffId: string }>(
  entries: AsyncIterable<ArchiveEntry>,
  options: SavedImageOptions<L>,
): Promise<SavedImage<L>[]> {
  const only = await wantedPaths(options)
  const contents = await readContents(entries, options, only)
  if (options.last !== undefined && !contents.files.has(options.last)) throw invalid(`it ends before ${options.last}`)
  const images = await imagesOf(contents, options)
  if (only === undefined) tellOthers(contents, options)
  return images
}

/** Where the layers of the one platform lie, by a first pass for documents; undefined where all are asked for, and of a pipe. */
async function wantedPaths<L extends { readonly diffId: string }>(
  options: SavedImageOptions<L>,
): Promise<ReadonlySet<string> | undefined> {
  if (options.platform === undefined || options.again === undefined) return undefined
  // What is odd is told in the second.
  const quiet = { ...options, warn: options.warn && (() => undefined) }
  return layerPaths(await readContents(options.again(), quiet, new Set()), quiet)
}

function layerPaths<L>(contents: Contents<L>, { warn, platform }: SavedImageOptions<L>): Set<string> {
  const platforms = findImages(documentsOf(contents), warn).flatMap((image) => choose(image, platform))
  return new Set(platforms.flatMap(({ layers }) => layers.map(({ path }) => contents.links.follow(path))))
}

/** Of a pipe it is seen at the end only which layers are of the platform that was asked for. */
function tellOthers<L>(contents: Contents<L>, options: SavedImageOptions<L>): void {
  if (options.platform === undefined || options.warn === undefined) return
  const used = layerPaths(contents, { ...options, warn: () => undefined })
  const others = [...contents.layers.keys()].filter((path) => !used.has(path)).length
  if (others === 0) return
  options.warn(`layers of other platforms were written too (${others}), since a pipe is read once: give a file`)
}

function documentsOf<L>({ files, links, tooLarge }: Contents<L>) {
  return (named: string) => {
    const path = links.follow(named)
    const size = tooLarge.get(path)
    if (size !== undefined) throw documentTooLarge(path, size)
    return files.get(path)
  }
}

/** What streamed by. */
interface Contents<L> {
  readonly files: Map<string, Uint8Array>
  readonly layers: Map<string, L>
  /** Of the layers, those that look packed. */
  readonly unpacked: Map<string, Unpacked<L>>
  readonly links: Links
  /** Bytes of documents that are too large to be kept. */
  readonly tooLarge: Map<string, number>
  /** Paths of those that were not read, since they are known. */
  readonly knownLayers: Set<string>
}

async function readContents<L extends { readonly diffId: string }>(
  entries: AsyncIterable<ArchiveEntry>,
  options: SavedImageOptions<L>,
  only: ReadonlySet<string> | undefined,
): Promise<Contents<L>> {
  const files = new Map<string, Uint8Array>()
  const layers = new Map<string, L>()
  const unpacked = new Map<string, Unpacked<L>>()
  const links = new Links()
  const tooLarge = new Map<string, number>()
  const knownLayers = new Set<string>()
  const keys = new Map<string, string>()
  const known = async (path: string, size: number | undefined) => {
    const key = layerKey(path)
    // What has the name of another file of the archive need not be the same.
    const isOther = key === undefined || keys.get(key) !== path || layers.has(path) || unpacked.has(path)
    const layer = isOther ? undefined : await options.findLayer?.(key, size)
    if (layer !== undefined) knownLayers.add(path)
    else knownLayers.delete(path)
    return layer
  }
  let kept = 0
  for await (const entry of entries) {
    if (entry.linkTarget !== undefined) {
      links.add(entry.path, entry.linkTarget)
      continue
    }
    links.remove(entry.path)
    const key = layerKey(entry.path)
    if (key !== undefined && !keys.has(key)) keys.set(key, entry.path)
    const isWanted = only === undefined || only.has(entry.path)
    // Before it is looked into: a file that an engine packs is opened for that.
    const early = isWanted && isLayerTar(entry.path) ? await known(entry.path, entry.size) : undefined
    if (early !== undefined) {
      layers.set(entry.path, early)
      continue
    }
    const { isDocument, isLarge, body, packing } = await classify(entry, options.diffIds)
    if (isDocument) {
      kept += entry.size ?? 0
      if (kept > MAX_DOCUMENTS_TOTAL) throw invalid('it holds too many documents')
      files.set(entry.path, await collect(body, MAX_DOCUMENT, entry.path))
      if (entry.path === options.last && isWhole(files, layers)) break
    } else {
      if (isLarge) tooLarge.set(entry.path, entry.size ?? 0)
      if (!isWanted) {
        for await (const _ of body);
        continue
      }
      const size = packing === 'plain' ? entry.size : undefined
      const found = await known(entry.path, size)
      const onLayer = (tar: Bytes) => options.onLayer(tar, { path: entry.path, key, size })
      if (found !== undefined) layers.set(entry.path, found)
      else if (packing === 'plain') {
        layers.set(entry.path, await onLayer(body))
      } else {
        const read = await unpackLayer(body, packing, onLayer)
        unpacked.set(entry.path, read)
        if (read.layer !== undefined) layers.set(entry.path, read.layer)
      }
    }
  }
  return { files, layers, unpacked, links, tooLarge, knownLayers }
}

/** An OCI layout has an index, which engines write before manifest.json; should one not do so, the archive is read on. */
function isWhole(files: ReadonlyMap<string, unknown>, layers: ReadonlyMap<string, unknown>): boolean {
  const isLayout = [...files.keys(), ...layers.keys()].some((path) => path.startsWith('blobs/'))
  return !isLayout || files.has('index.json')
}

async function imagesOf<L extends { readonly diffId: string }>(
  contents: Contents<L>,
  options: SavedImageOptions<L>,
): Promise<SavedImage<L>[]> {
  const { files, layers, unpacked, links, knownLayers } = contents
  const asItIs = (tar: Bytes, path: string, size: number | undefined) =>
    options.onLayer(tar, { path, key: layerKey(path), size })
  const layerAt = async ({ path: named, foreign }: FoundLayer, diffId: string | undefined): Promise<L> => {
    const path = links.follow(named)
    const looksPacked = unpacked.get(path)
    if (looksPacked !== undefined && layers.get(path)?.diffId !== diffId) {
      const plain = diffId && (await readPlain({ ...looksPacked, path, diffId, again: options.again }, asItIs))
      if (plain) layers.set(path, plain)
      else if (looksPacked.failure !== undefined) throw looksPacked.failure
    }
    const layer = layers.get(path)
    if (layer !== undefined) return layer
    // A tiny layer whose first byte is "{" was kept as a document.
    const bytes = files.get(path)
    if (bytes === undefined) throw foreign ? foreignLayer(named) : invalid(`it lacks the layer ${named}`)
    return asItIs(once(bytes), named, bytes.length)
  }
  const images: SavedImage<L>[] = []
  for (const image of findImages(documentsOf(contents), options.warn)) {
    const platforms: SavedPlatform<L>[] = []
    for (const { configBytes, config, layers: wanted } of choose(image, options.platform)) {
      const found: L[] = []
      for (const [at, layer] of wanted.entries()) found.push(await layerAt(layer, config.diffIds[at]))
      checkLayers(found, (path) => knownLayers.has(links.follow(path)), config, wanted)
      platforms.push({ configBytes, config, layers: found })
    }
    const { names, id, missing } = image
    images.push({ platforms, names, id, missing })
  }
  return images
}

/** All platforms of an image, or the one that was asked for. */
function choose({ platforms, missing, lacking }: FoundImage, asked: Platform | undefined): readonly FoundPlatform[] {
  if (asked === undefined && lacking !== undefined) throw lacking
  if (asked === undefined) return platforms
  const found = pickAsked(platforms, asked)
  if (found !== undefined) return [found]
  throw noSuchPlatform(asked, platforms, missing)
}

function checkLayers<L extends { readonly diffId: string }>(
  layers: readonly L[],
  isKnown: (path: string) => boolean,
  config: Config,
  wanted: readonly FoundLayer[],
): void {
  if (layers.length !== config.diffIds.length) {
    throw invalid(`it has ${layers.length} layers, its config ${config.diffIds.length}`)
  }
  for (const [at, layer] of layers.entries()) {
    if (layer.diffId === config.diffIds[at]) continue
    const message = `layer ${at + 1} of ${layers.length} (${wanted[at]?.path}) has diffID ${layer.diffId}, but the config says ${config.diffIds[at]}`
    // Not the engine's bytes, but the catalogue named it.
    if (isKnown(wanted[at]?.path ?? '')) throw new DockerIpfsError('CATALOGUE_STALE', message)
    throw new DockerIpfsError('INTEGRITY', message, {
      hint: 'The image is damaged where it comes from: pull or build it again.',
    })
  }
}

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}
