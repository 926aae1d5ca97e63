import type { IncomingMessage } from 'node:http'
import type { Bytes } from '../streams.ts'
import type { Client } from './registry.ts'

/** A request, as the routes see it. */
export interface Exchange {
  readonly method: string
  readonly query: URLSearchParams
  readonly client: Client
  /** Aborted when the client is gone, or the server ends. */
  readonly signal: AbortSignal
  readonly body: RequestBody
  /** A header that is there once; undefined where it is not. */
  header(name: string): string | undefined
}

/** Since when a client is waited for, whichever way the bytes go. What we wait for behind the port does not count. */
export class Standstill {
  /** By `performance.now()`; undefined while nobody waits for the client. */
  since: number | undefined

  async during<T>(wait: () => Promise<T>): Promise<T> {
    this.since = performance.now()
    try {
      return await wait()
    } finally {
      this.since = undefined
    }
  }
}

/** What a client sends, once. */
export class RequestBody {
  readonly #request: IncomingMessage
  readonly #iterator: AsyncIterator<Uint8Array>
  readonly #standstill: Standstill
  /** Bytes that were read so far. */
  received = 0

  constructor(request: IncomingMessage, standstill: Standstill) {
    this.#request = request
    this.#standstill = standstill
    this.#iterator = request[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  }

  /** As the header says it; undefined where it is not known before. */
  get length(): number | undefined {
    const { headers } = this.#request
    if (headers['transfer-encoding'] !== undefined) return undefined
    return Number(headers['content-length'] ?? 0)
  }

  /** Whether all of it has come. */
  get isDone(): boolean {
    return this.#request.complete || this.length === 0
  }

  /** Its bytes. Who stops in the middle does not break the connection: there is still an answer to be sent over it. */
  async *bytes(): Bytes {
    for (;;) {
      const next = await this.#standstill.during(() => this.#iterator.next())
      if (next.done) break
      this.received += next.value.length
      yield next.value
    }
  }

  /** Reads what is left, and throws it away: a client may send all of it before it reads the answer. */
  async discard(): Promise<void> {
    for await (const _ of this.bytes());
  }
}
