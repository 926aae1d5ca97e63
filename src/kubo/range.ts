import { connect, type Socket } from 'node:net'
import type { Range } from '../dag/block-source.ts'
import type { Bytes } from '../streams.ts'

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
  let head: Buffer | undefined = Buffer.alloc(0)
  for await (const bytes of socket as AsyncIterable<Buffer>) {
    if (head === undefined) {
      yield bytes
      continue
    }
    head = Buffer.concat([head, bytes])
    const end = head.indexOf(HEAD_END)
    if (end < 0 && head.length < MAX_HEAD) continue
    const status = head.toString('latin1', 0, Math.max(end, 0)).split('\r\n', 1)[0] ?? ''
    if (!/^HTTP\/1\.[01] 206\b/.test(status)) throw new Error(`the answer is "${status}"`)
    const rest = head.subarray(end + HEAD_END.length)
    head = undefined
    if (rest.length > 0) yield rest
  }
}
