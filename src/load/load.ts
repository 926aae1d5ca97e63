import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Publications } from '../catalogue/publications.ts'
import type { CID } from '../dag/cid.ts'
import type { EngineInfo } from '../engine/engine.ts'
import { DockerIpfsError, hasCode } from '../errors.ts'
import { fullName } from '../image/name.ts'
import { type Platform, parsePlatform, platformOf } from '../image/platform.ts'
import { resolve } from '../names/resolve.ts'
import { fetchAhead, LayerFetch } from '../read/fetch.ts'
import type { NodeFirst } from '../read/node-first.ts'
import { type ImageSource, type Opening, openImage } from '../read/open-image.ts'
import { type LayerReader, readAhead } from '../read/read-ahead.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { Naming } from '../store/naming.ts'
import type { Node } from '../store/node.ts'
import type { Pins } from '../store/pins.ts'
import type { Traffic } from '../store/traffic.ts'
import { askForImages, type KnownBlobs } from './into-engine/held.ts'
import { intoEngine, type Loaded, type Loading, type OpenLayers, removedMeanwhile } from './into-engine/into-engine.ts'
import { knownBlobs } from './into-engine/known-blobs.ts'
import { noPin, type Pinning, pinAfter } from './pin.ts'
import { rememberLoaded } from './remember.ts'
import { watchSources } from './sources.ts'

export interface LoadOptions extends Loading, Pick<Opening, 'ahead'> {
  /** Name for the image; without it the image stays unnamed, as with `docker load` of an archive without names. */
  readonly tag?: string
  /** Of an image with several platforms, this one and not that of the engine. */
  readonly platform?: string | undefined
  /** What somebody says that the digest of the config is; not held against one platform of several. */
  readonly configDigest?: string | undefined
}

export interface NodeLoadOptions extends LoadOptions {
  readonly node: Pick<Node, 'address' | 'version'>
  readonly blocks: BlockStore
  readonly pins: Pins
  readonly traffic: Traffic
  readonly naming: Naming
  readonly catalogue: Catalogue
  readonly publications: Publications
  /** Where the image is read, when not from the node alone. */
  readonly source?: NodeFirst
  /** Do not pin the image on the node, and do not write it into the catalogue. */
  readonly noPin?: boolean
}

export interface LoadResult {
  /** The engine's ID of the image, `sha256:<hex>`. */
  readonly imageId: string
  /** `sha256:<hex>` of the image config. */
  readonly configDigest: string
  readonly tag?: string
}

/** What goes on beside a load and after it, where the image is read from. */
export interface Keeping {
  readonly openLayers: OpenLayers
  readonly knownBlobs?: KnownBlobs | undefined
  readonly pin: Pinning
  /** The image is in the engine; `isPinned`: and pinned. */
  after(loaded: Loaded, isPinned: boolean): Promise<void>
}

/**
 * Loads an image into the engine, pins it on the node and writes it into the catalogue. The engine gets no byte that was not
 * checked, and the image is looked at afterwards: what does not match is removed again.
 * @throws REFERENCE_INVALID, IMAGE_NOT_FOUND, BAD_FLAG (no name in `tag`), CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY, ENGINE_*, NODE_*
 */
export async function load(reference: string, options: NodeLoadOptions): Promise<LoadResult> {
  // A node that is too old says so before anything else fails.
  const [{ root }] = await Promise.all([resolve(reference, options), options.node.version(options.signal)])
  return loadFromNode(root, options)
}

/**
 * Loads the image with this root.
 * @throws what `load` throws, but for what is wrong with a reference
 */
export async function loadFromNode(root: CID, options: NodeLoadOptions): Promise<LoadResult> {
  const sources = watchSources(options)
  const { blocks, pins, source, signal } = options
  const reading =
    source === undefined
      ? { ahead: (blobs: CID, limited: AbortSignal) => fetchAhead(blobs, blocks, limited) }
      : { blocks: source }
  return loadRoot(root, { ...options, ...reading }, async (image) => {
    const wasPinned = await pins.isPinned(root, signal)
    const wantsPin = options.noPin !== true
    const fetch = wasPinned || source !== undefined ? undefined : new LayerFetch(image, options)
    return {
      openLayers: (layers) => openLayers(image, layers, options, fetch),
      knownBlobs: (ids) => knownBlobs(image, ids, options),
      pin: wasPinned || !wantsPin ? noPin(wasPinned) : pinAfter(root, { ...options, fetch }),
      async after({ imageId, bytesHad }, isPinned) {
        if (isPinned && wantsPin) await rememberLoaded(image, { imageId, tag: options.tag }, options)
        await sources.report(image, { bytesHad, wasPinned, isPinned })
      },
    }
  })
}

