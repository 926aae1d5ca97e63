import { setTimeout as sleep } from 'node:timers/promises'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import { type Deferred, deferred } from '../../streams.ts'
import { Busy, wordsOf } from './request.ts'

/** A gateway and how it has done so far. */
export interface Gateway {
  readonly url: string
  /** Nothing is asked of it any more. */
  isOut: boolean
  /** It has sent bytes that are not what they should be. */
  hasLied: boolean
  /** What went wrong last. */
  lastWords: string | undefined
  /** Whether its CARs are of use; else it is asked for single blocks. */
  givesCars: boolean
  /** Failures in a row that brought nothing. */
  strikes: number
  /** Not to be asked before (milliseconds since 1970). */
  restUntil: number
  atWork: number
  /** Requests that may be under way. */
  slots: number
  /** Milliseconds for a byte, as last measured; 0 when nothing is known. */
  cost: number
}

/** One try with one gateway. */
export interface Attempt {
  readonly gateway: Gateway
  /** Whether to ask for a CAR. */
  readonly asCar: boolean
  /** Milliseconds to wait for the beginning of an answer. */
  readonly patienceMs: number
  /** So many bytes have come and are right. */
  readonly progress: (bytes: number) => void
}

/** Something that is looked for. */
interface GatewaySearch {
  /** For messages. */
  readonly what: string
  readonly began: number
  readonly signal: AbortSignal
  /** Who has said that it is not there. */
  readonly refused: Map<Gateway, string>
}

interface GatewayFailure {
  readonly error: unknown
  /** Whether something right had come before. */
  readonly hasGot: boolean
  readonly asCar: boolean
}

const SLOTS = 8
const MAX_STRIKES = 5
const FIRST_REST_MS = 250
/** How long one that says nothing keeps another from being asked. */
const PATIENCE_MS = 10_000

export interface PoolOptions {
  readonly urls: readonly string[]
  /** Give up when nothing right has come for so many milliseconds. */
  readonly timeoutMs: number
  readonly warn: (text: string) => void
}

/** Gateways, of which each search asks one after the other until one has given all. */
export class Pool {
  readonly #gateways: readonly Gateway[]
  readonly #timeoutMs: number
  readonly #warn: (text: string) => void
  #progressAt = 0
  /** Resolves when a slot becomes free. */
  #free: Deferred<void> = deferred()

