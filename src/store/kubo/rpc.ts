import { DockerIpfsError, messageOf } from '../../errors.ts'
import { parsedObject } from '../../json.ts'
import type { Bytes } from '../../streams.ts'
import { within } from '../../time.ts'
import { apiOf, connectionOf, shown } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import { denialOf } from './health/rights.ts'

/**
 * Plain HTTP to the node's RPC API, for the calls that move many bytes. Everything else goes through kubo-rpc-client
 * (`client.ts`). Source: https://docs.ipfs.tech/reference/kubo/rpc/
 */
export interface RpcCall {
  /** Command and query, e.g. `cat?arg=…`. */
  readonly path: string
  readonly body?: Body
  readonly signal: AbortSignal
}

export interface Body {
  readonly type: string
  readonly bytes: ReadableStream<Uint8Array>
}

/**
 * Sends one call and gives its answer once the headers are there.
 * @throws NODE_UNREACHABLE, NODE_FAILED, NODE_DENIED; the signal's reason when it was aborted
 */
export async function call(endpoint: Endpoint, asked: RpcCall): Promise<Response> {
  const response = await send(endpoint, asked)
  if (response.ok) return response
  const { status } = response
  const text = await response.text().catch(() => '')
  throw (await denialOf(endpoint, { path: asked.path, status, text }, asked.signal)) ?? failed(status, text, endpoint)
}

/**
 * The same, whatever the answer's status.
 * @throws NODE_UNREACHABLE; the signal's reason when it was aborted
 */
export async function send(endpoint: Endpoint, { path, body, signal }: RpcCall): Promise<Response> {
  const { headers, ...connection } = connectionOf(endpoint)
  try {
    return await fetch(`${apiOf(endpoint)}/${path}`, {
      ...connection,
      method: 'POST',
      signal,
      headers: body === undefined ? headers : { ...headers, 'content-type': body.type },
      ...(body === undefined ? {} : { body: body.bytes }),
    })
  } catch (error) {
    throw nodeError(error, endpoint, signal)
  }
}

/**
 * Finds out whether a call is allowed, and does nothing: without arguments, and with an option that has no such value, Kubo answers 400 to any
 * command before it runs it (go-ipfs-cmds `http/parse.go`; seen with all that are made here and with `repo/gc`, on 0.43), and 403 before that.
 * @throws NODE_DENIED; NODE_FAILED mostly, else
 */
export async function tryCall(endpoint: Endpoint, command: string, signal: AbortSignal): Promise<void> {
  const { body } = await call(endpoint, { path: `${command}?offline=no`, signal })
  await body?.cancel()
}

/** The bytes of an answer. A connection that breaks is NODE_UNREACHABLE. */
export async function* bytesOf(response: Response, endpoint: Endpoint, signal: AbortSignal): Bytes {
  if (response.body === null) return
  try {
    for await (const bytes of response.body) {
      // What has come already is there when the signal is aborted.
      signal.throwIfAborted()
      yield bytes
    }
  } catch (error) {
    throw nodeError(error, endpoint, signal)
  }
}

/** The text of an answer. A connection that breaks is NODE_UNREACHABLE. */
export async function answerOf(response: Response, endpoint: Endpoint, signal: AbortSignal): Promise<string> {
  try {
    return await response.text()
  } catch (error) {
    throw nodeError(error, endpoint, signal)
  }
}

/**
 * What a call answers, where it is one JSON object; undefined for anything else.
 * @throws NODE_UNREACHABLE, NODE_FAILED; the signal's reason
 */
export async function askObject(
  endpoint: Endpoint,
  path: string,
  signal: AbortSignal,
): Promise<Record<string, unknown> | undefined> {
  return parsedObject(await answerOf(await call(endpoint, { path, signal }), endpoint, signal))
}

/** The objects of an answer that is one JSON object a line. */
export async function* jsonLines<T extends object>(bytes: Bytes): AsyncIterable<Partial<T>> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const part of bytes) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield parseLine(line)
  }
  if (rest.trim() !== '') yield parseLine(rest)
}

/** A line that cannot be read says nothing. */
function parseLine<T extends object>(line: string): Partial<T> {
  return (parsedObject(line) as Partial<T> | undefined) ?? {}
}

/** Time for an answer that needs no network, in milliseconds. kubo-rpc-client's own timeout never fires. */
const ANSWER_MS = 30_000

/** A call that needs no network: it has a time limit, and its errors are put into our words. */
export async function askWithin<T>(
  endpoint: Endpoint,
  signal: AbortSignal,
  ask: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const onLate = (cause: unknown) =>
    new DockerIpfsError('NODE_UNREACHABLE', `the IPFS node at ${shown(endpoint)} does not answer`, { cause })
  try {
    return await within(ANSWER_MS, signal, ask, onLate)
  } catch (error) {
    throw nodeError(error, endpoint, signal)
  }
}

/** What went wrong on the way to the node, or what kubo-rpc-client got for an answer, in our words. */
export function nodeError(error: unknown, endpoint: Endpoint, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (error instanceof DockerIpfsError) return error
  const status = statusOf(error)
  if (status !== undefined) return answered(status, messageOf(error), endpoint, error)
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const why = NO_WAY[code] ?? (endpoint.url.startsWith('https:') ? { text: wordsOf(code, error) } : undefined)
  return new DockerIpfsError(
    'NODE_UNREACHABLE',
    endpoint.absent?.text ??
      `cannot reach the IPFS node at ${shown(endpoint)}${why === undefined ? '' : ` (${why.text})`}`,
    {
      cause: error,
      hint: why?.hint ?? endpoint.absent?.hint ?? `Start it, or name another: this address is from ${endpoint.source}.`,
    },
  )
}

