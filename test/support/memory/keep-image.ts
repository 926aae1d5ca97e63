import { writeImageRecord } from '../../../src/catalogue/records.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { imageSize } from '../../../src/dag/sizes.ts'
import { type ImageDag, type PlatformParts, writeImage } from '../../../src/format/image-dag.ts'
import { type Layer, writeLayer } from '../../../src/format/layer.ts'
import { hexOf } from '../../../src/image/canonical.ts'
import { fullName } from '../../../src/image/name.ts'
import type { Bytes } from '../../../src/streams.ts'
import { digest, type TestImage } from '../images.ts'
import type { MemoryNode } from './node.ts'

/** An image that a node keeps. */
export interface StoredImage {
  readonly root: CID
  readonly dag: ImageDag
  /** Of all platforms, one after the other. */
  readonly layers: readonly Layer[]
  /** By which a classic engine calls it. */
  readonly imageId: string
}

const signal = new AbortController().signal

/** Writes the blocks of an image to a node, of one platform or of several. */
export async function writeOn(node: MemoryNode, ...platforms: readonly TestImage[]): Promise<StoredImage> {
  const parts: PlatformParts[] = []
  for (const { layers, config } of platforms) {
    const written: Layer[] = []
    for (const tar of layers) written.push(await writeLayer(stream(tar), node.blocks))
    parts.push({ configBytes: config, layers: written })
  }
  const dag = await writeImage(parts, node.blocks)
  const [first] = platforms
  const imageId = digest(first?.config ?? Buffer.alloc(0))
  return { root: dag.root.cid, dag, layers: parts.flatMap((part) => part.layers), imageId }
}

/** Puts an image on a node as a save does: its blocks, its pin, and what the catalogue knows of it. */
export async function keepImage(
  node: MemoryNode,
  image: TestImage | readonly TestImage[],
  ...names: string[]
): Promise<StoredImage> {
  const stored = await writeOn(node, ...('config' in image ? [image] : image))
  await node.pins.pin(stored.root, '', signal)
  await node.catalogue.add(await entryOf(node, stored, ...names), signal)
  return stored
}

/** What a save adds to the catalogue for an image. */
export async function entryOf(node: MemoryNode, stored: StoredImage, ...names: string[]) {
  const { root, dag, layers, imageId } = stored
  const size = await imageSize(root, { blocks: node.blocks, signal })
  const record = writeImageRecord({
    root: root.toString(),
    configDigest: dag.configDigest,
    manifestDigest: dag.manifestDigest,
    created: dag.created,
    names: names.map((name) => fullName(name) ?? name),
    imageIds: [imageId],
    layers: layers.map(({ diffId }) => diffId),
    savedAt: '2026-11-01T00:00:00.000Z',
    ...(size === undefined ? {} : { size }),
  })
  return { root, record, layers: new Map(layers.map((layer) => [hexOf(layer.diffId), layer])) }
}

async function* stream(bytes: Uint8Array): Bytes {
  yield bytes
}
