import type { CID } from '../dag/cid.ts'
import type { Engine, EngineInfo, ImageInfo } from '../docker/engine.ts'
import { fullName } from '../docker/reference.ts'
import { DockerIpfsError } from '../errors.ts'
import { parsePlatform, platformOf } from '../image/platform.ts'
import type { Node } from '../kubo/node.ts'
import type { Report } from './events.ts'
import { type ImageSource, openImage, parseReference, type Reading } from './image-source.ts'
import { type ArchiveForm, loadArchive } from './load-archive.ts'
import { type Pinning, pinBeside } from './pin.ts'

export interface LoadOptions extends Reading {
  readonly engine: Engine
  readonly report: Report
  /** Name for the image; without it the image stays unnamed, as with `docker load` of an archive without names. */
  readonly tag?: string
  /** Of an image with several platforms, this one and not that of the engine. */
  readonly platform?: string | undefined
}

export interface LoadResult {
  /** The engine's ID of the image, `sha256:<hex>`. */
  readonly imageId: string
  readonly tag?: string
}

/** The first engine that reads zstd layers (moby 23.0). */
const FIRST_ENGINE_WITH_ZSTD = 23

/**
 * Loads an image into the engine and pins it on the node. The engine gets no byte that was not checked, and the image is
 * looked at afterwards: what does not match is removed again.
 * @throws REFERENCE_INVALID, BAD_FLAG (no name in `tag`), CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY, ENGINE_*, NODE_*
 */
export async function load(reference: string, options: LoadOptions & { readonly node: Node }): Promise<LoadResult> {
  return loadRoot(parseReference(reference), options, (root) => pinBeside(root, options))
}

/** Loads an image from wherever its blocks are read; `pin` begins to pin it beside. */
export async function loadRoot(root: CID, options: LoadOptions, pin: (root: CID) => Pinning): Promise<LoadResult> {
  const { engine, signal, report } = options
  if (options.tag !== undefined && fullName(options.tag) === undefined) {
    throw new DockerIpfsError('BAD_FLAG', `"${options.tag}" is no image name`, {
      hint: 'Give --tag a name such as app:1.2.',
    })
  }
  const asked = options.platform === undefined ? undefined : parsePlatform(options.platform)
  const info = await engine.info(signal)
  report({ type: 'step', text: `Looking for ${root}` })
  const machine = platformOf(info.os || 'linux', info.architecture, '')
  const image = await openImage(root, options, { asked, machine })
  checkPlatform(image, info)
  const pinning = pin(root)
  let imageId: string
  try {
    report({ type: 'step', text: 'Loading' })
    imageId = await intoEngine(image, info, options)
    if (options.tag !== undefined) await engine.tag(imageId, options.tag, signal)
  } catch (error) {
    await pinning.undo(error)
    throw error
  }
  await pinning.done(report)
  return options.tag === undefined ? { imageId } : { imageId, tag: options.tag }
}

async function intoEngine(image: ImageSource, info: EngineInfo, options: LoadOptions): Promise<string> {
  const { engine, signal, report } = options
  const plain = Number.parseInt(info.version, 10) < FIRST_ENGINE_WITH_ZSTD
  const expected = info.containerdStore ? image.manifestDigest : image.configDigest
  const before = await engine.inspect(expected, signal)
  if (!info.containerdStore && before !== undefined && hasLayers(before, image)) {
    report({ type: 'step', text: 'The engine has this image already' })
    return expected
  }
  // On a containerd store this breaks images: it knows layers by their blobs, which the engine does not tell.
  const leaveOut = info.containerdStore ? new Set<string>() : await layersToLeaveOut(image, engine, signal)
  const send = async (form: ArchiveForm) => {
    const said = await engine.load(loadArchive(image, form, options, report), signal)
    await checkLoaded(image, expected, said, options)
  }
  try {
    await send({ plain, leaveOut }).catch((error: unknown) => {
      // Somebody may have removed a layer meanwhile: then the engine misses its file.
      if (leaveOut.size === 0 || !(error instanceof DockerIpfsError && error.code === 'ENGINE_FAILED')) throw error
      report({ type: 'warning', text: `${error.message}: sending all layers` })
      return send({ plain, leaveOut: new Set() })
    })
    return expected
  } catch (error) {
    // What was there before stays. The signal may be spent, and this must still run.
    if (before === undefined) await engine.remove(expected, AbortSignal.timeout(CLEANUP_MS)).catch(() => undefined)
    throw error
  }
}

/**
 * A classic store never opens the file of a layer whose chainID it knows, so that the archive may lack it. The chainID is that of
 * the layer and all below it: what may be left out is what the image has in common with another, from the bottom up.
 */
async function layersToLeaveOut(image: ImageSource, engine: Engine, signal: AbortSignal): Promise<Set<string>> {
  let common = 0
  for (const layers of await engine.allLayers(signal)) {
    let same = 0
    while (same < image.layers.length && layers[same] === image.layers[same]?.diffId) same += 1
    common = Math.max(common, same)
  }
  const needed = new Set(image.layers.slice(common).map((layer) => layer.digest))
  return new Set(image.layers.map((layer) => layer.digest).filter((digest) => !needed.has(digest)))
}

function hasLayers(loaded: ImageInfo, image: ImageSource): boolean {
  return loaded.layers.join() === image.layers.map((layer) => layer.diffId).join()
}

const CLEANUP_MS = 10_000

/** "Loaded image" and exit code 0 prove nothing: the image itself is asked for. */
async function checkLoaded(
  image: ImageSource,
  expected: string,
  said: string,
  { engine, signal }: LoadOptions,
): Promise<void> {
  const complaint = /^Error unpacking image.*$/m.exec(said)
  if (complaint) throw new DockerIpfsError('INTEGRITY', `the engine could not unpack the image: ${complaint[0]}`)
  const loaded = await engine.inspect(expected, signal)
  if (loaded === undefined) {
    throw new DockerIpfsError('INTEGRITY', `the engine loaded no image with ID ${expected}`, { cause: new Error(said) })
  }
  if (loaded.id !== expected || !hasLayers(loaded, image)) {
    throw new DockerIpfsError('INTEGRITY', `the engine's image ${loaded.id} does not have the layers of ${image.root}`)
  }
}

function checkPlatform(image: ImageSource, info: EngineInfo): void {
  const { os } = image.config
  if (os === '' || info.os === '' || os === info.os) return
  throw new DockerIpfsError('ENGINE_FAILED', `the image is for ${os}, the engine runs ${info.os}`)
}
