import type { FileRef, Range } from '../dag/block-source.ts'
import type { CID } from '../dag/cid.ts'
import { hexOf, type LayerRef } from '../image/canonical.ts'
import type { OwnFiles } from '../store/blocks.ts'
import type { Bytes } from '../streams.ts'

/** A layer as the documents of an image name it. Several layers of one image may be the same blob. */
export interface ImageLayer extends LayerRef {
  readonly diffId: string
}

/** Reads a part of a layer's blob. Who takes all of it holds it against its digest. */
export type ReadLayer = (layer: ImageLayer, range: Range, signal: AbortSignal) => Bytes

/** The folder of blobs below the root of an image (docs/format.md). */
export const BLOBS: readonly string[] = ['blobs', 'sha256']

/** Where a blob stands. */
export function blobFile(root: CID, digest: string): FileRef {
  return { root, path: [...BLOBS, hexOf(digest)], digest }
}

/** Reads layers from files as they are. */
export function layersIn(files: OwnFiles, root: CID): ReadLayer {
  return (layer, range, signal) => files.cat(blobFile(root, layer.digest), signal, range)
}

/** The layers of an image, or some of them, each blob once. */
export function distinct<L extends LayerRef>(layers: readonly L[]): L[] {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()]
}
