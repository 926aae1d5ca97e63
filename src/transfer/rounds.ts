import { setTimeout as sleep } from 'node:timers/promises'

/** Part of the time limit after which requests are made anew when one of them has brought nothing. */
export const ASK_AGAIN_AFTER = 1 / 3

/** Time in which a node forgets what is not asked for any more, in milliseconds. */
const PAUSE_MS = 500

/** A request's part in a round. */
export interface Round {
  /** Aborted when the request is to be made anew, in the next round. */
  readonly signal: AbortSignal
  /** Something came. */
  heard(): void
  /** The request is over. */
  leave(): void
}

/**
 * Requests to a node for what it has to get from others. It sometimes loses a question to the network that two requests share: it takes it for
 * asked, and does not ask again while one of them lasts (boxo 0.42, `peerwantmanager.go`; seen when the other node goes and comes back). So when
 * one of them brings nothing for too long, all are broken off, and made anew once the node has forgotten them.
 */
export class Rounds {
  readonly #quietMs: number
  #current = new AbortController()
  #beginsAt = 0

  /** @param timeoutMs the limit after which a user is told that nothing comes */
  constructor(timeoutMs: number) {
    this.#quietMs = timeoutMs * ASK_AGAIN_AFTER
  }

  /** Breaks all off. */
  anew(): void {
    this.#beginsAt = performance.now() + PAUSE_MS
    this.#current.abort()
    this.#current = new AbortController()
  }

  /** Waits for the round to begin. This request does not say when it has been quiet for too long. */
  async follow(signal: AbortSignal): Promise<AbortSignal> {
    await this.#begin(0, signal)
    return this.#current.signal
  }

  /**
   * Waits for the round to begin.
   * @param behindMs how much later than those that follow; not in the first round
   */
  async join(behindMs: number, signal: AbortSignal): Promise<Round> {
    await this.#begin(behindMs, signal)
    const current = this.#current
    const timer = setTimeout(() => {
      if (this.#current === current) this.anew()
    }, this.#quietMs)
    return { signal: current.signal, heard: () => timer.refresh(), leave: () => clearTimeout(timer) }
  }

  /** Another round may end while one waits. */
  async #begin(behindMs: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const left = this.#beginsAt === 0 ? 0 : this.#beginsAt + behindMs - performance.now()
      if (left <= 0) return
      await sleep(left, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}