/** From the node, which may have to get them first, or from gateways beside it. */
function openLayers(
  image: ImageSource,
  layers: ImageSource['layers'],
  options: NodeLoadOptions,
  fetch: LayerFetch | undefined,
): LayerReader {
  const { blocks, source, signal } = options
  if (source !== undefined) return readAhead(image, layers, { ...options, files: source, from: 'both' })
  const files = blocks.ownFiles(signal)
  if (fetch === undefined) return readAhead(image, layers, { ...options, files, from: 'node' })
  const following = fetch.follow(layers, files)
  const reader = readAhead(image, layers, { ...options, files: following.files, from: 'arriving' })
  return {
    blob: reader.blob,
    close() {
      reader.close()
      following.close()
    },
  }
}

/** Loads an image from wherever its blocks are read. */
export async function loadRoot(
  root: CID,
  options: LoadOptions,
  keep: (image: ImageSource) => Promise<Keeping>,
): Promise<LoadResult> {
  const { engine, signal, report, tag } = options
  if (tag !== undefined && fullName(tag) === undefined) {
    throw new DockerIpfsError('BAD_FLAG', `"${tag}" is no image name`, { hint: 'Give --tag a name such as app:1.2.' })
  }
  const asked = options.platform === undefined ? undefined : parsePlatform(options.platform)
  const images = askForImages(engine, signal)
  const { image, info } = await openBoth(root, asked, options)
  checkPlatform(image, info)
  if (image.isWhole && options.configDigest !== undefined && options.configDigest !== image.configDigest) {
    throw new DockerIpfsError(
      'INTEGRITY',
      `${root} has the config ${image.configDigest}, not ${options.configDigest}`,
      {
        hint: 'The catalogue that names it is wrong: ask who published it.',
      },
    )
  }
  const { openLayers, knownBlobs, pin, after } = await keep(image)
  try {
    report({ type: 'step', text: 'Loading' })
    const loaded = await intoEngine(image, { info, images }, { ...options, openLayers, knownBlobs })
    if (tag !== undefined) await giveName(loaded.imageId, tag, options)
    await Promise.all([pin.done(report).then((isPinned) => after(loaded, isPinned)), loaded.released])
    const { imageId } = loaded
    return { imageId, configDigest: image.configDigest, ...(tag === undefined ? {} : { tag }) }
  } catch (error) {
    await pin.undo(error)
    throw error
  }
}

/** Reads the image's documents while the engine says what it is; when it does not answer, that is what is told. */
async function openBoth(root: CID, asked: Platform | undefined, options: LoadOptions) {
  const { engine, report, signal } = options
  const stop = new AbortController()
  const asking = engine.info(signal)
  const machine = asking.then(({ os, architecture }) => platformOf(os || 'linux', architecture, ''))
  // Who asks for it gets the error; of an image for one platform nobody does.
  machine.catch(() => undefined)
  const reading = { ...options, signal: AbortSignal.any([signal, stop.signal]) }
  const opening = openImage(root, reading, { asked, machine })
  opening.catch(() => undefined)
  try {
    const info = await asking
    report({ type: 'step', text: `Looking for ${root}` })
    return { info, image: await opening }
  } catch (error) {
    stop.abort(error)
    throw error
  }
}

async function giveName(imageId: string, tag: string, { engine, signal }: Loading): Promise<void> {
  try {
    await engine.tag(imageId, tag, signal)
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND')) throw removedMeanwhile(error)
    throw error
  }
}

function checkPlatform(image: ImageSource, info: EngineInfo): void {
  const { os } = image.config
  if (os === '' || info.os === '' || os === info.os) return
  throw new DockerIpfsError('ENGINE_FAILED', `the image is for ${os}, the engine runs ${info.os}`)
}
