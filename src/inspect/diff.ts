import { blocksBelow, sum } from '../dag/sizes.ts'
import { DockerIpfsError } from '../errors.ts'
import type { Report } from '../events.ts'
import { type LayerFile, readLayerFiles } from '../image/archive-files.ts'
import { unpack } from '../image/decompress.ts'
import { parsePlatform } from '../image/platform.ts'
import { resolve } from '../names/resolve.ts'
import { readBlock } from '../read/document-reader.ts'
import type { ImageLayer } from '../read/layers.ts'
import { type ImageSource, openImage } from '../read/open-image.ts'
import { readInOrder } from '../read/read-ahead.ts'
import { seeking } from '../read/seek.ts'
import type { Blocks } from '../store/blocks.ts'
import { compare, type FileChange, openPaths, View } from './files.ts'
import type { InspectOptions } from './options.ts'

export interface DiffOptions extends InspectOptions {
  readonly report: Report
}

/** How two images differ. Sizes are bytes. */
export interface Difference {
  readonly a: ImageSource
  readonly b: ImageSource
  /** Layers of A that B has too, that it has not, and layers that only B has. */
  readonly layers: readonly { readonly change: '=' | '-' | '+'; readonly layer: ImageLayer }[]
  /** But for times. */
  readonly files: readonly FileChange[]
  /** Of blocks that both have, that only B has, and that only A has. */
  readonly sharedBytes: number
  readonly newBytes: number
  readonly goneBytes: number
}

/**
 * Compares two images: their layers, the files that one sees in them, and their blocks. Layers that both have at the bottom are read only
 * where a file's fate depends on them. Memory follows the number of files in the other layers.
 * @throws REFERENCE_INVALID, IMAGE_NOT_FOUND, BAD_FLAG, PLATFORM_NOT_FOUND, CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY, NODE_*
 */
export async function diff(one: string, other: string, given: DiffOptions): Promise<Difference> {
  const asked = given.platform === undefined ? undefined : parsePlatform(given.platform)
  const [{ root: rootA }, { root: rootB }] = [await resolve(one, given), await resolve(other, given)]
  // Versions of an image are mostly where one of them is.
  const options = seeking([rootA, rootB], given)
  const [a, b] = [await openImage(rootA, options, { asked }), await openImage(rootB, options, { asked })]
  return { a, b, layers: layersOf(a, b), files: await filesOf(a, b, options), ...(await bytesOf(a, b, options)) }
}

function layersOf(a: ImageSource, b: ImageSource): Difference['layers'] {
  const of = ({ layers }: ImageSource) => new Set(layers.map(({ diffId }) => diffId))
  const [inA, inB] = [of(a), of(b)]
  return [
    ...a.layers.map((layer) => ({ change: inB.has(layer.diffId) ? ('=' as const) : ('-' as const), layer })),
    ...b.layers.filter(({ diffId }) => !inA.has(diffId)).map((layer) => ({ change: '+' as const, layer })),
  ]
}

async function filesOf(a: ImageSource, b: ImageSource, options: DiffOptions): Promise<FileChange[]> {
  let same = 0
  while (same < a.layers.length && a.layers[same]?.diffId === b.layers[same]?.diffId) same += 1
  const [viewA, viewB, base] = [new View(), new View(), new View()]
  for (const layer of a.layers.slice(same)) await viewA.add(read(a, layer, options))
  for (const layer of b.layers.slice(same)) await viewB.add(read(b, layer, options))
  const { isNone, wants } = openPaths(viewA, viewB)
  if (!isNone) for (const layer of a.layers.slice(0, same)) await base.add(read(a, layer, options), wants)
  return compare(viewA, viewB, base)
}

/** A layer that is no tar has no files that anybody could compare: a warning says so. */
async function* read(image: ImageSource, layer: ImageLayer, options: DiffOptions): AsyncGenerator<LayerFile> {
  const what = `layer ${layer.diffId}`
  const reader = readInOrder(image, options)
  options.report({ type: 'layer-start', layer: layer.diffId, bytesTotal: layer.tarSize })
  try {
    yield* readLayerFiles(unpack(reader.blob(layer), 'zstd', { what, code: 'INTEGRITY' }), what)
  } catch (error) {
    if (!(error instanceof DockerIpfsError && error.message.startsWith(`the files of ${what}`))) throw error
    options.report({ type: 'warning', text: error.message })
  } finally {
    reader.close()
  }
  options.report({ type: 'layer-done', layer: layer.diffId, status: 'Read', bytesDone: layer.tarSize })
}

async function bytesOf(a: ImageSource, b: ImageSource, { blocks, signal, timeoutMs }: DiffOptions) {
  const below = ({ root }: ImageSource) => {
    const ownBlock: Blocks['ownBlock'] = (cid) => readBlock(root, cid, { blocks, signal, timeoutMs })
    return blocksBelow(root, { blocks: { ownBlock }, signal })
  }
  const [inA, inB] = [await below(a), await below(b)]
  const only = (blocks: Map<string, number>, others: Map<string, number>) =>
    sum([...blocks].filter(([key]) => !others.has(key)).map(([, bytes]) => bytes))
  const newBytes = only(inB, inA)
  return { sharedBytes: sum(inB.values()) - newBytes, newBytes, goneBytes: only(inA, inB) }
}
