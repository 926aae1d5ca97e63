import { isLoopback } from '../loopback.ts'
import type { Endpoint } from './endpoint.ts'

/** Base URL of all calls of the RPC API. */
export function apiOf(endpoint: Endpoint): string {
  return `${endpoint.url}/api/v0`
}

/** The address without any secret. */
export function shown({ url, socket }: Endpoint): string {
  return socket === undefined ? url : `unix://${socket}`
}

/** The options of `fetch` that make every call to this node go the same way. */
export function connectionOf({ url, socket, authorization, ca }: Endpoint) {
  return {
    // Who answers could send the blocks, and the secret, anywhere.
    redirect: 'error' as const,
    headers: authorization === undefined ? {} : { authorization },
    ...(socket === undefined ? {} : { unix: socket }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    // HTTP_PROXY is not meant for this machine; docker and ipfs leave it out too.
    ...(isLoopback(url) ? { proxy: false as const } : {}),
  }
}
