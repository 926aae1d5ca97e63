import type { BlockSink } from '../dag/blocks.ts'
import type { Report } from '../events.ts'
import { writeImage } from '../format/image-dag.ts'
import { type Layer, writeLayer } from '../format/layer.ts'
import { unreadableIn } from '../image/config/engine-config.ts'
import { fullName } from '../image/name.ts'
import type { Platform } from '../image/platform.ts'
import type { LayerEntry, SavedImage } from '../image/saved/saved-image.ts'
import { type Bytes, counted } from '../streams.ts'
import { tookLong } from '../units.ts'
import type { OpenInput, SaveInput } from './input.ts'
import { keysOf } from './known.ts'
import type { Place, SentLayer, WrittenImage, WrittenImages } from './target.ts'

/**
 * Reads all images of an input and writes their blocks.
 * @param platform of images with several, only this one
 * @throws ARCHIVE_INVALID, INTEGRITY, FILE_FAILED, PLATFORM_NOT_FOUND; what the sink throws
 */
export async function writeImages(
  opened: OpenInput,
  input: Pick<SaveInput, 'isMany'>,
  { sink, known, over, report, tellsMissing }: Place,
  platform: Platform | undefined,
): Promise<WrittenImages> {
  // Read by now, by their keys: should the image be read again, they count.
  const layers = new Map<string, Layer>()
  const told = new Set<string>()
  const sent: SentLayer[] = []
  const saved = await opened.read({
    platform,
    over,
    warn: (text) => report({ type: 'warning', text }),
    anew: (diffIds) => {
      for (const [key, { diffId }] of layers) if (!diffIds.includes(diffId)) layers.delete(key)
    },
    findLayer: async (key, size) => {
      const layer = layers.get(key) ?? (await known.findLayer(key, size))
      // By its diffID: should the image be read again, it may be called by another key.
      if (layer === undefined || layers.has(key) || told.has(layer.diffId)) return layer
      told.add(layer.diffId)
      report({ type: 'layer-done', layer: `sha256:${key}`, status: 'Already saved', bytesDone: layer.tarSize })
      return layer
    },
    onLayer: async (tar, entry) => {
      const { name, layer } = await writeOneLayer(tar, entry, sink, report)
      sent.push({ name, bytes: layer.tarSize, diffId: layer.diffId })
      for (const key of keysOf(layer, entry)) layers.set(key, layer)
      return layer
    },
  })
  const images: WrittenImage[] = []
  for (const image of saved) {
    if (input.isMany) tellOddNames(image, report)
    if (input.isMany || tellsMissing) tellMissing(image, platform, report)
    tellUnreadable(image, report)
    const dag = await writeImage(image.platforms, sink)
    const diffIds = image.platforms.flatMap((one) => one.layers.map(({ diffId }) => diffId))
    images.push({ dag, ...opened.labelsOf(image, dag, platform !== undefined), layers: diffIds })
  }
  // What turned out to be no layer of an image is not linked from it, and would be lost to GC.
  const used = new Set(images.flatMap((image) => image.layers))
  const written = { images, sent: sent.filter(({ diffId }) => used.has(diffId)) }
  if (!opened.hasOthers) return { ...written, layers }
  return { ...written, layers: new Map([...layers].filter(([, { diffId }]) => used.has(diffId))) }
}

/** Says of all new layers that they are saved: only now, since a layer may turn out to be wrong, and what takes it may fail. */
export function tellSaved({ sent }: Pick<WrittenImages, 'sent'>, ms: number, report: Report): void {
  for (const { name, bytes } of sent) report({ type: 'layer-done', layer: name, status: 'Saved', bytesDone: bytes })
  const bytes = sent.reduce((sum, layer) => sum + layer.bytes, 0)
  const took = tookLong('Saved', bytes, ms)
  if (took !== undefined) report({ type: 'step', text: took })
}

/** An archive may have names that no engine takes. */
function tellOddNames({ names }: SavedImage<Layer>, report: Report): void {
  for (const name of names.filter((one) => fullName(one) === undefined)) {
    report({ type: 'warning', text: `left out the name "${name}", which docker does not take` })
  }
}

/** It is kept byte by byte, and another engine may read it: but who saves it should not hear of it only when it is needed. */
function tellUnreadable({ platforms, names }: SavedImage<Layer>, report: Report): void {
  const texts = platforms.flatMap(({ configBytes }) => {
    const [classic, containerd] = [false, true].map((containerdStore) => unreadableIn(configBytes, { containerdStore }))
    if (classic === undefined && containerd === undefined) return []
    if (classic === undefined) return [`engines with a containerd store cannot load ${names[0] ?? 'it'}: ${containerd}`]
    if (containerd === undefined) return [`engines with a classic store cannot load ${names[0] ?? 'it'}: ${classic}`]
    return [`no Docker engine can load ${names[0] ?? 'it'}: ${containerd}`]
  })
  for (const text of new Set(texts)) report({ type: 'warning', text })
}

function tellMissing({ missing }: SavedImage<Layer>, platform: Platform | undefined, report: Report): void {
  if (missing.length === 0 || platform !== undefined) return
  report({ type: 'step', text: `Left out, since the archive does not have them: ${missing.join(', ')}` })
}

async function writeOneLayer(tar: Bytes, entry: LayerEntry, sink: BlockSink, report: Report) {
  const name = entry.key === undefined ? entry.path : `sha256:${entry.key}`
  report({ type: 'layer-start', layer: name, bytesTotal: entry.size })
  const progress = (bytesDone: number) => report({ type: 'layer-progress', layer: name, bytesDone })
  const layer = await writeLayer(counted(tar, progress), sink)
  report({ type: 'layer-waits', layer: name, status: 'Sent', bytesDone: layer.tarSize })
  return { name, layer }
}
