import type { ServerResponse } from 'node:http'
import { ofSize, verified } from '../image/verified.ts'
import type { Bytes } from '../streams.ts'
import type { Answer, BlobBody } from './answers.ts'
import type { Standstill } from './exchange.ts'

interface SendOptions {
  readonly isHead: boolean
  readonly signal: AbortSignal
  readonly standstill: Standstill
  /** Told of the bytes of the body that were sent so far. */
  tell(bytesSent: number): void
  /** Waited for when all is on its way, but the answer is not ended: its end may close the connection. */
  beforeEnd(): Promise<void>
}

/**
 * Sends an answer, as fast as the client reads it; of a HEAD the head alone.
 * @throws what the body does, or where the client is gone: then the connection must be broken, so that nobody takes a part for the whole
 */
export async function send(
  response: ServerResponse,
  { status, headers = {}, body }: Answer,
  { isHead, signal, standstill, tell, beforeEnd }: SendOptions,
): Promise<void> {
  signal.throwIfAborted()
  const length = body === undefined ? 0 : lengthOf(body)
  // 204 has no body by definition, and no length of one.
  response.writeHead(status, status === 204 ? headers : { ...headers, 'Content-Length': String(length) })
  if (!isHead && body !== undefined) await sendBody(response, body, { signal, standstill, tell })
  await beforeEnd()
  response.end()
}

async function sendBody(
  response: ServerResponse,
  body: Uint8Array | BlobBody,
  { signal, standstill, tell }: Pick<SendOptions, 'signal' | 'standstill' | 'tell'>,
): Promise<void> {
  let sent = 0
  for await (const bytes of body instanceof Uint8Array ? [body] : blobBytes(body, signal)) {
    signal.throwIfAborted()
    sent += bytes.length
    tell(sent)
    if (!response.write(bytes)) await standstill.during(() => drained(response, signal))
  }
}

function lengthOf(body: Uint8Array | BlobBody): number {
  if (body instanceof Uint8Array) return body.length
  return body.range?.length ?? body.blob.size
}

/**
 * The whole of a blob is held against its digest before its last bytes go out. A part cannot be, since the digest is that of the whole:
 * there the checks of whatever reads it must do, such as those of each block against its CID.
 */
function blobBytes({ blob, range }: BlobBody, signal: AbortSignal): Bytes {
  const { digest, size } = blob
  if (range === undefined || range.length === size) {
    return verified(blob.read({ offset: 0, length: size }, signal), { digest, size, what: `Blob ${digest}` })
  }
  return ofSize(blob.read(range, signal), { size: range.length, what: `A part of blob ${digest}` })
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      response.off('drain', done)
      signal.removeEventListener('abort', done)
      if (signal.aborted) reject(signal.reason)
      else resolve()
    }
    response.on('drain', done)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}
