import type { Endpoint } from '../../src/store/kubo/endpoint.ts'

type Say = (query: URLSearchParams, signal: AbortSignal) => Response | Promise<Response>

/** A node that says to each call of its RPC API, by name, what a test wants; to all others, that there is no such call. */
export class AnsweringNode {
  readonly says: Record<string, Say> = {}
  /** Names and queries of the calls that came. */
  asked: string[] = []
  readonly #server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => {
      const { pathname, search, searchParams } = new URL(request.url)
      const name = pathname.replace('/api/v0/', '')
      this.asked.push(name + search)
      return this.says[name]?.(searchParams, request.signal) ?? new Response('404 page not found\n', { status: 404 })
    },
  })

  get endpoint(): Endpoint {
    return { url: `http://127.0.0.1:${this.#server.port}`, source: '--api' }
  }

  /** Says nothing any more, and has heard nothing. */
  reset(): void {
    for (const name of Object.keys(this.says)) delete this.says[name]
    this.asked = []
  }

  async close(): Promise<void> {
    await this.#server.stop(true)
  }
}

/** An error, as Kubo answers it. */
export function kuboError(message: string): Response {
  return Response.json({ Message: message, Code: 0, Type: 'error' }, { status: 500 })
}

/** One JSON object a line. */
export function lines(...values: unknown[]): Response {
  return new Response(values.map((value) => `${JSON.stringify(value)}\n`).join(''))
}
