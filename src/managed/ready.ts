import { setTimeout as sleep } from 'node:timers/promises'
import type { Access } from '../store/kubo/access.ts'
import type { Endpoint } from '../store/kubo/endpoint.ts'
import { askIdentity, type Identity } from '../store/kubo/version.ts'
import { inTime } from '../time.ts'

/** How the address of the managed node came to be known, in messages. */
const SOURCE = 'the managed node'

/** Time for one answer, in milliseconds: whoever takes longer is there, but busy. */
const ANSWER_MS = 3000
const POLL_MS = 50

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

/** Asks again and again until there is an answer; undefined when time is up. */
export async function until<T>(
  ask: () => Promise<T | undefined>,
  limitMs: number,
  signal: AbortSignal,
): Promise<T | undefined> {
  for (const end = Date.now() + limitMs; ; await sleep(POLL_MS, undefined, { signal })) {
    const answer = await ask()
    if (answer !== undefined || Date.now() > end) return answer
  }
}
