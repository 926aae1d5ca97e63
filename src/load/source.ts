import type { BlockSource } from '../dag/block-source.ts'
import type { CID } from '../dag/cid.ts'
import type { ImageLayer } from '../read/layers.ts'
import type { ImageSource } from '../read/open-image.ts'
import type { LayerReader } from '../read/read-ahead.ts'
import type { PendingPin } from './pin.ts'

/**
 * Where an image is read for a load, and what is done about it there: a node, a node with gateways beside it, gateways alone, CAR files.
 * One is made for each load. Its members are used in the order in which they stand here.
 */
export interface LoadSource {
  /** Of the image. */
  readonly root: CID
  /** Its documents are read from here. */
  readonly blocks: BlockSource
  /** Gets what will be wanted next of the folder of blobs, while its documents are read. */
  readonly ahead?: (blobs: CID, signal: AbortSignal) => Promise<void>
  /** The documents were read. Where the image is to be kept its pin begins. */
  pin(image: ImageSource): Promise<PendingPin>
  /**
   * Which layer blobs of the image are, as far as is known here, in images of the engine. Left out where nothing is known.
   * @param ids of the engine's images, each the digest of a manifest
   */
  knownBlobs?(image: ImageSource, ids: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * Whether all layers are at hand, so that they can be read in any order, and several at once. Where they come from afar, each is wanted in
   * its turn. Asked once its pin has begun; left out where it is never so.
   */
  isAtHand?(): boolean
  /** Begins to read layers of the image. Called again when all have to be sent after some. */
  openLayers(image: ImageSource, layers: readonly ImageLayer[]): LayerReader
  /** The image is in the engine, and its pin is done. */
  loaded(image: ImageSource, outcome: LoadOutcome): Promise<void>
}

/** What came of a load. */
export interface LoadOutcome {
  /** The engine's ID of the image, `sha256:<hex>`. */
  readonly imageId: string
  /** The name that it was given. */
  readonly tag: string | undefined
  /** Bytes of the layer blobs that the engine was not sent, because it had them. */
  readonly bytesHad: number
  /** Whether the image is pinned where it was read. */
  readonly isPinned: boolean
}
