import type { BlockSource } from '../dag/block-source.ts'
import { readDirectory } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import { FORMAT } from '../format/numbers.ts'
import { FORMAT_ANNOTATION, INDEX_TYPE, type LayerRef, TAR_SIZE_ANNOTATION } from '../image/canonical.ts'
import { type Config, type Descriptor, readConfig, readIndex, readOciManifest } from '../image/documents.ts'
import { noSuchPlatform, type Platform, pickAsked, pickRunnable, platformName, platformOf } from '../image/platform.ts'
import { verified } from '../image/verified.ts'
import { type Bytes, collect, sha256 } from '../streams.ts'
import { blobFile } from './layers.ts'
import { notFound, withoutStall } from './stall.ts'

/** An image on IPFS whose documents have been read and checked. Its layers are still where they are. */
export interface ImageSource {
  readonly root: CID
  readonly manifestBytes: Uint8Array
  readonly manifestDigest: string
  readonly configBytes: Uint8Array
  readonly configDigest: string
  readonly config: Config
  /** Whether the root is this image, and not several platforms of which this is one. */
  readonly isWhole: boolean
  readonly layers: readonly (LayerRef & { readonly diffId: string })[]
}

/** The layers of an image, or some of them, each blob once. */
export function distinct<L extends LayerRef>(layers: readonly L[]): L[] {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()]
}

export interface Reading {
  readonly blocks: BlockSource
  readonly signal: AbortSignal
  /** Give up when no byte has come for so many milliseconds. */
  readonly timeoutMs: number
}

export interface Opening extends Reading {
  /** Gets what will be wanted next of the folder of blobs. */
  readonly ahead?: ((blobs: CID, signal: AbortSignal) => Promise<void>) | undefined
}

const MAX_DOCUMENT = 8 * 1024 * 1024

/**
 * Reads the documents of an image. Each is checked against the one that names it, from the root CID down: the node is
 * not trusted. Of several platforms, one is chosen.
 * @throws PLATFORM_NOT_FOUND, CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY, NODE_*
 */
export async function openImage(root: CID, reading: Opening, wanted: Wanted = {}): Promise<ImageSource> {
  const top = await readTop(root, reading)
  const entry = top.mediaType === INDEX_TYPE ? await choose(root, top, reading, wanted) : top
  const image = await openManifest(root, entry, entry === top, reading)
  checkAsked(image.config, wanted)
  return image
}

/** An image of one or of several platforms. */
export interface WholeImage {
  /** The digest of the manifest, or of the index of several: the image's ID on a containerd store. */
  readonly digest: string
  /** In the order of the index. */
  readonly platforms: readonly ImageSource[]
}

/**
 * Reads the documents of an image, of all its platforms or of the one that is asked for.
 * @throws as `openImage`
 */
export async function openWhole(root: CID, reading: Reading, asked?: Platform): Promise<WholeImage> {
  const top = await readTop(root, reading)
  if (top.mediaType !== INDEX_TYPE || asked !== undefined) {
    return { digest: top.digest, platforms: [await openImage(root, reading, { asked })] }
  }
  const platforms: ImageSource[] = []
  for (const { entry } of await candidatesOf(root, top, reading)) {
    platforms.push(await openManifest(root, entry, false, reading))
  }
  return { digest: top.digest, platforms }
}

async function readTop(root: CID, reading: Opening): Promise<Descriptor> {
  const index = readIndex(await readIndexBlock(root, reading), { what: `index.json of ${root}`, code: 'NOT_AN_IMAGE' })
  const [top, ...more] = index
  if (top === undefined || more.length > 0) throw notAnImage(root, `its index names ${index.length} manifests`)
  return top
}

async function openManifest(root: CID, entry: Descriptor, isWhole: boolean, reading: Reading): Promise<ImageSource> {
  const manifestBytes = await readDocument(root, entry, 'the manifest', reading)
  const manifest = readOciManifest(manifestBytes, { what: `the manifest of ${root}`, code: 'NOT_AN_IMAGE' })
  checkVersion(root, manifest.annotations[FORMAT_ANNOTATION])
  const configBytes = await readDocument(root, manifest.config, 'the image config', reading)
  const config = readConfig(configBytes, { what: `the config of ${root}`, code: 'NOT_AN_IMAGE' })
  if (config.diffIds.length !== manifest.layers.length) {
    throw notAnImage(root, `its manifest has ${manifest.layers.length} layers, its config ${config.diffIds.length}`)
  }
  return {
    root,
    isWhole,
    manifestBytes,
    manifestDigest: entry.digest,
    configBytes,
    configDigest: manifest.config.digest,
    config,
    layers: manifest.layers.map((layer, at) => ({
      digest: layer.digest,
      size: layer.size,
      tarSize: tarSizeOf(layer, root),
      diffId: config.diffIds[at] as string,
    })),
  }
}

/** Which of several platforms. */
export interface Wanted {
  /** The one that the user asks for; any image must be for it. */
  readonly asked?: Platform | undefined
  /** The engine's, where nothing is asked for. */
  readonly machine?: Platform | Promise<Platform> | undefined
}

const MAX_PLATFORMS = 1000

interface Candidate {
  readonly entry: Descriptor
  readonly platform: Platform
}

