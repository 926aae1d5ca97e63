// The room of the way into an engine: `load(source, options)`, and `pull`, which is resolve and load.
// A source (source.ts) is where an image is read and kept; sources/find.ts chooses one, and each is a file beside it.
// What an engine is sent, and whether it has it then, is into-engine/, which knows of no node.
// A load: the source's documents are read (read/open-image.ts) while the engine says what it is; the source begins the
// pin; into-engine/ finds out what the engine has, opens the other layers at the source, sends them in steps and looks
// at what came of it; then the name, the pin, and what the source does with a loaded image.

import type { Engine, EngineInfo } from '../engine/engine.ts'
import { DockerIpfsError, hasCode } from '../errors.ts'
import type { Report } from '../events.ts'
import { unreadableIn } from '../image/config/engine-config.ts'
import { fullName } from '../image/name.ts'
import { type Platform, parsePlatform, platformOf } from '../image/platform.ts'
import { distinct } from '../read/layers.ts'
import { type ImageSource, openImage } from '../read/open-image.ts'
import type { ReadLimits } from '../read/stall.ts'
import { tookLong } from '../units.ts'
import { unreadableConfig } from './into-engine/engine-image.ts'
import { askForImages } from './into-engine/held.ts'
import { intoEngine, removedMeanwhile, removeUnnamed } from './into-engine/into-engine.ts'
import type { LoadSource } from './source.ts'

export interface LoadOptions extends ReadLimits {
  readonly engine: Engine
  readonly report: Report
  /** Name for the image; without it the image stays unnamed, as with `docker load` of an archive without names. */
  readonly tag?: string
  /** Of an image with several platforms, this one and not that of the engine. */
  readonly platform?: string | undefined
  /** What somebody says that the digest of the config is; not held against one platform of several. */
  readonly configDigest?: string | undefined
}

export interface LoadResult {
  /** The engine's ID of the image, `sha256:<hex>`. */
  readonly imageId: string
  /** `sha256:<hex>` of the image config. */
  readonly configDigest: string
  readonly tag?: string
}

/**
 * Loads an image into the engine, wherever it is read, and has its source keep it. The engine gets no byte that was not
 * checked, and the image is looked at afterwards: what does not match is removed again.
 * @throws BAD_FLAG (no name in `tag`), PLATFORM_NOT_FOUND, CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY, ENGINE_*, and what the source throws
 */
export async function load(source: LoadSource, options: LoadOptions): Promise<LoadResult> {
  const { engine, signal, report, tag } = options
  checkName(tag)
  const began = Date.now()
  const asked = options.platform === undefined ? undefined : parsePlatform(options.platform)
  const images = askForImages(engine, signal)
  const { image, info } = await openBoth(source, asked, options)
  checkPlatform(image, info)
  checkReadable(image, info)
  checkDepth(image, info)
  checkConfig(image, options)
  const pin = await source.pin(image)
  let made: string | undefined
  try {
    report({ type: 'step', text: 'Loading' })
    const loaded = await intoEngine(image, { info, images }, { ...options, source })
    const { imageId, bytesHad, wasThere, released } = loaded
    made = wasThere ? undefined : imageId
    if (tag !== undefined) await giveName(imageId, tag, options)
    const keep = async () => {
      const isPinned = await pin.done(report)
      await source.loaded(image, { imageId, tag, bytesHad, isPinned })
    }
    await Promise.all([keep(), released])
    const took = tookLong('Loaded', bytesSent(image, bytesHad), Date.now() - began)
    if (took !== undefined) report({ type: 'step', text: took })
    return { imageId, configDigest: image.configDigest, ...(tag === undefined ? {} : { tag }) }
  } catch (error) {
    // Cancelled when it was there: whoever asked for nothing more does not want it without a name either.
    if (made !== undefined && signal.aborted) await removeUnnamed(made, engine)
    await pin.undo(error)
    throw error
  }
}

function bytesSent({ layers }: ImageSource, bytesHad: number): number {
  return distinct(layers).reduce((sum, { size }) => sum + size, 0) - bytesHad
}

/** Reads the image's documents while the engine says what it is; when it does not answer, that is what is told. */
async function openBoth(source: LoadSource, asked: Platform | undefined, options: LoadOptions) {
  const { engine, report, signal, timeoutMs } = options
  const { root, blocks, ahead } = source
  const stop = new AbortController()
  const asking = engine.info(signal)
  const machine = asking.then(({ os, architecture }) => platformOf(os || 'linux', architecture, ''))
  // Who asks for it gets the error; of an image for one platform nobody does.
  machine.catch(() => undefined)
  const reading = { blocks, ahead, timeoutMs, signal: AbortSignal.any([signal, stop.signal]) }
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

async function giveName(imageId: string, tag: string, { engine, signal }: LoadOptions): Promise<void> {
  try {
    await engine.tag(imageId, tag, signal)
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND')) throw removedMeanwhile(error)
    throw error
  }
}

function checkName(tag: string | undefined): void {
  if (tag === undefined || fullName(tag) !== undefined) return
  throw new DockerIpfsError('BAD_FLAG', `"${tag}" is no image name`, { hint: 'Give --tag a name such as app:1.2.' })
}

function checkPlatform(image: ImageSource, info: EngineInfo): void {
  const { os } = image.config
  if (os === '' || info.os === '' || os === info.os) return
  throw new DockerIpfsError('ENGINE_FAILED', `the image is for ${os}, the engine runs ${info.os}`)
}

/** A containerd store takes an image whose config it cannot read; on some of them `docker images` fails from then on. */
function checkReadable({ configBytes }: ImageSource, info: EngineInfo): void {
  const why = unreadableIn(configBytes, info)
  if (why !== undefined) throw unreadableConfig(why)
}

/** An engine says so only when it has unpacked all layers but those. */
function checkDepth({ layers }: ImageSource, { can }: EngineInfo): void {
  if (layers.length <= can.mostLayers) return
  const message = `the image has ${layers.length} layers, and the engine's image store takes at most ${can.mostLayers}`
  throw new DockerIpfsError('ENGINE_FAILED', message, {
    hint: 'Use an engine with the containerd image store, or an image that was built with fewer layers.',
  })
}

function checkConfig({ root, isWhole, configDigest }: ImageSource, options: LoadOptions): void {
  if (!isWhole || options.configDigest === undefined || options.configDigest === configDigest) return
  throw new DockerIpfsError('INTEGRITY', `${root} has the config ${configDigest}, not ${options.configDigest}`, {
    hint: 'The catalogue that names it is wrong: ask who published it.',
  })
}
