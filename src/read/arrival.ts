/** Bytes that are read at once, where more are still to come: each reading costs. */
const STEP = 1024 * 1024
/** Time after which fewer will do, in milliseconds: who reads must see that something comes. */
const PATIENCE_MS = 1000

/** How much of a file, from its beginning, has come. One reads it, one brings it. */
export class Arrival {
  readonly #size: number
  #there = 0
  #failure: { readonly reason: unknown } | undefined
  #changed = Promise.withResolvers<void>()

  /** @param size of the file in bytes */
  constructor(size: number) {
    this.#size = size
  }

  /** So many bytes are there; those that were there stay. */
  advance(there: number): void {
    if (there <= this.#there) return
    this.#there = there
    this.#wake()
  }

  /** No more will come. */
  fail(reason: unknown): void {
    this.#failure = { reason }
    this.#wake()
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /**
   * Waits until it is worth reading on from a place; gives how many bytes are there.
   * @throws why no more will come; the signal's reason
   */
  async beyond(at: number, signal: AbortSignal): Promise<number> {
    const began = performance.now()
    const aborted = Promise.withResolvers<never>()
    const stop = () => aborted.reject(signal.reason)
    aborted.promise.catch(() => undefined)
    signal.addEventListener('abort', stop, { once: true })
    try {
      signal.throwIfAborted()
      for (;;) {
        const isOld = performance.now() - began > PATIENCE_MS
        if (this.#there >= this.#size || this.#there - at >= STEP || (isOld && this.#there > at)) return this.#there
        if (this.#failure !== undefined) throw this.#failure.reason
        await Promise.race([this.#changed.promise, aborted.promise])
      }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}