/** By https there is more that may be in the way than a node that does not run. */
function wordsOf(code: string, error: unknown): string {
  return code === 'ECONNREFUSED' ? 'connection refused' : messageOf(error)
}

const CERTIFICATE = {
  text: 'its certificate is not trusted',
  hint: 'Name a file with the certificate of the authority that signed it: DOCKER_IPFS_API_CA.',
}

/** Codes of fetch whose cause is not plain. */
const NO_WAY: Readonly<Record<string, { readonly text: string; readonly hint?: string }>> = {
  EACCES: { text: 'permission denied', hint: 'Join the group of its socket and log in again, or name another node.' },
  ENOENT: { text: 'no such socket' },
  EPROTO: {
    text: 'it does not speak TLS',
    hint: 'Give its address with http, or the one at which its proxy takes https.',
  },
  ENOTFOUND: { text: 'no such host' },
  CERT_HAS_EXPIRED: { text: 'its certificate has expired' },
  ERR_TLS_CERT_ALTNAME_INVALID: { text: 'its certificate is for another name' },
  DEPTH_ZERO_SELF_SIGNED_CERT: CERTIFICATE,
  SELF_SIGNED_CERT_IN_CHAIN: CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT: CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CERTIFICATE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CERTIFICATE,
  UnexpectedRedirect: { text: 'it redirects elsewhere', hint: 'Give the address that it redirects to, perhaps https.' },
}

/** The status of an answer, of an error that kubo-rpc-client throws for one. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error && 'response' in error)) return undefined
  return error.response instanceof Response ? error.response.status : undefined
}

/** An error that the node answered. Kubo answers `{"Message":"…","Code":0,"Type":"error"}` with status 500. */
export function failed(status: number, text: string, endpoint: Endpoint): DockerIpfsError {
  return answered(status, messageIn(text), endpoint, new Error(`HTTP ${status}: ${text.trim()}`))
}

/** What an answer with an error status says. Not JSON: a proxy's page, or Kubo's own plain text. It is shown as it is. */
export function messageIn(text: string): string {
  return String(parsedObject(text)?.['Message'] ?? text.trim())
}

/** Kubo itself answers 500, 400 for a wrong call, and 403 (`rights.ts`); the others are from a proxy, or no Kubo. */
function answered(status: number, message: string, endpoint: Endpoint, cause: unknown): DockerIpfsError {
  if (status === 404 || status === 405) return noKubo(endpoint, `HTTP status ${status}`, cause)
  if (status === 413) {
    return new DockerIpfsError(
      'NODE_FAILED',
      `the proxy at ${shown(endpoint)} takes no upload of this size (HTTP status 413)`,
      {
        cause,
        hint: 'Raise its limit; in nginx: client_max_body_size 0',
      },
    )
  }
  if (status >= 502 && status <= 504) {
    return new DockerIpfsError(
      'NODE_UNREACHABLE',
      `the proxy at ${shown(endpoint)} cannot reach the IPFS node (HTTP status ${status})`,
      {
        cause,
        hint: 'Start Kubo there, or look into the log of the proxy.',
      },
    )
  }
  return nodeFailed(message.split('\n')[0] || `HTTP status ${status}`, cause)
}

export function noKubo(endpoint: Endpoint, why: string, cause: unknown): DockerIpfsError {
  return new DockerIpfsError(
    'NODE_FAILED',
    `what is at ${shown(endpoint)} does not answer as Kubo's RPC API does (${why})`,
    {
      cause,
      hint: `Check the address (it is from ${endpoint.source}): the API's port is mostly 5001, the gateway's 8080.`,
    },
  )
}

const NO_SPACE = /no space left on device|disk quota exceeded/i
const DISK_FULL = 'the disk of the IPFS node is full'

/** Whether a node failed because of that, in its words or in ours. */
export function isDiskFull(error: unknown): boolean {
  const words = messageOf(error)
  return NO_SPACE.test(words) || words === DISK_FULL
}

/** Kubo says so in words only; they are read here and nowhere else. */
export function nodeFailed(message: string, cause: unknown): DockerIpfsError {
  if (NO_SPACE.test(message)) {
    return new DockerIpfsError('NODE_FAILED', DISK_FULL, {
      cause,
      hint: 'Free space there ("docker ipfs prune" removes what nothing names) and try again; restart the node if it says so again.',
    })
  }
  // Whichever part of it is asked first. Its own context ends with it, or with a caller that hung up, who is not told.
  if (
    /(?:datastore|pinner|repo is|promise channel was|\bdb:|pebble:|leveldb:) closed|shutting down|\bcontext canceled$/i.test(
      message,
    )
  ) {
    return new DockerIpfsError('NODE_UNREACHABLE', 'the IPFS node was stopped meanwhile', {
      cause,
      hint: 'Run the command again when it is back.',
    })
  }
  return new DockerIpfsError('NODE_FAILED', `the IPFS node answered: ${message}`, { cause })
}
