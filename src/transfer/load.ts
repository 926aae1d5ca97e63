import type { EngineInfo } from '../docker/engine.ts'
import { fullName } from '../docker/reference.ts'
import { DockerIpfsError } from '../errors.ts'
import { type ImageSource, openImage, parseReference } from './image-source.ts'
import { intoEngine, type Loaded, type Loading, removedMeanwhile } from './into-engine.ts'
import { noPin, pinBeside } from './pin.ts'
import { rememberLoaded } from './remember.ts'
import { watchSources } from './sources.ts'

export interface LoadOptions extends Loading {
  /** Name for the image; without it the image stays unnamed, as with `docker load` of an archive without names. */
  readonly tag?: string
  /** Do not pin the image on the node, and do not write it into the catalogue. */
  readonly noPin?: boolean
}

export interface LoadResult {
  /** The engine's ID of the image, `sha256:<hex>`. */
  readonly imageId: string
  readonly tag?: string
}

/**
 * Loads an image into the engine, pins it on the node and writes it into the catalogue. The engine gets no byte that was not
 * checked, and the image is looked at afterwards: what does not match is removed again.
 * @throws REFERENCE_INVALID, BAD_FLAG (no name in `tag`), CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY, ENGINE_*, NODE_*
 */
export async function load(reference: string, options: LoadOptions): Promise<LoadResult> {
  const { engine, node, signal, report, tag } = options
  const root = parseReference(reference)
  if (tag !== undefined && fullName(tag) === undefined) {
    throw new DockerIpfsError('BAD_FLAG', `"${tag}" is no image name`, { hint: 'Give --tag a name such as app:1.2.' })
  }
  const info = await engine.info(signal)
  report({ type: 'step', text: `Looking for ${root}` })
  const sources = watchSources(options)
  const image = await openImage(root, options)
  checkPlatform(image, info)
  const wasPinned = await node.isPinned(root, signal)
  const wantsPin = options.noPin !== true
  const pin = wasPinned || !wantsPin ? noPin(wasPinned) : pinBeside(root, options)
  let loaded: Loaded
  let isPinned: boolean
  try {
    report({ type: 'step', text: 'Loading' })
    loaded = await intoEngine(image, info, { ...options, isLocal: wasPinned })
    if (tag !== undefined) await giveName(loaded.imageId, tag, options)
    isPinned = await pin.done(report)
  } catch (error) {
    await pin.undo(error)
    throw error
  }
  if (isPinned && wantsPin) await rememberLoaded(image, { imageId: loaded.imageId, tag }, options)
  await sources.report(image, { bytesHad: loaded.bytesHad, wasPinned, isPinned })
  return tag === undefined ? { imageId: loaded.imageId } : { imageId: loaded.imageId, tag }
}

async function giveName(imageId: string, tag: string, { engine, signal }: Loading): Promise<void> {
  try {
    await engine.tag(imageId, tag, signal)
  } catch (error) {
    if (error instanceof DockerIpfsError && error.code === 'IMAGE_NOT_FOUND') throw removedMeanwhile(error)
    throw error
  }
}

function checkPlatform(image: ImageSource, info: EngineInfo): void {
  const { os } = image.config
  if (os === '' || info.os === '' || os === info.os) return
  throw new DockerIpfsError('ENGINE_FAILED', `the image is for ${os}, the engine runs ${info.os}`)
}
