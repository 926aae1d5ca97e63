import type { BlockSink } from '../dag/blocks.ts'
import type { Report } from '../events.ts'
import type { ImageDag } from '../format/image-dag.ts'
import type { Layer } from '../format/layer.ts'
import type { Labels, OpenInput, SaveInput } from './input.ts'
import type { Known } from './known.ts'

/** Where images go: a node, a CAR file, or nowhere, to be counted. */
export interface SaveTarget<Result> {
  /**
   * Makes ready, lets the images be written, and does what is to be done when all of them stand.
   * @param write writes the images into a place; called once more where what was known turned out to be wrong
   */
  take(input: SaveInput, write: WriteImages): Promise<Result>
}

export type WriteImages = (opened: OpenInput, place: Place) => Promise<WrittenImages>

/** What images are written into. */
export interface Place {
  readonly sink: BlockSink
  /** Layers that need not be written. */
  readonly known: Known
  /** Aborted when the sink takes no more: who waits for bytes need not wait any more. */
  readonly over: AbortSignal
  readonly report: Report
  /** Whether platforms that an engine lacks are told, too; those that an archive lacks always are. */
  readonly tellsMissing: boolean
}

/** An image whose blocks have been written. */
export interface WrittenImage extends Labels {
  readonly dag: ImageDag
  /** diffIDs, bottom first, platform after platform. */
  readonly layers: readonly string[]
}

export interface WrittenImages {
  /** In the order of the input. */
  readonly images: readonly WrittenImage[]
  /** New layers by the keys that they can be found under. */
  readonly layers: ReadonlyMap<string, Layer>
  /** New layers of the images, to be told once they are where they belong. */
  readonly sent: readonly SentLayer[]
}

/** A layer as it is told. */
export interface SentLayer {
  readonly name: string
  /** Of its tar. */
  readonly bytes: number
  readonly diffId: string
}

export interface SaveResult {
  /** Root CID of the image DAG, CIDv1 base32. */
  readonly root: string
  /** sha256 of the image config, `sha256:<hex>`. */
  readonly configDigest: string
}
