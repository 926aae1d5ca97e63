import { connect, type Socket } from 'node:net'
import type { Range } from '../../../dag/block-source.ts'
import { type Bytes, splitAt } from '../../../streams.ts'

/** The most bytes in front of a body. */
const MAX_HEAD = 64 * 1024

const HEAD_END = '\r\n\r\n'

/**
 * A part of a file from an HTTP server on this machine, over a connection of its own, in HTTP/1.0, where the body comes as it is
 * (RFC 9110, section 14). `fetch` takes 0.25 CPU seconds more for 146 MB.
 * @param url `http://host:port`
 * @throws when the answer is not that part, or cut; the signal's reason
 */
export async function* getRange(url: string, path: string, { offset, length }: Range, signal: AbortSignal): Bytes {
  const { hostname, port, host } = new URL(url)
  signal.throwIfAborted()
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) })
  const stop = () => socket.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    const range = `Range: bytes=${offset}-${offset + length - 1}`
    socket.write(`GET ${encodeURI(path)} HTTP/1.0\r\nHost: ${host}\r\n${range}${HEAD_END}`)
    let left = length
    for await (const bytes of bodyOf(socket)) {
      left -= bytes.length
      if (left < 0) throw new Error(`more than the ${length} bytes that were asked for`)
      yield bytes
    }
    // To be destroyed looks like a good end.
    signal.throwIfAborted()
    if (left > 0) throw new Error(`${left} of ${length} bytes are missing`)
  } finally {
    signal.removeEventListener('abort', stop)
    socket.destroy()
  }
}

async function* bodyOf(socket: Socket): Bytes {
  const { head, body } = await splitAt(socket, HEAD_END, MAX_HEAD)
  // It ended before: all of the part is missing.
  if (body === undefined && head.length <= MAX_HEAD) return
  const status = body === undefined ? '' : (head.toString('latin1').split('\r\n', 1)[0] ?? '')
  if (body === undefined || !/^HTTP\/1\.[01] 206\b/.test(status)) throw new Error(`the answer is "${status}"`)
  yield* body
}
