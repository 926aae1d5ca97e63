import type { Bytes } from '../../streams.ts'

/** A silence that is told, in milliseconds. */
const SILENT_MS = 60_000

/**
 * Tells once where an engine has given no sign for a while: no byte taken, no figures, no answer. It is not given up: it may be at work on a huge layer, and of
 * one that hangs nothing says that it will for ever.
 */
export class Silence {
  readonly #tell: (text: string) => void
  readonly #silentMs: number
  #isTold = false
  readonly #waits = new Set<NodeJS.Timeout>()

  constructor(tell: (text: string) => void, silentMs = SILENT_MS) {
    this.#tell = tell
    this.#silentMs = silentMs
  }

  /** An archive as it is sent. While the engine waits for more of it, the silence is none of its own. */
  async *sending(archive: Bytes): Bytes {
    for await (const bytes of archive) {
      const stop = this.#begin()
      try {
        yield bytes
      } finally {
        stop()
      }
    }
  }

  /** Until the engine has answered. */
  async answering<T>(answer: Promise<T>): Promise<T> {
    const stop = this.#begin()
    try {
      return await answer
    } finally {
      stop()
    }
  }

  /** A sign of another kind, such as figures of what it unpacks. */
  hears(): void {
    for (const wait of this.#waits) wait.refresh()
  }

  #begin(): () => void {
    if (this.#isTold) return () => undefined
    const wait = setTimeout(() => {
      this.#waits.delete(wait)
      if (this.#isTold) return
      this.#isTold = true
      this.#tell(`The engine has not answered for ${this.#silentMs / 1000} s; Ctrl-C ends the load`)
    }, this.#silentMs)
    this.#waits.add(wait)
    return () => {
      clearTimeout(wait)
      this.#waits.delete(wait)
    }
  }
}
