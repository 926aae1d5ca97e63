import type { BlockSink } from '../dag/blocks.ts'
import type { Report } from '../events.ts'
import { type ImageDag, writeImage } from '../format/image-dag.ts'
import type { Layer } from '../format/layer.ts'
import type { ImageInput } from '../image/input.ts'
import { fullName } from '../image/name.ts'
import type { Platform } from '../image/platform.ts'
import { readSavedImages, type SavedImage } from '../image/saved-image.ts'
import { type Known, keysOf } from './known.ts'
import { writeOneLayer } from './save.ts'

/** An image of an archive whose blocks have been written. */
export interface WrittenImage {
  readonly dag: ImageDag
  /** Names in full, as far as the archive's are names. */
  readonly names: readonly string[]
  /** IDs by which engines call it. */
  readonly imageIds: readonly string[]
  /** diffIDs, bottom first, platform after platform. */
  readonly layers: readonly string[]
}

export interface Written {
  /** In the order of the archive. */
  readonly images: readonly WrittenImage[]
  /** New layers by the keys that they can be found under. */
  readonly layers: ReadonlyMap<string, Layer>
}

export interface WriteOptions {
  readonly sink: BlockSink
  readonly known: Known
  readonly report: Report
  /** Of images with several platforms, only this one. */
  readonly platform?: Platform | undefined
}

/**
 * Reads all images of an archive and writes their blocks.
 * @throws ARCHIVE_INVALID, INTEGRITY, FILE_FAILED, PLATFORM_NOT_FOUND; what the sink throws
 */
export async function writeImages(input: ImageInput, options: WriteOptions): Promise<Written> {
  const { sink, known, report, platform } = options
  const layers = new Map<string, Layer>()
  const saved = await readSavedImages(input.entries(), {
    diffIds: input.diffIds ?? new Set(),
    last: input.last,
    platform,
    findLayer: async (key, size) => {
      const layer = await known.findLayer(key, size)
      if (layer !== undefined)
        report({ type: 'layer-done', layer: `sha256:${key}`, status: 'Already saved', bytesDone: layer.tarSize })
      return layer
    },
    onLayer: async (tar, entry) => {
      const layer = await writeOneLayer(tar, entry, sink, report)
      for (const key of keysOf(layer, entry)) layers.set(key, layer)
      return layer
    },
  })
  const used = new Set(saved.flatMap(({ platforms }) => platforms.flatMap((one) => one.layers)))
  const images: WrittenImage[] = []
  for (const image of saved) images.push(await writeOne(image, options))
  // What turned out to be no layer of an image is not linked from it, and would be lost to GC.
  return { images, layers: new Map([...layers].filter(([, layer]) => used.has(layer))) }
}

async function writeOne(image: SavedImage<Layer>, { sink, report, platform }: WriteOptions): Promise<WrittenImage> {
  const { platforms, names, id, missing } = image
  if (missing.length > 0 && platform === undefined) {
    report({ type: 'step', text: `Left out, since the archive does not have them: ${missing.join(', ')}` })
  }
  const dag = await writeImage(platforms, sink)
  // The ID of an index stands for all of its platforms.
  const whole = id !== undefined && missing.length === 0 && platform === undefined
  return {
    dag,
    names: [...new Set(names.map(fullName).filter((name) => name !== undefined))],
    imageIds: [...(platforms.length === 1 ? [dag.configDigest] : []), ...(whole ? [id] : [])],
    layers: platforms.flatMap((one) => one.layers.map(({ diffId }) => diffId)),
  }
}
