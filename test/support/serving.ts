import { connect, type Socket } from 'node:net'
import type { RequestEntry, ServeOptions } from '../../src/distribution/options.ts'
import type { Registry } from '../../src/distribution/registry.ts'
import { serve } from '../../src/distribution/server.ts'

/** A registry that is served for a test. */
export interface Serving {
  readonly port: number
  readonly url: string
  /** What was answered, in turn. */
  readonly entries: readonly RequestEntry[]
  /** Waits for so many entries of the log. */
  logged(count: number): Promise<void>
  close(): Promise<void>
}

export async function serving(registry: Registry, options: Partial<ServeOptions> = {}): Promise<Serving> {
  const entries: RequestEntry[] = []
  const server = await serve(registry, {
    signal: new AbortController().signal,
    onRequest: (entry) => entries.push(entry),
    ...options,
  })
  return {
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    entries,
    logged: (count) => until(() => entries.length >= count),
    close: () => server.close(),
  }
}

/** Waits until something is so; a test that waits in vain ends by its own time limit. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(5)
}

/** A connection on which anything can be sent. */
export function plainSocket(port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect(port, '127.0.0.1', () => resolve(socket))
  socket.on('error', reject)
  return promise
}

/** Sends text on a connection of its own, and gives all that comes until the server ends it. */
export async function answerTo(port: number, text: string | Uint8Array): Promise<string> {
  const socket = await plainSocket(port)
  const { promise, resolve } = Promise.withResolvers<string>()
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  socket.on('error', () => undefined)
  socket.on('close', () => resolve(Buffer.concat(parts).toString('latin1')))
  socket.write(text)
  return promise
}

/** The first line of a request and its headers; the connection ends behind the answer. */
export function head(port: number, line: string, ...headers: readonly string[]): string {
  const host = headers.some((header) => /^host:/i.test(header)) ? [] : [`Host: 127.0.0.1:${port}`]
  return `${[`${line} HTTP/1.1`, ...host, 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`
}
