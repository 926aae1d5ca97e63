import type { ArrivingLayers } from '../read/fetch.ts'
import type { ImageLayer } from '../read/layers.ts'
import { orAborted } from './together.ts'

/** Begins to get a layer to the node. */
export type Follow = (layer: ImageLayer) => ArrivingLayers

/**
 * Gets layers to the node one after the other: of two requests that ask the network for the same blocks one may lose them. Those that clients
 * wait for come first, in the order in which they ask; then the others, where they are wanted.
 */
export class LayerQueue {
  readonly #follow: Follow
  readonly #signal: AbortSignal
  readonly #asked = new Map<string, PromiseWithResolvers<ArrivingLayers>>()
  readonly #wanted: ImageLayer[] = []
  readonly #rest: readonly ImageLayer[]
  #isWorking = false
  #all: PromiseWithResolvers<void> | undefined

  /** @param layers of the image, each blob once */
  constructor(layers: readonly ImageLayer[], follow: Follow, signal: AbortSignal) {
    this.#rest = layers
    this.#follow = follow
    this.#signal = signal
  }

  /** A layer that somebody waits for: resolves when its turn has come. */
  ask(layer: ImageLayer): Promise<ArrivingLayers> {
    const known = this.#asked.get(layer.digest)
    if (known !== undefined) return known.promise
    const asked = this.#remember(layer)
    this.#wanted.push(layer)
    void this.#work()
    return asked.promise
  }

  /**
   * All layers of the image.
   * @throws why one cannot be had
   */
  all(): Promise<void> {
    this.#all ??= Promise.withResolvers<void>()
    this.#all.promise.catch(() => undefined)
    void this.#work()
    return this.#all.promise
  }

  #remember(layer: ImageLayer): PromiseWithResolvers<ArrivingLayers> {
    const asked = Promise.withResolvers<ArrivingLayers>()
    asked.promise.catch(() => undefined)
    this.#asked.set(layer.digest, asked)
    return asked
  }

  #next(): ImageLayer | undefined {
    const wanted = this.#wanted.shift()
    if (wanted !== undefined || this.#all === undefined) return wanted
    return this.#rest.find(({ digest }) => !this.#asked.has(digest))
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return
    this.#isWorking = true
    for (let layer = this.#next(); layer !== undefined; layer = this.#next()) await this.#get(layer)
    this.#isWorking = false
    this.#all?.resolve()
  }

  async #get(layer: ImageLayer): Promise<void> {
    const asked = this.#asked.get(layer.digest) ?? this.#remember(layer)
    try {
      this.#signal.throwIfAborted()
      const arriving = this.#follow(layer)
      asked.resolve(arriving)
      await orAborted(arriving.done, this.#signal)
    } catch (error) {
      asked.reject(error)
      // Who asks again has it looked for again.
      this.#asked.delete(layer.digest)
      this.#all?.reject(error)
      this.#all = undefined
    }
  }
}
