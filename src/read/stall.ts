import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import type { Bytes } from '../streams.ts'

/** For how long something is read. */
export interface ReadLimits {
  readonly signal: AbortSignal
  /** Give up when no byte has come for so many milliseconds. */
  readonly timeoutMs: number
}

/** Aborts with CONTENT_NOT_FOUND when no byte comes for too long. */
export async function* withoutStall(source: Bytes, root: CID, timeoutMs: number, stop: AbortController): Bytes {
  const iterator = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      const timer = setTimeout(() => stop.abort(notFound(root, timeoutMs)), timeoutMs)
      const next = await iterator.next().finally(() => clearTimeout(timer))
      if (next.done) return
      yield next.value
    }
  } finally {
    // Nobody waits for it: what never comes would not end either.
    iterator.return?.().catch(() => undefined)
  }
}

/** What is told where nobody gives an image, or a part of it, in time. */
export function notFound(root: CID, timeoutMs: number): DockerIpfsError {
  return new DockerIpfsError('CONTENT_NOT_FOUND', `no node gave ${root} within ${Math.round(timeoutMs / 1000)} s`, {
    hint: 'Check the CID, and that a node which has it is running and reachable; --timeout waits longer.',
  })
}
