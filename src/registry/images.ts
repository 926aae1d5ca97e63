import type { CID } from '../dag/cid.ts'
import { fetchAhead } from '../read/fetch.ts'
import { NodeFirst } from '../read/node-first.ts'
import { openWhole } from '../read/open-image.ts'
import { Seeker } from '../read/seek.ts'
import type { OwnFiles } from '../store/blocks.ts'
import type { Gateways } from '../store/gateways.ts'
import type { ArrivalOptions } from './arriving.ts'
import { ImageDocuments, type OpenedImage } from './documents.ts'
import { LayerSource } from './layer-source.ts'
import { lastingOwnFiles } from './own-files.ts'
import { Together } from './together.ts'

export interface ImagesOptions extends Omit<ArrivalOptions, 'ownFiles'> {
  readonly gateways?: Gateways | undefined
}

/** An image that is served. */
export interface ServedImage extends OpenedImage {
  readonly layers: LayerSource
}

/** What is remembered of images that were served: documents alone, of so many, and so many bytes of them. */
const MAX_IMAGES = 256
const MAX_BYTES = 64 * 1024 * 1024
/** Time in which a client asks again for what was not found, in milliseconds. */
const MISS_MS = 5000

/** The images that were served lately, and any other that is asked for. */
export class Images {
  readonly #options: ImagesOptions
  readonly #together: Together<ServedImage>
  /** By root, the one that was asked for last at the end. */
  readonly #served = new Map<string, ServedImage>()
  readonly #ownFiles: OwnFiles

  constructor(options: ImagesOptions) {
    this.#options = options
    this.#ownFiles = lastingOwnFiles(options.blocks, options.signal)
    this.#together = new Together(options.signal, { valueMs: 0, errorMs: MISS_MS })
  }

  /** Those that were served, the newest first. */
  get recent(): readonly ServedImage[] {
    return [...this.#served.values()].reverse()
  }

  /**
   * Reads an image's documents, from whoever has them.
   * @throws CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY, NODE_*
   */
  async open(root: CID, signal: AbortSignal): Promise<ServedImage> {
    const key = root.toString()
    const known = this.#served.get(key)
    if (known !== undefined) {
      this.#keep(known)
      return known
    }
    return this.#together.ask(key, signal, async (limited) => {
      const image = await this.#read(root, limited)
      this.#keep(image)
      return image
    })
  }

  async #read(root: CID, signal: AbortSignal): Promise<ServedImage> {
    const { blocks, gateways, timeoutMs } = this.#options
    // It is asked as long as the image is served, and not only for its documents.
    const asked = new Seeker([root], this.#options).over(blocks)
    const both = gateways && new NodeFirst(root, { ...this.#options, gateways, blocks: asked })
    const ahead =
      both === undefined ? (blobs: CID, limited: AbortSignal) => fetchAhead(blobs, blocks, limited) : undefined
    const whole = await openWhole(root, { blocks: both ?? asked, signal, timeoutMs, ahead })
    const opened = { root, whole, documents: new ImageDocuments(whole) }
    const layers = new LayerSource(opened, both, { ...this.#options, ownFiles: this.#ownFiles })
    return { ...opened, layers }
  }

  #keep(image: ServedImage): void {
    const key = image.root.toString()
    this.#served.delete(key)
    this.#served.set(key, image)
    let bytes = 0
    for (const [at, { documents, root, layers }] of this.recent.entries()) {
      bytes += documents.size
      const isTooMuch = at >= MAX_IMAGES || (at > 0 && bytes > MAX_BYTES)
      if (isTooMuch && !layers.isBusy) this.#served.delete(root.toString())
    }
  }
}
