/** What a node of tests is, as far as a managed node is asked. */
export interface RpcNode {
  readonly id: string
  readonly version?: string
  /** Bytes; a node that has none does not know the call. */
  readonly storage?: { readonly used: number; readonly limit: number }
  /** Only who has it is let in: `basic:USER:PASSWORD`, as API.Authorizations has it. */
  readonly secret?: string | undefined
  /** The status that it answers to all, e.g. 403 for one that lets nobody in. */
  readonly refuses?: number
  /** It takes calls, and answers none. */
  readonly isBusy?: boolean
}

/** A port of 127.0.0.1 where a few calls of the RPC API are answered, in the words of Kubo 0.43. */
export interface RpcServer {
  readonly url: string
  readonly port: number
  /** The calls that came, e.g. `id`. */
  readonly asked: readonly string[]
  close(): void
}

/**
 * @param port 0 for any
 * @throws EADDRINUSE
 */
export function serveRpc(node: RpcNode, port = 0): RpcServer {
  const asked: string[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port,
    fetch: (request) => {
      const { pathname } = new URL(request.url)
      const call = pathname.replace('/api/v0/', '')
      asked.push(call)
      if (node.isBusy) return new Promise<Response>(() => undefined)
      if (node.secret !== undefined && request.headers.get('authorization') !== headerOf(node.secret)) {
        return new Response('Kubo RPC Access Denied: Please provide a valid authorization token\n', { status: 403 })
      }
      return request.method === 'POST' ? answerOf(node, call) : new Response('', { status: 405 })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port ?? 0,
    asked,
    close: () => void server.stop(true),
  }
}

export function headerOf(secret: string): string {
  return `Basic ${Buffer.from(secret.replace(/^basic:/, '')).toString('base64')}`
}

function answerOf({ id, version = '0.43.0', storage, refuses }: RpcNode, call: string): Response {
  if (refuses !== undefined) return new Response('Forbidden\n', { status: refuses })
  if (call === 'id') return Response.json({ ID: id, PublicKey: '', Addresses: null, AgentVersion: `kubo/${version}` })
  if (call === 'version') return Response.json({ Version: version, Commit: '', Repo: '18', System: 'amd64/linux' })
  if (call === 'repo/stat' && storage !== undefined) {
    return Response.json({
      RepoSize: storage.used,
      StorageMax: storage.limit,
      NumObjects: 0,
      RepoPath: '',
      Version: '',
    })
  }
  return new Response('404 page not found\n', { status: 404 })
}

/** A peer ID of nobody, of the form that Kubo's have; each call gives another. */
export function newPeerId(): string {
  return `12D3KooW${crypto.randomUUID().replaceAll('-', '')}`
}
