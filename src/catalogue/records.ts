import { type CID, parseCid } from '../dag/cid.ts'
import type { Layer } from '../format/layer.ts'
import { FORMAT } from '../format/numbers.ts'
import { isObject, parsedObject } from '../json.ts'

/**
 * The JSON files of the catalogue. People may edit them in the node's web UI, so that reading is careful: what has not the
 * right shape is undefined, never an error.
 */

const VERSION = 1

/** Bytes of a record; nothing of ours is larger. */
export const MAX_RECORD = 4 * 1024 * 1024

/** records/<root CID>.json */
export interface ImageRecord {
  readonly root: string
  /** `sha256:<hex>` */
  readonly configDigest: string
  /** Full names (`docker.io/library/nginx:1.27`) the image was saved under. */
  readonly names: readonly string[]
  /** IDs by which engines call it. */
  readonly imageIds: readonly string[]
  /** diffIDs, bottom first. */
  readonly layers: readonly string[]
  /** When it was first saved, ISO 8601. */
  readonly savedAt: string
  /** The digest of the OCI manifest, or of the index of several: its ID on a containerd store. */
  readonly manifestDigest?: string
  /** When it was built, as its config says. */
  readonly created?: string
  /** Bytes of all its blocks, each counted once. */
  readonly size?: number
}

export function writeImageRecord(
  record: ImageRecord,
): ImageRecord & { readonly version: number; readonly format: string } {
  return { version: VERSION, format: FORMAT.version, ...record }
}

export function readImageRecord(bytes: Uint8Array | undefined): ImageRecord | undefined {
  const value = parse(bytes)
  if (value === undefined) return undefined
  const { root, configDigest, names, imageIds, layers, savedAt } = value
  if (typeof root !== 'string' || !isDigest(configDigest) || typeof savedAt !== 'string') return undefined
  if (!isList(names, isText) || !isList(imageIds, isDigest) || !isList(layers, isDigest)) return undefined
  return writeImageRecord({ root, configDigest, names, imageIds, layers, savedAt, ...extrasOf(value) })
}

/** What a record may lack. */
function extrasOf({ manifestDigest, created, size }: Record<string, unknown>) {
  return {
    ...(isDigest(manifestDigest) ? { manifestDigest } : {}),
    ...(isText(created) ? { created } : {}),
    ...(isSize(size) ? { size } : {}),
  }
}

/** layers/<hex>/layer.json */
export function writeLayerRecord({ diffId, tarSize, blobDigest, blob }: Layer): Uint8Array {
  const { fileSize, dagSize } = blob
  const value = {
    version: VERSION,
    format: FORMAT.version,
    diffId,
    tarSize,
    blobDigest,
    blob: blob.cid.toString(),
    blobSize: fileSize,
    dagSize,
  }
  return Buffer.from(JSON.stringify(value))
}

export function readLayerRecord(bytes: Uint8Array | undefined): Layer | undefined {
  const value = parse(bytes)
  if (value === undefined) return undefined
  const { diffId, tarSize, blobDigest, blob, blobSize, dagSize } = value
  if (!isDigest(diffId) || !isDigest(blobDigest) || !isText(blob)) return undefined
  if (!isSize(tarSize) || !isSize(blobSize) || !isSize(dagSize)) return undefined
  try {
    return { diffId, tarSize, blobDigest, blob: { cid: parseCid(blob), fileSize: blobSize, dagSize } }
  } catch {
    return undefined
  }
}

/** pulled/<key or domain>.json: what a name stood for when it was last pulled. */
export interface PulledName {
  /** `k51…` or a domain. */
  readonly name: string
  /** Root CID of the publication, or of the image where the name leads to one. */
  readonly root: string
  /** Of the publication; 0 for an image. */
  readonly sequence: number
  /** CIDs of the images that were pulled, by full name. */
  readonly images: Readonly<Record<string, string>>
}

export function writePulledName({ name, root, sequence, images }: PulledName): Uint8Array {
  return Buffer.from(JSON.stringify({ version: VERSION, format: FORMAT.version, name, root, sequence, images }))
}

