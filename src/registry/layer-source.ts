import type { Range } from '../dag/block-source.ts'
import { hasCode } from '../errors.ts'
import { type ImageLayer, layersIn } from '../read/layers.ts'
import type { NodeFirst } from '../read/node-first.ts'
import { readPart } from '../read/read-ahead.ts'
import { ifAllowed } from '../store/allowed.ts'
import type { Bytes } from '../streams.ts'
import { type ArrivalOptions, Arriving } from './arriving.ts'
import type { OpenedImage } from './documents.ts'
import { orAborted } from './together.ts'

/** For how long a pin is believed, in milliseconds: a removal meanwhile costs time, and gives nothing wrong. */
const BELIEVED_MS = 5000

/** The layers of an image, from the node where it has all of it, and else as they come from others. */
export class LayerSource {
  readonly #image: OpenedImage
  readonly #options: ArrivalOptions
  readonly #both: NodeFirst | undefined
  #pinnedUntil = 0
  #arriving: Arriving | undefined

  /** @param both where gateways are asked too */
  constructor(image: OpenedImage, both: NodeFirst | undefined, options: ArrivalOptions) {
    this.#image = image
    this.#options = options
    this.#both = both
  }

  /** Somebody reads it, or it is on its way. */
  get isBusy(): boolean {
    return this.#arriving !== undefined && !this.#arriving.isOver
  }

  /** Whether the node has all of it. */
  async isPinned(signal: AbortSignal): Promise<boolean> {
    if (performance.now() < this.#pinnedUntil) return true
    const isPinned = await orAborted(this.#askPin(), signal)
    if (isPinned) this.#pinnedUntil = performance.now() + BELIEVED_MS
    return isPinned
  }

  async #askPin(): Promise<boolean> {
    const { pins, signal } = this.#options
    try {
      return (await ifAllowed(pins.isPinned(this.#image.root, signal))) === true
    } catch (error) {
      // Gateways may have it all the same.
      if (this.#both !== undefined && hasCode(error, 'NODE_UNREACHABLE')) return false
      throw error
    }
  }

  /** A part of a layer's blob. Who takes all of it holds it against its digest. */
  async *read(layer: ImageLayer, range: Range, signal: AbortSignal): Bytes {
    if (await this.isPinned(signal)) {
      const { ownFiles, timeoutMs } = this.#options
      const read = layersIn(ownFiles, this.#image.root)
      yield* readPart(this.#image, { ...range, layer }, { signal, timeoutMs, read, from: 'node' })
      return
    }
    if (!this.isBusy) this.#arriving = new Arriving(this.#image, { ...this.#options, both: this.#both })
    yield* (this.#arriving as Arriving).read(layer, range, signal)
  }
}
