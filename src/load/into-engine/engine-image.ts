import type { Engine, EngineInfo } from '../../engine/engine.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import { readArchive } from '../../image/archive.ts'
import { blobPath } from '../../image/canonical.ts'
import type { ImageSource } from '../../read/open-image.ts'

/** An image, and what it must be on one engine. */
export interface EngineTarget {
  readonly image: ImageSource
  /** The ID that it has there. */
  readonly imageId: string
  readonly info: EngineInfo
}

/** For taking away what a load leaves: its signal may be spent by then. In milliseconds. */
export const CLEANUP_MS = 10_000

/** Takes away images that a load made, as far as they are there. Nothing that goes wrong here matters: what is left has no name. */
export async function removeAfterLoad(ids: readonly string[], engine: Engine, options?: { readonly force: boolean }) {
  await engine.remove(ids, AbortSignal.timeout(CLEANUP_MS), options).catch(() => undefined)
}

/**
 * What is wrong with the engine's image: it is not there, has other layers than it should, lacks some of its blobs, or has a
 * config that the engine cannot read.
 */
export type ImageFault = 'gone' | 'other' | 'incomplete' | 'unreadable'

/**
 * Looks at the image on the engine; undefined when all is right. An engine that does not tell whether it has all of it is
 * believed where `hasAll`, since it was just given all or lists none of which it has a part, and is made to pack the image otherwise.
 */
export async function faultOf(
  target: EngineTarget,
  { engine, signal }: { readonly engine: Engine; readonly signal: AbortSignal },
  hasAll: boolean,
): Promise<ImageFault | undefined> {
  const { image, imageId, info } = target
  // A classic store has images only whole; a containerd store also shows those of which it has a part.
  const [found, isWhole] = await Promise.all([
    engine.inspect(imageId, signal),
    info.containerdStore ? engine.isWhole(imageId, signal) : true,
  ])
  if (found === undefined) return 'gone'
  if (found.id !== imageId) return 'other'
  const listed = async () =>
    info.can.listWhole
      ? (await engine.images(signal)).some(({ id }) => id === imageId)
      : isInArchive(image, engine.save(imageId, signal))
  if (!(isWhole ?? (hasAll || (await listed())))) return 'incomplete'
  if (info.containerdStore && found.layers.length === 0 && image.layers.length > 0) {
    // Its config has just gone, or cannot be read.
    return info.can.tellWhole && (await engine.isWhole(imageId, signal)) !== true ? 'incomplete' : 'unreadable'
  }
  return found.layers.join() === image.layers.map((layer) => layer.diffId).join() ? undefined : 'other'
}

/** @param why in words, where it is known */
export function unreadableConfig(why: string | undefined, cause?: unknown): DockerIpfsError {
  const reason = why === undefined ? '' : `: ${why}`
  return new DockerIpfsError('ENGINE_FAILED', `the engine cannot read the config of the image${reason}`, {
    hint: 'Have the tool that built the image write its config as Docker does, and save it again.',
    cause,
  })
}

/** Engines before 28 do not tell what they lack. But `docker save` leaves it out, so that its archive shows it. */
async function isInArchive(image: ImageSource, archive: ReturnType<Engine['save']>): Promise<boolean> {
  const missing = new Map<string, number>([
    [blobPath(image.manifestDigest), image.manifestBytes.length],
    [blobPath(image.configDigest), image.configBytes.length],
    ...image.layers.map((layer) => [blobPath(layer.digest), layer.size] as const),
  ])
  try {
    for await (const { path, size } of readArchive(archive)) {
      if (missing.get(path) === size) missing.delete(path)
    }
  } catch (error) {
    // It went meanwhile, or cannot be read: then it is not whole.
    if (!hasCode(error, ...NOT_READABLE)) throw error
    return false
  }
  return missing.size === 0
}

const NOT_READABLE = ['IMAGE_NOT_FOUND', 'ENGINE_FAILED', 'ARCHIVE_INVALID'] as const
