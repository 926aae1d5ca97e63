import { CID, createBitswap, createFiles, createPin, createSwarm } from 'kubo-rpc-client'
import type { Bytes } from '../../streams.ts'
import { apiOf, connectionOf } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import { denialOf } from './health/rights.ts'
import { messageIn } from './rpc.ts'

/**
 * The calls that are made with kubo-rpc-client, and three that it exports only as a part of a whole client. That whole client connects with the
 * global `fetch` and lets nobody say how; its parts take whatever sends their calls.
 */
export interface KuboClient {
  readonly bitswap: ReturnType<typeof createBitswap>
  readonly files: ReturnType<typeof createFiles>
  readonly pin: ReturnType<typeof createPin>
  readonly swarm: ReturnType<typeof createSwarm>
  /** The bytes of a file, out of the node's own repository. */
  cat(path: string, signal: AbortSignal): Bytes
  /** Answers where a block is in the node's own repository. */
  blockStat(cid: CID, signal: AbortSignal): Promise<unknown>
  /** The CID of what is at a path, out of the node's own repository. */
  resolve(path: string, signal: AbortSignal): Promise<CID>
}

/** What sends the calls, as the package has it. */
type Http = Parameters<typeof createFiles>[0]
type HttpOptions = NonNullable<Parameters<Http['post']>[1]>
type HttpAnswer = Awaited<ReturnType<Http['post']>>

/** An answer with an error status, as the package throws it: `statusOf` reads it. */
class AnswerError extends Error {
  readonly response: Response

  constructor(message: string, response: Response) {
    super(message)
    this.response = response
  }
}

/** Opens no connection yet. Every call goes the way of `connectionOf`; what it throws is to be put into our words with `nodeError`. */
export function createClient(endpoint: Endpoint): KuboClient {
  const post = (resource: string | Request, options?: HttpOptions) => send(endpoint, String(resource), options)
  // The RPC API knows no other method.
  const http: Http = { opts: {}, fetch: post, post, get: post, put: post, delete: post, options: post }
  const offline = (path: string) => new URLSearchParams({ arg: path, offline: 'true' })
  return {
    bitswap: createBitswap(http),
    files: createFiles(http),
    pin: createPin(http),
    swarm: createSwarm(http),
    async *cat(path, signal) {
      yield* (await post('cat', { searchParams: offline(path), signal })).iterator()
    },
    async blockStat(cid, signal) {
      return (await post('block/stat', { searchParams: offline(cid.toString()), signal })).json()
    },
    async resolve(path, signal) {
      const answer = await post('dag/resolve', { searchParams: offline(path), signal })
      const { Cid } = (await answer.json()) as { Cid: { '/': string } }
      return CID.parse(Cid['/'])
    },
  }
}

async function send(endpoint: Endpoint, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const { headers, ...connection } = connectionOf(endpoint)
  const { signal, body, searchParams = [] } = options
  const all = new Headers(options.headers)
  for (const [name, value] of Object.entries(headers)) all.set(name, value)
  const response = await fetch(`${apiOf(endpoint)}/${path}?${queryOf(searchParams)}`, {
    ...connection,
    method: 'POST',
    headers: all,
    ...(signal ? { signal } : {}),
    ...(body ? { body } : {}),
  })
  if (!response.ok) {
    const { status } = response
    const text = await response.text().catch(() => '')
    const limit = signal ?? new AbortController().signal
    throw (await denialOf(endpoint, { path, status, text }, limit)) ?? new AnswerError(messageIn(text), response)
  }
  async function* iterator() {
    yield* response.body ?? []
  }
  async function* ndjson() {
    for (const line of (await response.text()).split('\n')) if (line.trim() !== '') yield JSON.parse(line) as unknown
  }
  return Object.assign(response, { iterator, ndjson })
}

/** The package gives names of options as it writes them (`streamChannels`), and among them the signal. */
function queryOf(options: Iterable<readonly [string, string]>): URLSearchParams {
  const query = new URLSearchParams()
  for (const [name, value] of options) {
    if (name !== 'signal')
      query.append(
        name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
        value,
      )
  }
  return query
}
