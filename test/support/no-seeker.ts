import { Seeker } from '../../src/read/seek.ts'

/** For what is read where nobody else could be found. */
export const NO_SEEKER = new Seeker([], {
  routing: { meet: async () => undefined },
  signal: new AbortController().signal,
  timeoutMs: 60_000,
})