  constructor({ urls, timeoutMs, warn }: PoolOptions) {
    this.#gateways = urls.map((url) => ({
      url,
      isOut: false,
      hasLied: false,
      lastWords: undefined,
      givesCars: true,
      strikes: 0,
      restUntil: 0,
      atWork: 0,
      slots: SLOTS,
      cost: 0,
    }))
    this.#timeoutMs = timeoutMs
    this.#warn = warn
  }

  /**
   * Tries until it succeeds. An attempt that failed is followed by another, of another gateway or, after a rest, the same; what the
   * first one has got is `attempt`'s to keep.
   * @throws CONTENT_NOT_FOUND, INTEGRITY when nobody is left but who sent wrong bytes; NOT_AN_IMAGE of what `attempt` throws
   */
  async search<T>(what: string, signal: AbortSignal, attempt: (attempt: Attempt) => Promise<T>): Promise<T> {
    const search: GatewaySearch = { what, signal, began: Date.now(), refused: new Map() }
    for (;;) {
      const gateway = await this.#take(search)
      const patienceMs = this.#isAlone(gateway, search) ? this.#timeoutMs : Math.min(PATIENCE_MS, this.#timeoutMs / 3)
      const began = Date.now()
      let got = 0
      const progress = (bytes: number) => {
        got += bytes
        gateway.strikes = 0
        this.#progressAt = Date.now()
      }
      const asCar = gateway.givesCars
      try {
        const result = await attempt({ gateway, asCar, patienceMs, progress })
        if (got > 0) gateway.cost = (Date.now() - began) / got
        return result
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (hasCode(error, 'NOT_AN_IMAGE')) throw error
        this.#blame(gateway, search, { error, hasGot: got > 0, asCar })
      } finally {
        gateway.atWork -= 1
        this.#free.resolve()
        this.#free = deferred()
      }
    }
  }

  /** The gateway that is to be asked next; waits for it. */
  async #take(search: GatewaySearch): Promise<Gateway> {
    for (;;) {
      search.signal.throwIfAborted()
      const now = Date.now()
      const able = this.#able(search)
      const ready = able.filter(({ restUntil, atWork, slots }) => restUntil <= now && atWork < slots)
      const [best] = ready.sort((a, b) => (a.atWork + 1) * a.cost - (b.atWork + 1) * b.cost || a.atWork - b.atWork)
      if (best !== undefined) {
        best.atWork += 1
        return best
      }
      const deadline = Math.max(search.began, this.#progressAt) + this.#timeoutMs
      const next = Math.min(...able.map(({ restUntil }) => Math.max(restUntil, now)))
      if (able.length === 0 || next > deadline || now > deadline) throw this.#nobody(search)
      const wait = next > now ? next - now : Math.max(1, deadline - now)
      const stop = new AbortController()
      const timer = sleep(wait, undefined, { signal: AbortSignal.any([search.signal, stop.signal]) })
      await Promise.race([timer.catch(() => undefined), this.#free.promise])
      stop.abort()
    }
  }

  #able({ refused }: GatewaySearch): Gateway[] {
    return this.#gateways.filter((gateway) => !gateway.isOut && !refused.has(gateway))
  }

  #isAlone(gateway: Gateway, search: GatewaySearch): boolean {
    return this.#able(search).every((other) => other === gateway)
  }

  #blame(gateway: Gateway, { refused }: GatewaySearch, { error, hasGot, asCar }: GatewayFailure): void {
    const why = wordsOf(error)
    const code = error instanceof DockerIpfsError ? error.code : undefined
    gateway.lastWords = why
    if (code === 'INTEGRITY') {
      gateway.hasLied = true
      this.#putOut(gateway)
    } else if (code === 'ARCHIVE_INVALID') {
      // A CAR that was right as far as it went may just have been cut.
      if (asCar && !hasGot) gateway.givesCars = false
      if (!asCar) this.#putOut(gateway)
    } else if (code !== undefined && !(error instanceof Busy)) {
      refused.set(gateway, why)
    } else if (!hasGot) {
      this.#strike(gateway, error)
    }
  }

  #putOut(gateway: Gateway): void {
    if (!gateway.isOut) this.#warn(`the gateway ${gateway.url} is not asked any more: ${gateway.lastWords}`)
    gateway.isOut = true
  }

  /** Something that may pass: the gateway is left alone for a while. */
  #strike(gateway: Gateway, error: unknown): void {
    gateway.strikes += 1
    const asked = error instanceof Busy ? error.waitMs : undefined
    const rest = asked ?? FIRST_REST_MS * 2 ** (gateway.strikes - 1)
    gateway.restUntil = Math.max(gateway.restUntil, Date.now() + rest)
    if (error instanceof Busy) gateway.slots = Math.max(1, Math.floor(gateway.slots / 2))
    // One that says when to come back is believed until the time is up.
    if (asked === undefined && gateway.strikes >= MAX_STRIKES) this.#putOut(gateway)
  }

  #nobody({ what, refused }: GatewaySearch): DockerIpfsError {
    const reasons = this.#gateways.map((gateway) => {
      const why = refused.get(gateway) ?? gateway.lastWords ?? `no data for ${this.#timeoutMs / 1000} s`
      return `${gateway.url}: ${why}`
    })
    const lied = this.#gateways.every(({ hasLied }) => hasLied)
    return new DockerIpfsError(
      lied ? 'INTEGRITY' : 'CONTENT_NOT_FOUND',
      `no gateway gave ${what} (${reasons.join('; ')})`,
      {
        hint: 'Give other gateways with --gateway or DOCKER_IPFS_GATEWAYS. They must serve single blocks (?format=raw); --timeout waits longer.',
      },
    )
  }
}
