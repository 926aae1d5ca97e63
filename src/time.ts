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

/**
 * Does something that may take as long as it likes, as long as anything moves.
 * @param ms milliseconds
 * @param onLate makes the error for when nothing moved for so long
 */
export async function whileMoving<T>(
  ms: number,
  signal: AbortSignal,
  onLate: () => unknown,
  work: (limited: AbortSignal, moved: () => void) => Promise<T>,
): Promise<T> {
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(onLate()), ms)
  try {
    return await work(AbortSignal.any([signal, stop.signal]), () => void timer.refresh())
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw stop.signal.aborted ? stop.signal.reason : error
  } finally {
    clearTimeout(timer)
  }
}

/**
 * A signal that is aborted with `signal`, but that much later: for what must not be left half done.
 * @param ms milliseconds
 */
export function outlasting(signal: AbortSignal, ms: number): AbortSignal {
  const late = new AbortController()
  // The process need not wait for it when all is done.
  const follow = () => setTimeout(() => late.abort(signal.reason), ms).unref()
  if (signal.aborted) follow()
  else signal.addEventListener('abort', follow, { once: true })
  return late.signal
}
