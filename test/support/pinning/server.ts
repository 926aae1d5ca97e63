/** What came to a server of a test. */
export interface Asked {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly authorization: string | undefined
  readonly body: string
}

export interface PinningServer {
  readonly url: string
  readonly asked: Asked[]
  close(): void
}

/** A port of 127.0.0.1 where each request is answered as a test says. */
export function servePinning(answer: (asked: Asked) => Response | Promise<Response>): PinningServer {
  const asked: Asked[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      const one = {
        method: request.method,
        path: `${pathname}${search}`,
        authorization: request.headers.get('authorization') ?? undefined,
        body: Buffer.from(await request.arrayBuffer()).toString('latin1'),
      }
      asked.push(one)
      return answer(one)
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, asked, close: () => void server.stop(true) }
}

/** What IPFS Cluster 1.1.6 answers to `/id`, as far as it is looked at. */
export const CLUSTER_ID = {
  id: '12D3KooWBhHvvgXZ4mRSnJhSdXyH2oG6wZbYB8NVWqRZcoYv7wmd',
  version: '1.1.6',
  peername: 'one',
  error: '',
  ipfs: { id: '12D3KooWQqYxQNLtNJ6yZ7YzpQ2y6nF7KkP8hGm1yCv3s9gkq3xZ', addresses: [], error: '' },
}
