import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from '../store/kubo/endpoint.ts'
import { askObject } from '../store/kubo/rpc.ts'
import { inTime } from '../time.ts'

/** How the address of the managed node came to be known, in messages. */
const SOURCE = 'the managed node'

/** Time for one answer, in milliseconds: whoever takes longer is there, but busy. */
const ANSWER_MS = 3000
const POLL_MS = 50

/** @param api base URL */
export function endpointOf(api: string): Endpoint {
  return { url: api, source: SOURCE, isManaged: true }
}

/** The node's peer ID; undefined where no node answers. */
export async function peerIdOf(endpoint: Endpoint, signal: AbortSignal): Promise<string | undefined> {
  try {
    const id = (await inTime(ANSWER_MS, signal, (limited) => askObject(endpoint, 'id', limited)))?.['ID']
    if (id !== undefined) return String(id)
  } catch {
    signal.throwIfAborted()
  }
  return undefined
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
