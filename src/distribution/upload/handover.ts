import { type Deferred, deferred } from '../../streams.ts'

/** So many bytes may wait for the reader. */
const WAITING = 1024 * 1024

/**
 * A stream that several writers bring in turn, and that one reader takes: who brings more than the reader takes waits.
 * Once the reader has stopped, what is brought is dropped.
 */
export class Handover implements AsyncIterable<Uint8Array> {
  #parts: Uint8Array[] = []
  #waiting = 0
  #end: { readonly reason?: unknown } | undefined
  #isRead = true
  #isTaken = false
  #changed: Deferred<void> = deferred()

  /** Whether the reader has had all of it, to its end. */
  get isTaken(): boolean {
    return this.#isTaken
  }

  /** Resolves when more may be brought, or when the signal is aborted: the bytes are in then all the same. */
  async put(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if (!this.#isRead || this.#end !== undefined) return
    this.#parts.push(bytes)
    this.#waiting += bytes.length
    this.#wake()
    if (this.#waiting <= WAITING) return
    const wake = () => this.#wake()
    signal.addEventListener('abort', wake, { once: true })
    while (this.#waiting > WAITING && this.#isRead && this.#end === undefined && !signal.aborted) {
      await this.#changed.promise
    }
    signal.removeEventListener('abort', wake)
  }

  end(): void {
    this.#end ??= {}
    this.#wake()
  }

  /** The reader gets this error behind what it has taken. */
  fail(reason: unknown): void {
    this.#end ??= { reason }
    this.#parts = []
    this.#wake()
  }

  /** Nobody reads any more. */
  drop(): void {
    this.#isRead = false
    this.#parts = []
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const part = this.#parts.shift()
        if (part !== undefined) {
          yield part
          // Only now it is done with.
          this.#waiting -= part.length
          this.#wake()
        } else if (this.#end !== undefined) break
        else await this.#changed.promise
      }
      if ('reason' in this.#end) throw this.#end.reason
      this.#isTaken = true
    } finally {
      this.drop()
    }
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = deferred()
  }
}
