import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 50

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
