import { posix } from 'node:path'
import { DockerIpfsError } from '../errors.ts'
import { type Bytes, collect, sha256 } from '../streams.ts'
import { type ArchiveEntry, readArchive } from './archive.ts'
import { type Packing, packingOf, peek, unpack } from './decompress.ts'
import { type ArchiveManifest, type Config, readArchiveManifest, readConfig } from './documents.ts'

/** An image read from an archive: its config, and what `onLayer` made of each layer, bottom first. */
export interface SavedImage<L> {
  readonly configBytes: Uint8Array
  readonly config: Config
  readonly layers: readonly L[]
}

/** Where a layer lies in the archive; `size` (bytes of the layer tar) is known where the layer is stored plain. */
export interface LayerEntry {
  readonly path: string
  /** Hex of 32 bytes: diffID, digest of the packed blob or old layer ID; the same layer has the same key next time. */
  readonly key: string
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
}

/** A JSON document is kept in memory until manifest.json, the last file, says what it is. */
const MAX_DOCUMENT = 8 * 1024 * 1024
const MAX_DOCUMENTS_TOTAL = 64 * 1024 * 1024

/**
 * Reads what `docker save` writes: the layout of engines before 25 (`<id>/layer.tar`, links for repeated layers), the OCI
 * layout of classic stores (plain layers named by diffID) and that of containerd stores (layers as they are stored).
 * Everything that manifest.json names must have been seen, and every layer must have the diffID that the config says.
 * @throws ARCHIVE_INVALID, INTEGRITY, ENGINE_FAILED
 */
export async function readSavedImage<L extends { readonly diffId: string }>(
  archive: Bytes,
  options: SavedImageOptions<L>,
): Promise<SavedImage<L>> {
  const files = new Map<string, Uint8Array>()
  const layers = new Map<string, L>()
  const links = new Map<string, string>()
  const knownLayers = new Set<L>()
  let kept = 0
  for await (const entry of readArchive(archive)) {
    if (entry.linkTarget !== undefined) {
      links.set(entry.path, posix.join(posix.dirname(entry.path), entry.linkTarget))
      continue
    }
    const { isDocument, body, packing } = await classify(entry, options.diffIds)
    if (isDocument) {
      kept += entry.size
      if (kept > MAX_DOCUMENTS_TOTAL) throw invalid('it holds too many documents')
      files.set(entry.path, await collect(body, MAX_DOCUMENT, entry.path))
    } else {
      const key = layerKey(entry.path)
      const size = packing === 'plain' ? entry.size : undefined
      const known = await options.findLayer?.(key, size)
      if (known !== undefined) knownLayers.add(known)
      layers.set(entry.path, known ?? (await options.onLayer(unpack(body, packing), { path: entry.path, key, size })))
    }
  }

  const find = <T>(map: Map<string, T>, path: string): T | undefined => map.get(links.get(path) ?? path)
  const manifest = oneImage(files.get('manifest.json'))
  const configBytes = find(files, manifest.config)
  if (configBytes === undefined) throw invalid(`it lacks the config ${manifest.config}`)
  const config = readConfig(configBytes, { what: 'the image config', code: 'ARCHIVE_INVALID' })
  checkConfigName(manifest.config, configBytes)

  const found: L[] = []
  for (const path of manifest.layers) {
    let layer = find(layers, path)
    // A tiny layer whose first byte is "{" was kept as a document.
    const bytes = layer === undefined ? find(files, path) : undefined
    if (bytes !== undefined)
      layer = await options.onLayer(once(bytes), { path, key: layerKey(path), size: bytes.length })
    if (layer === undefined) throw invalid(`it lacks the layer ${path}`)
    found.push(layer)
  }
  checkLayers(found, knownLayers, config, manifest)
  return { configBytes, config, layers: found }
}

const BLOBS = 'blobs/sha256/'

/** `blobs/sha256/<hex>` or `<hex>/layer.tar`. */
function layerKey(path: string): string {
  return path.startsWith(BLOBS) ? path.slice(BLOBS.length) : posix.dirname(path)
}

interface Classified {
  readonly isDocument: boolean
  readonly body: Bytes
  readonly packing: Packing
}

async function classify(entry: ArchiveEntry, diffIds: ReadonlySet<string>): Promise<Classified> {
  const { path, size } = entry
  const name = posix.basename(path)
  // Before engine 25; always plain.
  if (name === 'layer.tar') return { isDocument: false, body: entry.body, packing: 'plain' }
  const isBlob = path.startsWith(BLOBS)
  if (isBlob && diffIds.has(`sha256:${name}`)) return { isDocument: false, body: entry.body, packing: 'plain' }
  const { head, all } = await peek(entry.body, 4)
  const isDocument = size <= MAX_DOCUMENT && (!isBlob || head[0] === 0x7b)
  return { isDocument, body: all, packing: packingOf(head) }
}

/** `docker save` of one image: several entries in manifest.json are several platforms of it. */
function oneImage(bytes: Uint8Array | undefined): ArchiveManifest {
  if (bytes === undefined) throw invalid('it ends before manifest.json')
  const [first, ...more] = readArchiveManifest(bytes, {
    what: 'manifest.json of the image archive',
    code: 'ARCHIVE_INVALID',
  })
  if (first === undefined) throw invalid('its manifest.json names no image')
  if (more.some((other) => other.config !== first.config)) {
    throw new DockerIpfsError('ARCHIVE_INVALID', 'the image has several platforms; saving those is not supported yet')
  }
  return first
}

/** The config's name is its digest, `<hex>.json` before engine 25 and `blobs/sha256/<hex>` since. */
function checkConfigName(path: string, bytes: Uint8Array): void {
  const hex = posix.basename(path, '.json')
  const digest = sha256(bytes)
  if (digest !== `sha256:${hex}`) {
    throw new DockerIpfsError('INTEGRITY', `the image config has digest ${digest}, but is named ${hex}`)
  }
}

function checkLayers<L extends { readonly diffId: string }>(
  layers: readonly L[],
  known: ReadonlySet<L>,
  config: Config,
  manifest: ArchiveManifest,
): void {
  if (layers.length !== config.diffIds.length) {
    throw invalid(`it has ${layers.length} layers, its config ${config.diffIds.length}`)
  }
  for (const [at, layer] of layers.entries()) {
    if (layer.diffId === config.diffIds[at]) continue
    const message = `layer ${at + 1} of ${layers.length} (${manifest.layers[at]}) has diffID ${layer.diffId}, but the config says ${config.diffIds[at]}`
    // Not the engine's bytes, but the catalogue named it.
    if (known.has(layer)) throw new DockerIpfsError('CATALOGUE_STALE', message)
    throw new DockerIpfsError('INTEGRITY', message, {
      hint: "The engine's copy of this image is damaged: pull or build it again.",
    })
  }
}

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}

function invalid(why: string): DockerIpfsError {
  return new DockerIpfsError('ARCHIVE_INVALID', `the image archive is incomplete: ${why}`)
}
