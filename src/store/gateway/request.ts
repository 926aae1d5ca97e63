import { DockerIpfsError, messageOf } from '../../errors.ts'
import type { Bytes } from '../../streams.ts'
import { isHttp } from './address.ts'

/** What is asked of a gateway. Source: https://specs.ipfs.tech/http-gateways/trustless-gateway/ */
export interface Request {
  /** Path and query below the gateway's address: `ipfs/<cid>/…?format=…`. */
  readonly path: string
  /** The only media type that is of use. */
  readonly type: 'application/vnd.ipld.raw' | 'application/vnd.ipld.car'
  /** Milliseconds for the beginning of an answer. */
  readonly patienceMs: number
  readonly signal: AbortSignal
}

/** A gateway that has no time now. `waitMs`: as it said it, if it did. */
export class Busy extends DockerIpfsError {
  readonly waitMs: number | undefined

  constructor(message: string, waitMs: number | undefined) {
    super('CONTENT_NOT_FOUND', message)
    this.waitMs = waitMs
  }
}

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Answers that say "later", or that something on the gateway's side went wrong. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504])
/** An answer that brings fewer bytes in so many milliseconds stands still. */
const STALL_MS = 10_000
const MIN_BYTES = 8 * 1024

/**
 * Asks a gateway and gives the bytes of its answer, as they come: nothing is believed of them. No cookie, no password and no
 * referrer is sent. Reading can be ended at any time, which ends the request.
 * @throws CONTENT_NOT_FOUND (`Busy` when it is worth asking again), ARCHIVE_INVALID when it is no answer of this type; a broken
 *   connection as fetch says it
 */
export async function* ask(gateway: string, { path, type, patienceMs, signal }: Request): Bytes {
  const stop = new AbortController()
  const limited = AbortSignal.any([signal, stop.signal])
  let watch = setTimeout(() => stop.abort(new Error(`no answer within ${patienceMs / 1000} s`)), patienceMs)
  try {
    const response = await follow(`${gateway}/${path}`, type, limited)
    clearTimeout(watch)
    let since = 0
    const stallMs = Math.min(STALL_MS, patienceMs)
    watch = setInterval(() => {
      if (since < MIN_BYTES) stop.abort(new Error(`no data for ${stallMs / 1000} s`))
      since = 0
    }, stallMs)
    for await (const bytes of response.body ?? []) {
      since += bytes.length
      yield bytes
    }
  } catch (error) {
    if (stop.signal.aborted && !signal.aborted) throw stop.signal.reason
    throw error
  } finally {
    clearTimeout(watch)
    stop.abort()
  }
}

async function follow(address: string, type: string, signal: AbortSignal): Promise<Response> {
  let url = address
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const response = await fetch(url, {
      headers: { accept: type, 'accept-encoding': 'identity' },
      credentials: 'omit',
      redirect: 'manual',
      decompress: false,
      signal,
    })
    if (!REDIRECTS.has(response.status)) return checked(response, type)
    await response.body?.cancel()
    url = target(response.headers.get('location'), url)
  }
  throw missing(`more than ${MAX_REDIRECTS} redirects`)
}

/** Where a redirect leads, without a user name or password. */
function target(location: string | null, from: string): string {
  const url = location === null ? null : URL.parse(location, from)
  if (url === null || !isHttp(url)) throw missing('a redirect that leads to no http address')
  url.username = ''
  url.password = ''
  return url.href
}

async function checked(response: Response, type: string): Promise<Response> {
  const { status, headers } = response
  const given = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (status === 200 && given === type) return response
  await response.body?.cancel().catch(() => undefined)
  if (PASSING.has(status)) throw new Busy(`HTTP status ${status}`, retryAfter(headers.get('retry-after')))
  if (status === 200 || status === 400 || status === 406 || status === 415 || status === 501) {
    const what = status === 200 ? `an answer of type ${shortened(given)}` : `HTTP status ${status}`
    throw new DockerIpfsError('ARCHIVE_INVALID', `${what} where ${type} was asked for`)
  }
  throw missing(`HTTP status ${status}`)
}

/** Seconds, or a date. Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
export function retryAfter(text: string | null, now: number = Date.now()): number | undefined {
  if (text === null) return undefined
  if (/^\s*\d{1,9}\s*$/.test(text)) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** A header of theirs in a message of ours. */
function shortened(text: string | undefined): string {
  return /^[\w.+/-]{1,60}$/.test(text ?? '') ? `${text}` : 'unknown'
}

function missing(message: string): DockerIpfsError {
  return new DockerIpfsError('CONTENT_NOT_FOUND', message)
}

/** What went wrong, in a few words. */
export function wordsOf(error: unknown): string {
  if (error instanceof DockerIpfsError) return error.message
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (/ConnectionRefused|ECONNREFUSED/.test(code)) return 'connection refused'
  if (/ConnectionClosed|ECONNRESET/.test(code)) return 'it broke off the connection'
  return messageOf(error).split('\n')[0]?.slice(0, 120) ?? ''
}
