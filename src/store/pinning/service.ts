import { setTimeout as sleep } from 'node:timers/promises'
import { blockKey } from '../../dag/blocks.ts'
import { type CID, parseCid } from '../../dag/cid.ts'
import { DockerIpfsError, messageOf } from '../../errors.ts'
import { isObject } from '../../json.ts'
import { whileMoving } from '../../time.ts'
import { ifAllowed } from '../allowed.ts'
import type { Copy, LookOptions, Outgoing, Place, SendOptions } from '../places.ts'
import { peersOf, plainAddresses } from './origins.ts'
import {
  ask,
  oneLine,
  type PinningAccess,
  type PinningAnswer,
  type PinningRequest,
  refused,
  stoodStill,
} from './request.ts'

/** Where a pin of a service is. */
interface PinStatus {
  readonly requestId: string
  readonly status: 'queued' | 'pinning' | 'pinned' | 'failed'
  /** Why, or how far it is, in its words. */
  readonly details: string | undefined
  /** Nodes that are going to fetch it. */
  readonly delegates: readonly string[]
}

/** The best first: of several requests for one CID one is enough. */
const STATUSES = ['pinned', 'pinning', 'queued', 'failed'] as const

/** Time between two questions how far a pin is, in milliseconds: the first, and the most. Services allow some 60 requests a minute. */
const FIRST_MS = 500
const MOST_MS = 5000
/** Time to wait where a service asks to, and does not say how long, in seconds. */
const WAIT_S = 5

/**
 * A pinning service. It fetches the image from our node, and what it then says is a claim. A pin is never replaced: the new one is there before
 * anybody takes the old one away. Source: https://ipfs.github.io/pinning-services-api-spec/ (1.0)
 */
export class ServicePlace implements Place {
  readonly kind = 'service'
  readonly name: string
  readonly address: string
  readonly #access: PinningAccess
  readonly #firstMs: number

  /** @param firstMs time before the first question how far a pin is, in milliseconds */
  constructor(access: PinningAccess, firstMs = FIRST_MS) {
    this.name = access.name
    this.address = access.url
    this.#access = access
    this.#firstMs = firstMs
  }

  async check(signal: AbortSignal): Promise<string> {
    const { count, results } = (await this.#request({ method: 'GET', path: '/pins?limit=1' }, signal, 0)) ?? {}
    if (typeof count === 'number' && Array.isArray(results)) return `a pinning service, ${count} pinned`
    throw noService(this.address)
  }

  async look(root: CID, { signal }: LookOptions): Promise<Copy> {
    const [best] = await this.#find(root, signal, 0)
    return best === undefined ? { state: 'absent', how: 'asked' } : copyOf(best)
  }

  async send(image: Outgoing, options: SendOptions): Promise<Copy> {
    const { signal, stillMs, wait } = options
    const before = await this.#find(image.root, signal, stillMs)
    const [best] = before
    const isGoing = best !== undefined && best.status !== 'failed'
    const status = isGoing ? best : await this.#add(image, options)
    const copy = wait ? await this.#follow(status, image, options) : copyOf(status)
    if (copy.state !== 'claimed') return copy
    // What failed before is only in the way, once there is one that did not.
    for (const one of before) {
      if (one.status !== 'failed' || one.requestId === status.requestId) continue
      await ask(this.#access, { method: 'DELETE', path: pathOf(one) }, signal)
    }
    return copy
  }

  /** All requests for a CID, the best first. */
  async #find(root: CID, signal: AbortSignal, stillMs: number): Promise<PinStatus[]> {
    // Without `status` only those that are pinned are told.
    const path = `/pins?cid=${root}&status=${STATUSES.join(',')}&limit=100`
    const results = (await this.#request({ method: 'GET', path }, signal, stillMs))?.['results']
    if (!Array.isArray(results)) throw noService(this.address)
    // One that does not know `cid` gives all that it has.
    const found = results.filter((one) => isFor(root, one)).map((one) => this.#statusOf(root, one))
    return found.sort((a, b) => STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status))
  }

  /** Waits where it asks to, as long as that is not too long. */
  async #request(asked: PinningRequest, signal: AbortSignal, stillMs: number): Promise<PinningAnswer['value']> {
    for (let waited = 0; ; ) {
      const answer = await ask(this.#access, asked, signal)
      if (answer.status >= 200 && answer.status < 300) return answer.value
      const ms = (answer.retryAfter ?? WAIT_S) * 1000
      if (answer.status !== 429 || waited + ms > stillMs) throw refused(this.#access, answer, wordsOf(answer))
      waited += ms
      await sleep(ms, undefined, { signal })
    }
  }

  async #add({ root, name, from }: Outgoing, { signal, stillMs }: SendOptions): Promise<PinStatus> {
    const { addresses = [] } = (await ifAllowed(from.routing.self(signal))) ?? {}
    const origins = plainAddresses(addresses, this.address)
    const post = (some: readonly string[]) => {
      const json = { cid: root.toString(), name, ...(some.length === 0 ? {} : { origins: some }) }
      return this.#request({ method: 'POST', path: '/pins', json }, signal, stillMs)
    }
    const value = await post(origins).catch((error: unknown) => {
      // Some take none that they do not know.
      if (origins.length > 0 && /INVALID_ORIGINS/.test(messageOf(error))) return post([])
      throw error
    })
    return this.#statusOf(root, value)
  }

  #statusOf(root: CID, value: unknown): PinStatus {
    const status = readStatus(value)
    if (status === undefined) throw noService(this.address)
    if (isFor(root, value)) return status
    throw new DockerIpfsError('PLACE_FAILED', `${this.name} answers for another CID, ${oneLine(cidIn(value) ?? '?')}`, {
      hint: 'Do not trust what it says, and tell those who run it.',
    })
  }

  /** Asks until it is pinned or failed. */
  async #follow(first: PinStatus, { root, from }: Outgoing, { signal, stillMs, doing }: SendOptions): Promise<Copy> {
    let status = first
    const onLate = () => stoodStill(this.#access, stillMs, inWords(status))
    return whileMoving(stillMs, signal, onLate, async (limited, moved) => {
      let sent = 0
      for (let ms = this.#firstMs; !isOver(status); ms = Math.min(MOST_MS, ms * 1.5)) {
        doing(status.status === 'queued' ? 'Queued' : 'Pinning')
        // It may not find us by itself, and connections that nothing uses are closed.
        for (const peer of peersOf(plainAddresses(status.delegates, this.address))) {
          await from.routing.connect(peer, limited)
        }
        await sleep(ms, undefined, { signal: limited })
        const next = this.#statusOf(
          root,
          await this.#request({ method: 'GET', path: pathOf(status) }, limited, stillMs),
        )
        const given = (await ifAllowed(from.traffic.bytesSent(limited))) ?? 0
        if (given > sent || inWords(next) !== inWords(status)) moved()
        sent = given
        status = next
      }
      return copyOf(status)
    })
  }
}

