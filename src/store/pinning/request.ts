// The room of those who pin for us behind an API of their own: an IPFS Cluster (cluster.ts) and services (service.ts). They are
// strangers on the internet: each request has a time limit, an answer a size, and what they say is looked at before it is believed.

import { DockerIpfsError, hasCode, messageOf } from '../../errors.ts'
import { parsedObject } from '../../json.ts'
import { type Bytes, collect } from '../../streams.ts'
import { within } from '../../time.ts'
import { isLoopback } from '../loopback.ts'

/** How to reach it, and how to get in. */
export interface PinningAccess {
  /** What the user calls it. */
  readonly name: string
  /** Base URL without a trailing slash, name or password. */
  readonly url: string
  /** Value of the `Authorization` header: a secret, in no message. */
  readonly authorization?: string
  /** Certificates to trust instead of the well-known ones, PEM. */
  readonly ca?: string
}

export interface PinningRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Path and query below the base URL. */
  readonly path: string
  readonly json?: unknown
  readonly body?: { readonly type: string; readonly bytes: ReadableStream<Uint8Array> }
  /** Time limit in milliseconds; of one that sends much the caller looks after it. */
  readonly limitMs?: number
}

/** Time for an answer, in milliseconds: one that is silent must not hold a command up for ever. */
const ANSWER_MS = 10_000
/** Bytes of an answer: a page of a thousand pins has less. */
const MAX_ANSWER = 4 * 1024 * 1024

export interface PinningAnswer {
  readonly status: number
  /** The JSON object that it is; undefined for anything else. */
  readonly value: Record<string, unknown> | undefined
  readonly text: string
  /** Seconds that it asks us to wait. */
  readonly retryAfter: number | undefined
}

/**
 * Asks, and gives the answer whatever its status.
 * @throws PLACE_UNREACHABLE; PLACE_FAILED for an answer that is too large; the signal's reason
 */
export async function ask(
  access: PinningAccess,
  { method, path, json, body, limitMs = ANSWER_MS }: PinningRequest,
  signal: AbortSignal,
): Promise<PinningAnswer> {
  const { name, url, authorization, ca } = access
  const send = async (limited: AbortSignal): Promise<PinningAnswer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      signal: limited,
      // Who answers could send the secret anywhere.
      redirect: 'error',
      headers: {
        accept: 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...(body === undefined ? {} : { 'content-type': body.type }),
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(body === undefined ? {} : { body: body.bytes }),
      ...(ca === undefined ? {} : { tls: { ca } }),
      // HTTP_PROXY is not meant for this machine.
      ...(isLoopback(url) ? { proxy: false as const } : {}),
    })
    const text = Buffer.from(await collect(bytesOf(response), MAX_ANSWER, `the answer of ${name}`)).toString()
    const retryAfter = retryAfterOf(response.headers.get('retry-after'))
    return { status: response.status, value: parsedObject(text), text, retryAfter }
  }
  try {
    return await within(limitMs, signal, send, (cause) =>
      unreachable(access, `no answer within ${Math.round(limitMs / 1000)} s`, cause),
    )
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (hasCode(error, 'INTEGRITY')) throw new DockerIpfsError('PLACE_FAILED', error.message, { cause: error })
    if (error instanceof DockerIpfsError) throw error
    throw unreachable(access, messageOf(error).split('\n')[0] ?? '', error)
  }
}

async function* bytesOf({ body }: Response): Bytes {
  yield* body ?? []
}

/** Seconds, or a date. */
function retryAfterOf(text: string | null): number | undefined {
  if (text === null) return undefined
  const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined
}

function unreachable({ name, url }: PinningAccess, why: string, cause: unknown): DockerIpfsError {
  return new DockerIpfsError('PLACE_UNREACHABLE', `cannot reach ${name} at ${url}: ${why}`, {
    cause,
    hint: `Look whether it is up; "docker ipfs remote ls --check" asks all.`,
  })
}

/** Characters of an answer that are shown: some services answer a page. */
const MAX_WORDS = 200

/** An answer that is none that was hoped for, in one line. `details`: what the API says of errors. */
export function refused(
  { name, url }: PinningAccess,
  { status, text, value, retryAfter }: PinningAnswer,
  details: string | undefined,
): DockerIpfsError {
  const cause = new Error(`HTTP ${status}: ${text.trim().slice(0, MAX_WORDS)}`)
  const said = details === undefined ? '' : `: ${oneLine(details)}`
  if (status === 401 || status === 403) {
    const what = status === 401 ? 'does not take the secret' : 'does not allow this'
    return new DockerIpfsError('PLACE_FAILED', `${name} ${what} (HTTP status ${status})${said}`, {
      cause,
      hint: `Give it a file with a secret that is good: docker ipfs remote add --force --auth-file FILE ${name} ${url}`,
    })
  }
  if (status === 429) {
    const when = retryAfter === undefined ? '' : `; it asks to wait ${retryAfter} s`
    return new DockerIpfsError('PLACE_FAILED', `${name} takes no more requests now (HTTP status 429)${said}${when}`, {
      cause,
      hint: 'Run the command again later; what is there already is not sent again.',
    })
  }
  if (status >= 500) {
    return new DockerIpfsError('PLACE_UNREACHABLE', `${name} has a fault of its own (HTTP status ${status})${said}`, {
      cause,
      hint: 'Run the command again later.',
    })
  }
  const page = value === undefined && details === undefined ? ', and what it says is no JSON' : said
  return new DockerIpfsError('PLACE_FAILED', `${name} answers with HTTP status ${status}${page}`, {
    cause,
    hint: `Check its address, ${url}, and its kind: docker ipfs remote ls`,
  })
}

/** What is told of a place where nothing moves. */
export function stoodStill({ name }: Pick<PinningAccess, 'name'>, ms: number, said: string): DockerIpfsError {
  const seconds = Math.round(ms / 1000)
  return new DockerIpfsError('PLACE_FAILED', `nothing has moved at ${name} for ${seconds} s; it says: ${said}`, {
    hint: 'It goes on by itself: look again with "docker ipfs copies". --timeout waits longer.',
  })
}

/** Words of others on one line, of bearable length, and without what moves a terminal's cursor. */
export function oneLine(text: string): string {
  const line = text.replace(/\p{Cc}+/gu, ' ').trim()
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}…` : line
}
