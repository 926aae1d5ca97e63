import { createServer, connect as open, type Socket } from 'node:net'
import { listen } from './relay.ts'

/** Stands in front of an engine and keeps what it is sent. */
export interface Recorder {
  readonly host: string
  /** The body of the last request whose path has this in it, as far as it came. */
  bodyOf(path: string): Buffer
  close(): void
}

export async function record(path: string, engine: string): Promise<Recorder> {
  const sent: Buffer[][] = []
  const sockets = new Set<Socket>()
  const server = createServer((caller) => {
    const called = open(engine)
    const parts: Buffer[] = []
    sent.push(parts)
    for (const socket of [caller, called]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    caller.on('data', (bytes: Buffer) => parts.push(bytes))
    caller.pipe(called)
    called.pipe(caller)
    caller.on('close', () => called.destroy())
    called.on('close', () => caller.destroySoon())
  })
  await listen(server, { path })
  return {
    host: `unix://${path}`,
    bodyOf(wanted) {
      const bytes = sent.map((parts) => Buffer.concat(parts)).findLast((all) => all.includes(wanted)) ?? Buffer.alloc(0)
      const request = bytes.subarray(bytes.indexOf(wanted))
      return unchunked(request.subarray(request.indexOf('\r\n\r\n') + 4))
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Takes `Transfer-Encoding: chunked` off. The last piece may be cut. */
function unchunked(body: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf('\r\n', at)
    const length = Number.parseInt(body.subarray(at, end).toString('latin1'), 16)
    if (end < 0 || !(length > 0)) break
    parts.push(body.subarray(end + 2, end + 2 + length))
    at = end + 2 + length + 2
  }
  return Buffer.concat(parts)
}
