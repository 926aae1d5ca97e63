import { exportsIn, filesBeingPacked } from '../engine/docker/export-folder.ts'
import type { Engine, ImageInfo } from '../engine/engine.ts'
import { hasCode } from '../errors.ts'
import { readOneImage, readSavedImage, type SavedImage, type SavedImageOptions } from '../image/saved-image.ts'
import { abortable, type Begun, begun, sha256 } from '../streams.ts'

/** An image that the engine has been asked to pack. */
export interface PackedImage {
  readonly found: ImageInfo
  readonly archive: Begun
  /** Where the engine packs it, and what was there before; undefined where that cannot be seen. */
  readonly place: { readonly folder: string; readonly before: ReadonlySet<string> } | undefined
  /** The engine need not go on: it throws away what it has packed. */
  stop(): void
}

/** Asks the engine for an image. It packs until it is stopped, and nobody need read it. */
export async function askForImage(
  found: ImageInfo,
  { engine, signal }: { readonly engine: Engine; readonly signal: AbortSignal },
): Promise<PackedImage> {
  const place = await placeOf(engine, signal)
  const stop = new AbortController()
  const archive = begun(engine.save(found.id, AbortSignal.any([signal, stop.signal])))
  return { found, archive, place, stop: () => stop.abort() }
}

/** Most users may not look into it. */
async function placeOf(engine: Engine, signal: AbortSignal): Promise<PackedImage['place']> {
  try {
    const { packingFolder: folder } = await engine.info(signal)
    return folder === undefined ? undefined : { folder, before: await exportsIn(folder) }
  } catch {
    return undefined
  }
}

/**
 * Reads an image while the engine packs it, where that can be seen: a classic store takes seconds before it sends the first byte. Else, and
 * where what was seen is not the image, from the archive that the engine sends. So too where a small one is sent, and gone, before it was read.
 * @param again the image is read once more: of what was read so far, some may not be of it
 * @throws what `readSavedImage` throws
 */
export async function readPacked<L extends { readonly diffId: string }>(
  { found, archive, place, stop }: PackedImage,
  options: Omit<SavedImageOptions<L>, 'diffIds'>,
  { signal, again }: { readonly signal: AbortSignal; readonly again: () => void },
): Promise<SavedImage<L>> {
  const diffIds = new Set(found.layers)
  if (place !== undefined) {
    const isLayer = (path: string) =>
      path.endsWith('/layer.tar') || diffIds.has(path.replace(/^blobs\/sha256\//, 'sha256:'))
    const files = filesBeingPacked({ ...place, packed: archive.first, isLayer, signal })
    try {
      const image = await readOneImage(files, { ...options, diffIds })
      if (image.platforms.every(({ configBytes }) => sha256(configBytes) === found.id)) {
        // Now, so that what it has packed need not be written to the disk: 0.4 s for 382 MB, before the node's own blocks.
        stop()
        return image
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (!isOfFiles(error)) throw error
    }
    again()
  }
  return readSavedImage(abortable(archive.all, signal), { ...options, diffIds })
}

/** Not of the node, and none of ours. */
function isOfFiles(error: unknown): boolean {
  return hasCode(error, 'ARCHIVE_INVALID', 'INTEGRITY') || (error instanceof Error && 'syscall' in error)
}
