import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { DockerIpfsError, messageOf } from '../errors.ts'
import { type Answer, refusal } from './answers.ts'
import { type Exchange, RequestBody, Standstill } from './exchange.ts'
import type { ServeOptions } from './options.ts'
import { ROOT_HEADER } from './pull.ts'
import type { Client } from './registry.ts'
import { answer, type Served } from './routes.ts'
import { send } from './send.ts'

/** A client gets so many milliseconds to read a refusal while it is still sending. */
const LINGER = 5000

const ALWAYS = { 'Docker-Distribution-Api-Version': 'registry/2.0', 'X-Content-Type-Options': 'nosniff' }

/** A request that is being answered. */
interface Open {
  readonly abort: AbortController
  readonly standstill: Standstill
  readonly socket: Socket
}

/** The refusal of a request, by its headers and path. */
export type Guard = (headers: IncomingHttpHeaders, path: string) => Answer | undefined

/** Takes requests from the listener, and answers each. */
export class Requests {
  readonly #served: Served
  readonly #options: ServeOptions
  readonly #open = new Set<Open>()
  readonly #allowed = new WeakMap<Socket, Promise<boolean>>()
  readonly #clock: ReturnType<typeof setInterval>
  #isClosed = false
  #guard: Guard = () => refusal('UNAVAILABLE', 'Not yet')

  constructor(served: Served, options: ServeOptions, cutAfter: number) {
    this.#served = served
    this.#options = options
    this.#clock = setInterval(() => this.#cut(cutAfter), Math.max(10, Math.min(cutAfter / 4, 15_000)))
    this.#clock.unref()
  }

  guardWith(guard: Guard): void {
    this.#guard = guard
  }

  take(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isClosed) {
      request.socket.destroy()
      return
    }
    const open = { abort: new AbortController(), standstill: new Standstill(), socket: request.socket }
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    response.on('close', () => open.abort.abort(new DockerIpfsError('CANCELLED', 'The client is gone')))
    this.#open.add(open)
    this.#handle(request, response, open)
      // Nothing is left to be told: what went wrong is in the log, or the log itself is what fails.
      .catch(() => request.socket.destroy())
      .finally(() => this.#open.delete(open))
  }

  /** Breaks off all that is being answered, and answers nothing any more. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#clock)
    for (const { abort, socket } of this.#open) {
      abort.abort(new DockerIpfsError('CANCELLED', 'The registry ends'))
      socket.destroy()
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse, open: Open): Promise<void> {
    const began = performance.now()
    const { signal } = open.abort
    const body = new RequestBody(request, open.standstill)
    const answered = await this.#answer(request, body, signal)
    let bytes = 0
    let error = answered.error
    try {
      for (const [name, value] of Object.entries(ALWAYS)) response.setHeader(name, value)
      await send(response, answered, {
        isHead: request.method === 'HEAD',
        signal,
        standstill: open.standstill,
        tell: (sent) => {
          bytes = sent
        },
        beforeEnd: async () => {
          if (body.isDone) return
          response.flushHeaders()
          await linger(body, request.socket)
        },
      })
    } catch (thrown) {
      error = messageOf(signal.aborted ? signal.reason : thrown)
      if (!signal.aborted) answered.broken?.(thrown)
      // Less than was promised has gone out, and the client must not wait for the rest.
      request.socket.destroy()
    }
    this.#options.onRequest?.({
      method: request.method ?? '',
      path: printable(request.url ?? ''),
      status: response.headersSent ? answered.status : 0,
      bytes,
      received: body.received,
      milliseconds: performance.now() - began,
      agent: printable(request.headers['user-agent'] ?? ''),
      ...(error === undefined ? {} : { error }),
      ...rootOf(answered),
    })
  }

  async #answer(request: IncomingMessage, body: RequestBody, signal: AbortSignal): Promise<Answer> {
    const [path = '', query = ''] = splitOnce(request.url ?? '', '?')
    const refused = this.#guard(request.headers, path)
    if (refused !== undefined) return refused
    const coding = request.headers['transfer-encoding']
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
      return refusal('UNSUPPORTED', 'A body comes as it is or in chunks', { status: 501 })
    }
    try {
      if (!(await this.#mayAsk(request.socket))) {
        return refusal('DENIED', 'This registry lets in its owner and root alone')
      }
      const exchange = exchangeOf(request, { query, body, signal })
      return (await answer(this.#served, path, exchange)) ?? (await this.#page(path, exchange))
    } catch (error) {
      return refusal('UNKNOWN', messageOf(error))
    }
  }

  async #page(path: string, { method, signal }: Exchange): Promise<Answer> {
    const page = method === 'GET' || method === 'HEAD' ? await this.#options.page?.(path, signal) : undefined
    if (page === undefined) return refusal('UNSUPPORTED', 'There is no such path', { status: 404 })
    return { status: 200, headers: { 'Content-Type': page.mediaType, ...page.headers }, body: page.bytes }
  }

  #mayAsk(socket: Socket): Promise<boolean> {
    const { mayAsk } = this.#options
    if (mayAsk === undefined) return Promise.resolve(true)
    const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket
    const known =
      this.#allowed.get(socket) ??
      Promise.resolve().then(() => mayAsk({ remoteAddress, remotePort, localAddress, localPort }))
    this.#allowed.set(socket, known)
    return known
  }

  #cut(after: number): void {
    const since = performance.now() - after
    for (const { standstill, socket } of this.#open) {
      if (standstill.since !== undefined && standstill.since <= since) socket.destroy()
    }
  }
}

/** Reads on for a while: a connection that is closed with bytes unread takes the answer back from a client that has not read it. */
async function linger(body: RequestBody, socket: Socket): Promise<void> {
  const limit = setTimeout(() => socket.destroy(), LINGER)
  await body.discard().catch(() => undefined)
  clearTimeout(limit)
}

function exchangeOf(
  { method = '', headers }: IncomingMessage,
  { query, body, signal }: { readonly query: string; readonly body: RequestBody; readonly signal: AbortSignal },
): Exchange {
  return {
    method,
    query: new URLSearchParams(query),
    client: clientOf(headers, method),
    signal,
    body,
    header: (name) => {
      const value = headers[name]
      return typeof value === 'string' ? value : undefined
    },
  }
}

function clientOf(headers: IncomingHttpHeaders, method: string): Client {
  const accepts = (headers.accept ?? '')
    .split(',')
    .map((range) => (range.split(';')[0] ?? '').trim().toLowerCase())
    .filter((range) => range !== '')
  return { agent: headers['user-agent'] ?? '', accepts, ...(method === 'HEAD' ? { onlyLooks: true } : {}) }
}

function splitOnce(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + mark.length)]
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?')
}

function rootOf({ headers = {} }: Answer): { readonly root?: string } {
  const root = headers[ROOT_HEADER]
  return root === undefined ? {} : { root }
}