export function readPulledName(bytes: Uint8Array | undefined): PulledName | undefined {
  const value = parse(bytes)
  if (value === undefined) return undefined
  const { name, root, sequence, images } = value
  if (!isText(name) || !isText(root) || !isSize(sequence)) return undefined
  if (!isObject(images) || !isList(Object.values(images), isText)) return undefined
  return { name, root, sequence, images: images as Record<string, string> }
}

/** A tag of a repository, and what it stood for when it was written. */
export interface Version {
  readonly tag: string
  /** Missing where an earlier docker-ipfs wrote it. */
  readonly root: CID | undefined
}

/** versions/<repository>:.json: the tags of a repository that were written last, the newest first. */
export function writeVersions(versions: readonly Version[]): Uint8Array {
  const tags = versions.map(({ tag }) => tag)
  const roots = Object.fromEntries(versions.flatMap(({ tag, root }) => (root ? [[tag, root.toString()]] : [])))
  return Buffer.from(JSON.stringify({ version: VERSION, format: FORMAT.version, tags, roots }))
}

export function readVersions(bytes: Uint8Array | undefined): readonly Version[] {
  const { tags, roots } = parse(bytes) ?? {}
  if (!isList(tags, isText)) return []
  const known = new Map(isObject(roots) ? Object.entries(roots) : [])
  return tags.filter((tag) => /^[\w.-]+$/.test(tag)).map((tag) => ({ tag, root: cidFrom(known.get(tag)) }))
}

function cidFrom(text: unknown): CID | undefined {
  try {
    return isText(text) ? parseCid(text) : undefined
  } catch {
    return undefined
  }
}

function parse(bytes: Uint8Array | undefined): Record<string, unknown> | undefined {
  const value = bytes === undefined ? undefined : parsedObject(Buffer.from(bytes).toString('utf8'))
  // A layer in another format would give the image another CID.
  return value?.['version'] === VERSION && value['format'] === FORMAT.version ? value : undefined
}

function isList<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isItem)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isDigest(value: unknown): value is string {
  return isText(value) && /^sha256:[0-9a-f]{64}$/.test(value)
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** originals/manifests/<hex>.json: a manifest as it was pushed. */
export interface OriginalRecord {
  readonly mediaType: string
  /** When it was pushed last, milliseconds since 1970. */
  readonly at: number
  readonly bytes: Uint8Array
}

export function writeOriginal({ mediaType, at, bytes }: OriginalRecord): Uint8Array {
  return json({ mediaType, at, bytes: Buffer.from(bytes).toString('base64') })
}

export function readOriginal(record: Uint8Array | undefined): OriginalRecord | undefined {
  const { mediaType, at, bytes } = parse(record) ?? {}
  if (!isText(mediaType) || !isSize(at) || !isText(bytes)) return undefined
  return { mediaType, at, bytes: Buffer.from(bytes, 'base64') }
}

/** originals/names/<full name>: what was pushed under a name. */
export interface OriginalName {
  /** Of the manifest. */
  readonly digest: string
  /** Root CID of the image that was made of it; undefined for what is no image. */
  readonly root: string | undefined
}

export function writeOriginalName({ digest, root }: OriginalName): Uint8Array {
  return json({ digest, ...(root === undefined ? {} : { root }) })
}

export function readOriginalName(bytes: Uint8Array | undefined): OriginalName | undefined {
  const { digest, root } = parse(bytes) ?? {}
  return isDigest(digest) && (root === undefined || isText(root)) ? { digest, root } : undefined
}

/** Files of originals/uploads/<hex>/. */
export const UPLOAD_RECORD = 'upload.json'
export const UPLOADED_BLOB = 'blob'

/** originals/uploads/<hex>/upload.json: a blob that came, and that no manifest may ever name. */
export interface UploadRecord {
  /** When it came, milliseconds since 1970. */
  readonly at: number
}

export function writeUpload({ at }: UploadRecord): Uint8Array {
  return json({ at })
}

export function readUpload(bytes: Uint8Array | undefined): UploadRecord | undefined {
  const { at } = parse(bytes) ?? {}
  return isSize(at) ? { at } : undefined
}

function json(value: object): Uint8Array {
  return Buffer.from(JSON.stringify({ version: VERSION, format: FORMAT.version, ...value }))
}
