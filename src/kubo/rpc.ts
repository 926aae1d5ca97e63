import { DockerIpfsError } from '../errors.ts'
import type { Bytes } from '../streams.ts'
import type { Endpoint } from './endpoint.ts'

/**
 * Plain HTTP to the node's RPC API, for the calls that move many bytes. Everything else goes through kubo-rpc-client
 * (`node.ts`). Source: https://docs.ipfs.tech/reference/kubo/rpc/
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
 * @throws NODE_UNREACHABLE, NODE_FAILED; the signal's reason when it was aborted
 */
export async function call(endpoint: Endpoint, { path, body, signal }: RpcCall): Promise<Response> {
  let response: Response
  try {
    response = await fetch(`${endpoint.url}/api/v0/${path}`, {
      method: 'POST',
      signal,
      redirect: 'error',
      ...(body === undefined ? {} : { body: body.bytes, headers: { 'content-type': body.type } }),
    })
  } catch (error) {
    throw nodeError(error, endpoint, signal)
  }
  if (response.ok) return response
  throw failed(response.status, await response.text().catch(() => ''))
}

/** The bytes of an answer. A connection that breaks is NODE_UNREACHABLE. */
export async function* bytesOf(response: Response, endpoint: Endpoint, signal: AbortSignal): Bytes {
  if (response.body === null) return
  try {
    yield* response.body
  } catch (error) {
    throw nodeError(error, endpoint, signal)
  }
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
  try {
    return (JSON.parse(line) as Partial<T> | null) ?? {}
  } catch {
    return {}
  }
}

/** What went wrong on the way to the node, in our words. */
export function nodeError(error: unknown, endpoint: Endpoint, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (error instanceof DockerIpfsError) return error
  return new DockerIpfsError('NODE_UNREACHABLE', `cannot reach the IPFS node at ${shown(endpoint)}`, {
    cause: error,
    hint: `Start Kubo with "ipfs daemon", or say where it is with --api or DOCKER_IPFS_API (this address is from ${endpoint.source}).`,
  })
}

/** The address without the password that a URL may hold. */
export function shown(endpoint: Endpoint): string {
  const url = new URL(endpoint.url)
  return `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`
}

/** An error that the node answered. Kubo answers `{"Message":"…","Code":0,"Type":"error"}` with status 500. */
export function failed(status: number, text: string): DockerIpfsError {
  let message = text.trim()
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && 'Message' in parsed) message = String(parsed.Message)
  } catch {
    // Not JSON: a proxy's page, or Kubo's own plain text. It is shown as it is.
  }
  return nodeFailed(message.split('\n')[0] || `HTTP status ${status}`, new Error(`HTTP ${status}: ${text.trim()}`))
}

/** Kubo says so in words only; they are read here and nowhere else. */
export function nodeFailed(message: string, cause: unknown): DockerIpfsError {
  if (/no space left on device|disk quota exceeded/i.test(message)) {
    return new DockerIpfsError('NODE_FAILED', 'the disk of the IPFS node is full', {
      cause,
      hint: 'Free space there (for instance with "ipfs repo gc") and try again.',
    })
  }
  return new DockerIpfsError('NODE_FAILED', `the IPFS node answered: ${message}`, { cause })
}
