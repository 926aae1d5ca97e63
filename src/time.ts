/**
 * Asks with a time limit: `ask` is given a signal that is aborted with `signal`, and when the time is up.
 * @param ms milliseconds
 * @throws what `onLate` makes of the error when the time was up first; else what `ask` throws
 */
export async function within<T>(
  ms: number,
  signal: AbortSignal,
  ask: (limited: AbortSignal) => Promise<T>,
  onLate: (cause: unknown) => unknown = (cause) => cause,
): Promise<T> {
  const limit = AbortSignal.timeout(ms)
  try {
    return await ask(AbortSignal.any([signal, limit]))
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error
    throw onLate(error)
  }
}

/**
 * The same, where what does not come in time is not known: undefined.
 * @param ms milliseconds
 * @throws what `ask` throws before
 */
export async function inTime<T>(
  ms: number,
  signal: AbortSignal,
  ask: (limited: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await within(ms, signal, ask, () => LATE)
  } catch (error) {
    if (error === LATE) return undefined
    throw error
  }
}

const LATE = Symbol('late')
