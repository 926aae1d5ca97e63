import { create, type KuboRPCClient } from 'kubo-rpc-client'
import type { Endpoint } from './endpoint.ts'

/** Base URL of all calls of the RPC API. */
export function apiOf(endpoint: Endpoint): string {
  return `${endpoint.url}/api/v0`
}

/** The options of `fetch` that make every call to this node go the same way. */
export function connectionOf({ url, socket, authorization, ca }: Endpoint) {
  const isHere = /^https?:\/\/(127\.|\[::1\]|localhost[:/]?)/.test(url)
  return {
    // Who answers could send the blocks, and the secret, anywhere.
    redirect: 'error' as const,
    headers: authorization === undefined ? {} : { authorization },
    ...(socket === undefined ? {} : { unix: socket }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    // HTTP_PROXY is not meant for this machine; docker and ipfs leave it out too.
    ...(isHere ? { proxy: false as const } : {}),
  }
}

/** By the start of their URLs: the nodes that kubo-rpc-client calls. */
const called = new Map<string, Endpoint>()

/** A kubo-rpc-client whose calls go the way of `connectionOf`. */
export function createClient(endpoint: Endpoint): KuboRPCClient {
  if (called.size === 0) interceptFetch()
  called.set(`${apiOf(endpoint)}/`, endpoint)
  return create({ url: apiOf(endpoint) })
}

/** kubo-rpc-client lets nobody say how it connects; it calls the global `fetch`, with a text for the URL. */
function interceptFetch(): void {
  const original = globalThis.fetch
  const intercepted = (input: string | URL | Request, init?: BunFetchRequestInit) => {
    const [, endpoint] = [...called].find(([start]) => typeof input === 'string' && input.startsWith(start)) ?? []
    if (endpoint === undefined) return original(input, init)
    const { headers, ...connection } = connectionOf(endpoint)
    const all = new Headers(init?.headers)
    for (const [name, value] of Object.entries(headers)) all.set(name, value)
    return original(input, { ...init, ...connection, headers: all })
  }
  globalThis.fetch = Object.assign(intercepted, { preconnect: original.preconnect })
}
