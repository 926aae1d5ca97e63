import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Range } from '../dag/block-source.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import { verified } from '../image/verified.ts'
import { LayerFetch } from '../read/fetch.ts'
import { type ImageLayer, layersIn } from '../read/layers.ts'
import type { NodeFirst } from '../read/node-first.ts'
import { readPart } from '../read/read-ahead.ts'
import { Seeker, type SeekOptions } from '../read/seek.ts'
import type { BlockStore, OwnFiles } from '../store/blocks.ts'
import type { Pins } from '../store/pins.ts'
import type { Traffic } from '../store/traffic.ts'
import type { Bytes } from '../streams.ts'
import type { OpenedImage } from './documents.ts'
import { keep } from './keep.ts'
import { LayerQueue } from './layer-queue.ts'
import { orAborted } from './together.ts'

/** Docker waits 5, 10, 15 and 20 s between its tries. */
const GRACE_MS = 30_000

export interface ArrivalOptions extends SeekOptions {
  readonly blocks: BlockStore
  readonly pins: Pick<Pins, 'pin' | 'isPinned' | 'unpin'>
  readonly traffic: Traffic
  readonly catalogue: Pick<Catalogue, 'add'>
  readonly report: Report
  /** What the node has all of. */
  readonly ownFiles: OwnFiles
  /** Do not pin what comes from others, and do not write it into the catalogue. */
  readonly noPin?: boolean | undefined
  /** Time for clients to come again whose connections broke, in milliseconds. */
  readonly graceMs?: number
}

interface ArrivingOptions extends ArrivalOptions {
  /** Where gateways are asked too. */
  readonly both: NodeFirst | undefined
}

/**
 * An image of which the node lacks something, while clients read its layers: they come from others, are read behind that, and the image is
 * kept once all of it is there. It goes on without clients that have what they wanted. When the last broke off, and nobody comes for a
 * while, it ends, and nothing is kept.
 */
export class Arriving {
  readonly #image: OpenedImage
  readonly #options: ArrivingOptions
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #seeker: Seeker
  readonly #queue: LayerQueue
  readonly #hasRead = Promise.withResolvers<void>()
  #readers = 0
  /** Nothing is left to do but to serve who reads. */
  #isFinished: boolean
  #leaving: NodeJS.Timeout | undefined

  constructor(image: OpenedImage, options: ArrivingOptions) {
    this.#image = image
    this.#options = options
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal])
    this.#seeker = new Seeker([image.root], { ...options, signal: this.#signal })
    const { root, documents } = image
    const parts = { ...options, signal: this.#signal, seeker: this.#seeker }
    const fetch = new LayerFetch({ root, layers: documents.layers }, parts)
    const own = layersIn(options.ownFiles, root)
    this.#queue = new LayerQueue(documents.layers, (layer) => fetch.follow([layer], own), this.#signal)
    this.#isFinished = options.noPin === true
    if (!this.#isFinished) void this.#keep()
  }

  /** Nothing comes any more. */
  get isOver(): boolean {
    return this.#signal.aborted
  }

  async *read(layer: ImageLayer, range: Range, signal: AbortSignal): Bytes {
    clearTimeout(this.#leaving)
    this.#readers += 1
    let isDone = false
    try {
      const bytes = this.#read(layer, range, AbortSignal.any([signal, this.#signal]))
      const isWhole = range.offset === 0 && range.length === layer.size
      // Who reads all of it holds it against its digest too. But here it is seen whether the image is worth keeping.
      yield* isWhole ? verified(bytes, { ...layer, what: `layer ${layer.digest}` }) : bytes
      isDone = true
    } catch (error) {
      if (error instanceof DockerIpfsError && error.code === 'INTEGRITY') this.#stop.abort(error)
      throw error
    } finally {
      this.#readers -= 1
      this.#leave(isDone)
    }
  }

  async *#read(layer: ImageLayer, range: Range, signal: AbortSignal): Bytes {
    const { both } = this.#options
    if (both !== undefined) {
      const options = { ...this.#options, signal, read: layersIn(both, this.#image.root), from: 'both' } as const
      yield* readPart(this.#image, { ...range, layer }, options)
      return
    }
    const arriving = await orAborted(this.#queue.ask(layer), signal)
    yield* arriving.read(layer, range, signal)
  }

  #leave(isDone: boolean): void {
    if (isDone) this.#hasRead.resolve()
    if (this.#readers > 0) return
    if (this.#isFinished) this.#end()
    if (isDone || this.isOver) return
    // The door need not wait for it.
    this.#leaving = setTimeout(() => this.#end(), this.#options.graceMs ?? GRACE_MS).unref()
  }

  #end(): void {
    this.#stop.abort(new DockerIpfsError('CANCELLED', `nobody reads ${this.#image.root} any more`))
  }

  async #keep(): Promise<void> {
    const { both, timeoutMs, report } = this.#options
    const { root, whole } = this.#image
    try {
      // Where gateways give it the node gets it once more, by itself, if it can.
      await orAborted(both === undefined ? this.#hasAll() : this.#hasRead.promise, this.#signal)
      const patienceMs = both?.asksGateways === true ? both.graceMs : timeoutMs
      await keep(whole, { ...this.#options, signal: this.#signal, seeker: this.#seeker, patienceMs })
    } catch (error) {
      if (!this.#signal.aborted) report({ type: 'warning', text: `${root} is not kept: ${messageOf(error)}` })
    } finally {
      // What is being read goes on; who comes afterwards begins anew.
      this.#isFinished = true
      if (this.#readers === 0) this.#end()
    }
  }

  /** All layers are there: those that clients want first, and the others once one has been read. */
  async #hasAll(): Promise<void> {
    await this.#hasRead.promise
    await this.#queue.all()
  }
}
