// The room of reading an image on IPFS, from whoever gives it: nothing here knows who that is.
// Documents are read and checked first, from the root down (document-reader.ts), and give an `ImageSource`. Its layers
// are read ahead of who takes them (read-ahead.ts), each by digest (layers.ts), and the last piece of one is held back
// until all of it is right. What a node has to get from others first is fetched layer by layer (fetch.ts), asked for anew
// when nothing comes (persist.ts), and read as far as it has come (arrival.ts). node-first.ts puts gateways beside a node.

import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import { FORMAT } from '../format/numbers.ts'
import { FORMAT_ANNOTATION, INDEX_TYPE, TAR_SIZE_ANNOTATION } from '../image/canonical.ts'
import { type Config, type Descriptor, readConfig, readIndex, readOciManifest } from '../image/documents.ts'
import { noSuchPlatform, type Platform, pickAsked, pickRunnable, platformName, platformOf } from '../image/platform.ts'
import { DocumentReader, type OpenOptions } from './document-reader.ts'
import type { ImageLayer } from './layers.ts'

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
  /** Bottom first. */
  readonly layers: readonly ImageLayer[]
}

/** Which of several platforms. */
export interface PlatformChoice {
  /** The one that the user asks for; any image must be for it. */
  readonly asked?: Platform | undefined
  /** The engine's, where nothing is asked for. */
  readonly machine?: Platform | Promise<Platform> | undefined
}

/**
 * Reads the documents of an image, each checked against the one that names it. Of several platforms, one is chosen.
 * @throws PLATFORM_NOT_FOUND, CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY, NODE_*
 */
export async function openImage(root: CID, options: OpenOptions, wanted: PlatformChoice = {}): Promise<ImageSource> {
  const documents = new DocumentReader(root, options)
  const top = await documents.top()
  const entry = top.mediaType === INDEX_TYPE ? await choose(top, documents, wanted) : top
  const image = await openManifest(entry, entry === top, documents)
  checkAsked(image.config, wanted)
  return image
}

/** An image of one or of several platforms. */
export interface WholeImage {
  /** The digest of the manifest, or of the index of several: the image's ID on a containerd store. */
  readonly digest: string
  /** In the order of the index. */
  readonly platforms: readonly ImageSource[]
  /** The bytes of the index of several platforms; undefined where one was asked for, or there is but one. */
  readonly index: Uint8Array | undefined
}

/**
 * Reads the documents of an image, of all its platforms or of the one that is asked for.
 * @throws as `openImage`
 */
export async function openWhole(root: CID, options: OpenOptions, asked?: Platform): Promise<WholeImage> {
  const documents = new DocumentReader(root, options)
  const top = await documents.top()
  if (top.mediaType !== INDEX_TYPE || asked !== undefined) {
    return { digest: top.digest, platforms: [await openImage(root, options, { asked })], index: undefined }
  }
  const index = await documents.read(top, INDEX)
  const platforms: ImageSource[] = []
  for (const { entry } of candidatesIn(index, documents)) {
    platforms.push(await openManifest(entry, false, documents))
  }
  return { digest: top.digest, platforms, index }
}

async function openManifest(entry: Descriptor, isWhole: boolean, documents: DocumentReader): Promise<ImageSource> {
  const { root } = documents
  const manifestBytes = await documents.read(entry, 'the manifest')
  const manifest = readOciManifest(manifestBytes, { what: `the manifest of ${root}`, code: 'NOT_AN_IMAGE' })
  checkVersion(manifest.annotations[FORMAT_ANNOTATION], documents)
  const configBytes = await documents.read(manifest.config, 'the image config')
  const config = readConfig(configBytes, { what: `the config of ${root}`, code: 'NOT_AN_IMAGE' })
  if (config.diffIds.length !== manifest.layers.length) {
    const [layers, diffIds] = [manifest.layers.length, config.diffIds.length]
    throw documents.notAnImage(`its manifest has ${layers} layers, its config ${diffIds}`)
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
      tarSize: tarSizeOf(layer, documents),
      diffId: config.diffIds[at] as string,
    })),
  }
}

const MAX_PLATFORMS = 1000

interface PlatformCandidate {
  readonly entry: Descriptor
  readonly platform: Platform
}

const INDEX = 'the index of platforms'

/** The manifests of the nested index. */
function candidatesIn(index: Uint8Array, documents: DocumentReader): PlatformCandidate[] {
  const entries = readIndex(index, { what: `${INDEX} of ${documents.root}`, code: 'NOT_AN_IMAGE' })
  const candidates = entries.flatMap((entry) =>
    entry.platform === undefined ? [] : [{ entry, platform: entry.platform }],
  )
  if (candidates.length === 0 || entries.length > MAX_PLATFORMS) {
    throw documents.notAnImage(`its index names ${candidates.length} platforms`)
  }
  return candidates
}

/** The manifest of one platform. */
async function choose(top: Descriptor, documents: DocumentReader, wish: PlatformChoice): Promise<Descriptor> {
  const candidates = candidatesIn(await documents.read(top, INDEX), documents)
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

function checkAsked({ os, architecture, variant }: Config, { asked }: PlatformChoice): void {
  const candidates = [{ platform: platformOf(os, architecture, variant) }]
  if (asked !== undefined && pickAsked(candidates, asked) === undefined) throw noSuchPlatform(asked, candidates)
}

function tarSizeOf(layer: Descriptor, documents: DocumentReader): number {
  const text = layer.annotations[TAR_SIZE_ANNOTATION] ?? ''
  const size = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(size))
    throw documents.notAnImage('a layer does not say how large its tar is')
  return size
}

function checkVersion(version: string | undefined, documents: DocumentReader): void {
  if (version === FORMAT.version) return
  if (version === undefined) throw documents.notAnImage('its manifest names no docker-ipfs format')
  throw new DockerIpfsError(
    'NOT_AN_IMAGE',
    `${documents.root} is written in format ${version}; this docker-ipfs reads format ${FORMAT.version}`,
    {
      hint: 'Install a newer docker-ipfs.',
    },
  )
}