/** The manifests of the nested index. */
async function candidatesOf(root: CID, top: Descriptor, reading: Reading): Promise<Candidate[]> {
  const bytes = await readDocument(root, top, 'the index of platforms', reading)
  const entries = readIndex(bytes, { what: `the index of platforms of ${root}`, code: 'NOT_AN_IMAGE' })
  const candidates = entries.flatMap((entry) =>
    entry.platform === undefined ? [] : [{ entry, platform: entry.platform }],
  )
  if (candidates.length === 0 || entries.length > MAX_PLATFORMS) {
    throw notAnImage(root, `its index names ${candidates.length} platforms`)
  }
  return candidates
}

/** The manifest of one platform. */
async function choose(root: CID, top: Descriptor, reading: Reading, wish: Wanted): Promise<Descriptor> {
  const candidates = await candidatesOf(root, top, reading)
  const { asked } = wish
  const machine = await wish.machine
  const found =
    asked !== undefined
      ? pickAsked(candidates, asked)
      : machine === undefined
        ? undefined
        : pickRunnable(candidates, machine)
  if (found !== undefined) return found.entry
  const wanted = asked ?? machine
  if (wanted !== undefined) throw noSuchPlatform(wanted, candidates)
  const there = candidates.map(({ platform }) => platformName(platform)).join(', ')
  throw new DockerIpfsError('PLATFORM_NOT_FOUND', `the image has several platforms: ${there}`, {
    hint: 'Say which with --platform.',
  })
}

function checkAsked({ os, architecture, variant }: Config, { asked }: Wanted): void {
  const candidates = [{ platform: platformOf(os, architecture, variant) }]
  if (asked !== undefined && pickAsked(candidates, asked) === undefined) throw noSuchPlatform(asked, candidates)
}

/** The bytes of a small blob, the last of them only when all are right. */
function readBlob(
  root: CID,
  blob: { readonly digest: string; readonly size: number },
  what: string,
  reading: Reading,
): Bytes {
  const stop = new AbortController()
  const signal = AbortSignal.any([reading.signal, stop.signal])
  const source = reading.blocks.cat(blobFile(root, blob.digest), signal)
  const bytes = withoutStall(source, root, reading.timeoutMs, stop)
  return verified(endingWith(stop, bytes), { ...blob, what })
}

/** What an OCI layout has. */
const TOP_ENTRIES = ['index.json', 'blobs', 'oci-layout'] as const

/** The root block and index.json, both checked by CID. */
async function readIndexBlock(root: CID, reading: Opening): Promise<Uint8Array> {
  const entries = readDirectory({ cid: root, bytes: await readBlock(root, root, reading) })
  if (entries === undefined) throw notAnImage(root, 'it is a file, not a directory')
  const [index, blobs, layout] = TOP_ENTRIES.map((name) => entries.get(name))
  if (index === undefined || blobs === undefined || layout === undefined) {
    throw notAnImage(root, `it lacks ${TOP_ENTRIES.find((name) => !entries.has(name))}`)
  }
  const [bytes] = await Promise.all([readBlock(root, index, reading), reading.ahead?.(blobs, reading.signal)])
  return bytes
}

/**
 * A block of an image.
 * @throws CONTENT_NOT_FOUND when nobody gives it in time; what `block` throws
 */
export async function readBlock(root: CID, cid: CID, { blocks, signal, timeoutMs }: Reading): Promise<Uint8Array> {
  const limit = AbortSignal.timeout(timeoutMs)
  try {
    return await blocks.block(cid, AbortSignal.any([signal, limit]))
  } catch (error) {
    if (limit.aborted && !signal.aborted) throw notFound(root, timeoutMs)
    throw error
  }
}

async function readDocument(root: CID, ref: Descriptor, what: string, reading: Reading): Promise<Uint8Array> {
  if (ref.size > MAX_DOCUMENT) throw notAnImage(root, `${what} is said to have ${ref.size} bytes`)
  const bytes = await collect(readBlob(root, ref, `${what} of ${root}`, reading), MAX_DOCUMENT, what)
  // An empty document yields nothing, so that only this sees it.
  if (sha256(bytes) !== ref.digest)
    throw new DockerIpfsError('INTEGRITY', `${what} of ${root} does not match its digest`)
  return bytes
}

/** Ends the request behind a stream with the stream. */
async function* endingWith(stop: AbortController, source: Bytes): Bytes {
  try {
    yield* source
  } finally {
    stop.abort()
  }
}

function tarSizeOf(layer: Descriptor, root: CID): number {
  const text = layer.annotations[TAR_SIZE_ANNOTATION] ?? ''
  const size = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(size))
    throw notAnImage(root, 'a layer does not say how large its tar is')
  return size
}

function checkVersion(root: CID, version: string | undefined): void {
  if (version === FORMAT.version) return
  if (version === undefined) throw notAnImage(root, 'its manifest names no docker-ipfs format')
  throw new DockerIpfsError(
    'NOT_AN_IMAGE',
    `${root} is written in format ${version}; this docker-ipfs reads format ${FORMAT.version}`,
    {
      hint: 'Install a newer docker-ipfs.',
    },
  )
}

function notAnImage(root: CID, why: string): DockerIpfsError {
  return new DockerIpfsError('NOT_AN_IMAGE', `${root} is not an image saved by docker ipfs: ${why}`)
}