function pathOf({ requestId }: PinStatus): string {
  return `/pins/${encodeURIComponent(requestId)}`
}

function noService(url: string): DockerIpfsError {
  return new DockerIpfsError('PLACE_FAILED', `what is at ${url} is no pinning service`, {
    hint: "Give the URL of its API, which its documents call endpoint; it is the part before '/pins'.",
  })
}

function isOver({ status }: PinStatus): boolean {
  return status === 'pinned' || status === 'failed'
}

function inWords({ status, details }: PinStatus): string {
  return details === undefined ? status : `${status}, ${details}`
}

function copyOf({ status, details }: PinStatus): Copy {
  const reason = details === undefined ? {} : { reason: details }
  if (status === 'pinned') return { state: 'claimed', how: 'it says pinned' }
  return { state: status === 'failed' ? 'failed' : 'pinning', how: `it says ${status}`, ...reason }
}

/** What CID a pin of an answer is for, as it is written there. */
function cidIn(value: unknown): string | undefined {
  const pin = isObject(value) ? value['pin'] : undefined
  const cid = isObject(pin) ? pin['cid'] : undefined
  return typeof cid === 'string' ? cid : undefined
}

/** Whether it is for this CID, however that is written there. */
function isFor(root: CID, value: unknown): boolean {
  try {
    return blockKey(parseCid(cidIn(value) ?? '')) === blockKey(root)
  } catch {
    return false
  }
}

/** Undefined for what is no PinStatus of the API. */
function readStatus(value: unknown): PinStatus | undefined {
  if (!isObject(value)) return undefined
  const { requestid, delegates, info } = value
  const status = STATUSES.find((each) => each === value['status'])
  if (typeof requestid !== 'string' || requestid === '' || requestid.length > 512 || status === undefined)
    return undefined
  const said = isObject(info) ? info['status_details'] : undefined
  return {
    requestId: requestid,
    status,
    details: typeof said === 'string' && said.trim() !== '' ? oneLine(said) : undefined,
    delegates: Array.isArray(delegates) ? delegates.filter((one) => typeof one === 'string') : [],
  }
}

/** The API's words for an error: `{"error":{"reason":"INVALID_ORIGINS","details":"…"}}`. */
function wordsOf({ value }: PinningAnswer): string | undefined {
  const error = value?.['error']
  if (!isObject(error)) return undefined
  const words = [error['reason'], error['details']].filter((word) => typeof word === 'string' && word !== '')
  return words.length === 0 ? undefined : words.join(': ')
}
