import type { Access } from '../store/kubo/access.ts'
import type { Endpoint } from '../store/kubo/endpoint.ts'
import { askIdentity, type Identity } from '../store/kubo/version.ts'
import { inTime } from '../time.ts'

/** How the address of the managed node came to be known, in messages. */
const SOURCE = 'the managed node'

/** Time for one answer, in milliseconds: whoever takes longer is there, but busy. */
const ANSWER_MS = 3000

/** @param api base URL */
export function endpointOf(api: string, access: Access = {}): Endpoint {
  return { ...access, url: api, source: SOURCE, isManaged: true }
}

/** Who a node is, or that it does not let us in; undefined where no node answers. */
export async function identityOf(endpoint: Endpoint, signal: AbortSignal): Promise<Identity | undefined> {
  try {
    return await inTime(ANSWER_MS, signal, (limited) => askIdentity(endpoint, limited))
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
