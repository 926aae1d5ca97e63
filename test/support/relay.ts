import { createServer, connect as open, type Server, type Socket } from 'node:net'

/** Where something listens: a unix socket, or a port of this machine. */
export type Address = { readonly path: string } | { readonly port: number }

export interface Stall {
  /** Who sends the bytes that count: whoever calls, or what is called. */
  readonly from: 'caller' | 'called'
  /** Bytes of one connection, after which nothing more of this side is passed on there. Others go on. */
  readonly after: number
  /** Whether a save may see where the engine packs: by default it may not, since it would read the image there and not here. */
  readonly showsPacking?: boolean
}

/** Stands between the plugin and an engine or a node, so that something can happen in the middle of a transfer, every time. */
export interface Relay {
  /** For a relay at a unix socket: the address as docker takes it. */
  readonly host: string
  /** For a relay at a port: the address as the plugin takes it. */
  readonly api: string
  /** Resolves when the bytes of `stall` have passed. Then nothing moves until `cut` or `release`. */
  readonly reached: Promise<void>
  /** Ends what stands still. Bytes on their way are lost, as when a machine dies: else all that is missing might be among them. */
  cut(): void
  /** Lets go on what stands still. */
  release(): void
  close(): void
}

/** An answer of an engine, of the same length, that does not say where it packs. */
export function withoutRoot(answer: Buffer): Buffer {
  const at = answer.indexOf(ROOT)
  if (at >= 0) answer.write('-', at + ROOT.length - 1)
  return answer
}

const ROOT = '"DockerRootDir":"/'

export async function relay(at: Address, to: Address, stall: Stall): Promise<Relay> {
  const reached = Promise.withResolvers<void>()
  const end = Promise.withResolvers<'cut' | 'release'>()
  const sockets = new Set<Socket>()

  /** Passes everything on, and stands still at the byte where it is to stall. */
  const pump = async (from: Socket, into: Socket, counts: boolean) => {
    let passed = 0
    const closed = new Promise((resolve) => into.once('close', resolve))
    try {
      for await (const bytes of from as AsyncIterable<Buffer>) {
        if (counts && passed >= stall.after) {
          reached.resolve()
          if ((await end.promise) === 'cut') {
            into.destroy()
            return
          }
        }
        passed += bytes.length
        const passedOn = stall.showsPacking === true ? bytes : withoutRoot(bytes)
        if (!into.write(passedOn)) await Promise.race([new Promise((resolve) => into.once('drain', resolve)), closed])
      }
    } finally {
      into.end()
    }
  }

  const server = createServer((caller) => {
    const called = open(to)
    for (const socket of [caller, called]) {
      sockets.add(socket)
      // One side has gone; `pump` tells the other.
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    // Who has hung up must not be waited for.
    caller.on('close', () => called.destroy())
    called.on('close', () => caller.destroySoon())
    pump(caller, called, stall.from === 'caller').catch(() => called.destroy())
    pump(called, caller, stall.from === 'called').catch(() => caller.destroy())
  })
  await listen(server, at)
  const address = server.address()
  return {
    host: typeof address === 'string' ? `unix://${address}` : '',
    api: typeof address === 'object' && address !== null ? `/ip4/127.0.0.1/tcp/${address.port}` : '',
    reached: reached.promise,
    cut: () => end.resolve('cut'),
    release: () => end.resolve('release'),
    close() {
      end.resolve('cut')
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

export function listen(server: Server, at: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen('path' in at ? at : { ...at, host: '127.0.0.1' }, resolve)
  })
}

/** A TCP port of 127.0.0.1 that nobody has. Below the kernel's range for outgoing connections: one of those could take it before it is listened on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    const isFree = await listen(server, { port }).then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}
