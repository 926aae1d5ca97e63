import type { Engine, EngineInfo } from '../../engine/engine.ts'
import { hasCode } from '../../errors.ts'
import type { ImageSource } from '../../read/open-image.ts'
import type { LoadSource } from '../source.ts'
import { type Held, holdBlobs } from './probe.ts'

/** The images that an engine has. It is asked for them at once, since that takes longest. */
export interface PresentImages {
  readonly ids: Promise<readonly string[]>
  readonly names: Promise<readonly string[]>
  /** diffIDs of each, bottom first. */
  readonly layers: Promise<readonly (readonly string[])[]>
}

export function askForImages(engine: Engine, signal: AbortSignal): PresentImages {
  const all = engine.images(signal)
  const ids = all.then((images) => images.map(({ id }) => id))
  const names = all.then((images) => images.flatMap((image) => image.names))
  // Who asks for the IDs hears of it.
  names.catch(() => undefined)
  const layers = ids.then((all) => engine.layersOf(all, signal))
  layers.catch(() => undefined)
  return { ids, names, layers }
}

/** What the engine says of itself before a load. */
export interface EngineState {
  readonly info: EngineInfo
  readonly images: PresentImages
}

export interface HeldOptions {
  readonly engine: Engine
  readonly signal: AbortSignal
  readonly source: Pick<LoadSource, 'knownBlobs'>
}

/** What of an image the engine has. `release` when the image is there. */
export async function findHeld(
  image: ImageSource,
  { info, images }: EngineState,
  { engine, signal, source }: HeldOptions,
): Promise<Held> {
  const none = { digests: new Set<string>(), release: async () => undefined }
  const { leaveOut, listWhole, useRegistry } = info.can
  // An engine that takes whole archives only may still pull what it lacks.
  if (!leaveOut && !(useRegistry && listWhole)) return none
  if (!info.containerdStore) return { ...none, digests: layersInCommon(image, await images.layers) }
  const known = (await source.knownBlobs?.(image, await images.ids)) ?? none.digests
  const digests = new Set(image.layers.map(({ digest }) => digest).filter((digest) => known.has(digest)))
  const rest = image.layers.filter(({ digest }) => !digests.has(digest))
  // Without an image that has the layer the store has no blob of it either; with one it may have another: gzip, or plain.
  const diffIds = new Set((rest.length > 0 ? await images.layers : []).flat())
  const likely = rest.filter((layer) => diffIds.has(layer.diffId))
  if (likely.length === 0) return { ...none, digests }
  try {
    const held = await holdBlobs(likely, engine, signal)
    return { ...held, digests: new Set([...digests, ...held.digests]) }
  } catch (error) {
    // Then all of that is sent.
    if (hasCode(error, 'ENGINE_FAILED', 'ENGINE_FULL')) return { ...none, digests }
    throw error
  }
}

/**
 * A classic store never opens the file of a layer whose chainID it knows, so that the archive may lack it. The chainID is that of
 * the layer and all below it: what may be left out is what the image has in common with another, from the bottom up.
 */
function layersInCommon(image: ImageSource, images: readonly (readonly string[])[]): Set<string> {
  let common = 0
  for (const layers of images) {
    let same = 0
    while (same < image.layers.length && layers[same] === image.layers[same]?.diffId) same += 1
    common = Math.max(common, same)
  }
  const needed = new Set(image.layers.slice(common).map((layer) => layer.digest))
  return new Set(image.layers.map((layer) => layer.digest).filter((digest) => !needed.has(digest)))
}
