import type { CID } from '../dag/cid.ts'
import type { Blocks } from '../store/blocks.ts'
import type { Routing } from '../store/routing.ts'
import type { Bytes } from '../streams.ts'
import type { ReadLimits } from './stall.ts'

/** Silence after which others are looked for, in milliseconds: Kubo waits as long before it looks for who has a block. */
const QUIET_MS = 1000
/** As a part of the time limit, the most: to be before who gives up, or asks gateways. */
const MOST_QUIET = 1 / 20
/** From the beginning of one search to that of the next, at least, in milliseconds: each asks many nodes. */
const AGAIN_MS = 10_000

export interface SeekOptions extends ReadLimits {
  readonly routing: Pick<Routing, 'meet'>
}

/**
 * Connects a node to others that have an image, when it is waited for and nothing comes. By itself a node looks for who has the very block that
 * it lacks, and many announce no more than roots: who has the image is not found then, once the root is here. It goes on beside
 * the reading, holds nothing up, and nobody is told when it fails.
 */
export class Seeker {
  readonly #roots: readonly CID[]
  readonly #options: SeekOptions
  readonly #quietMs: number
  #waits = 0
  #heardAt = 0
  #soughtAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #search: AbortController | undefined

  /** @param roots who has one of them may have what is waited for */
  constructor(roots: readonly CID[], options: SeekOptions) {
    this.#roots = roots
    this.#options = options
    this.#quietMs = Math.min(QUIET_MS, options.timeoutMs * MOST_QUIET)
  }

  /**
   * Does what waits for others, who calls `heard` when anything comes from them. A search ends with the last that waits.
   * @param onHeard hears of that too
   */
  async during<T>(work: (heard: () => void) => Promise<T>, onHeard = () => {}): Promise<T> {
    const heard = () => {
      this.#hear()
      onHeard()
    }
    this.#begin()
    try {
      return await work(heard)
    } finally {
      this.#end()
    }
  }

  /** The node's blocks, where to read one may be to wait for others. */
  over(blocks: Blocks): Blocks {
    return {
      block: (cid, signal) => this.during(() => blocks.block(cid, signal)),
      cat: (file, signal, range) => this.#whileReading(blocks.cat(file, signal, range)),
      ownBlock: (cid, signal) => blocks.ownBlock(cid, signal),
      hasBlock: (cid, signal) => blocks.hasBlock(cid, signal),
    }
  }

  async *#whileReading(bytes: Bytes): Bytes {
    const parts = bytes[Symbol.asyncIterator]()
    try {
      for (;;) {
        // Not while who reads takes its time.
        const next = await this.during(() => parts.next())
        if (next.done) return
        yield next.value
      }
    } finally {
      // Nobody waits for it: what never comes would not end either.
      parts.return?.().catch(() => undefined)
    }
  }

  #begin(): void {
    this.#waits += 1
    if (this.#waits > 1) return
    this.#hear()
    this.#look()
  }

  #end(): void {
    this.#waits -= 1
    this.#hear()
    if (this.#waits > 0) return
    clearTimeout(this.#timer)
    this.#search?.abort()
    this.#search = undefined
  }

  #hear(): void {
    this.#heardAt = performance.now()
  }

  #look(): void {
    const now = performance.now()
    const leftMs = Math.max(this.#heardAt + this.#quietMs, this.#soughtAt + AGAIN_MS) - now
    if (leftMs <= 0) {
      this.#soughtAt = now
      this.#seek()
    }
    this.#timer = setTimeout(() => this.#look(), leftMs <= 0 ? AGAIN_MS : leftMs)
  }

  #seek(): void {
    this.#search?.abort()
    this.#search = new AbortController()
    const { routing, signal } = this.#options
    const limited = AbortSignal.any([signal, this.#search.signal, AbortSignal.timeout(AGAIN_MS)])
    for (const root of this.#roots) routing.meet(root, limited).catch(() => undefined)
  }
}

/** The same options, for images whose roots are known: others who have them are looked for when nothing comes. */
export function seeking<T extends SeekOptions & { readonly blocks: Blocks }>(roots: readonly CID[], options: T): T {
  return { ...options, blocks: new Seeker(roots, options).over(options.blocks) }
}
