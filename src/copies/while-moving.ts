import { DockerIpfsError } from '../errors.ts'

/**
 * Does something that may take as long as it likes, as long as anything moves.
 * @param ms milliseconds
 * @param name of the place, for the error
 * @throws PLACE_FAILED when nothing moved for too long; what `work` throws
 */
export async function whileMoving<T>(
  ms: number,
  name: string,
  signal: AbortSignal,
  work: (limited: AbortSignal, moved: () => void) => Promise<T>,
): Promise<T> {
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(stoodStill(name, ms)), ms)
  try {
    return await work(AbortSignal.any([signal, stop.signal]), () => void timer.refresh())
  } finally {
    clearTimeout(timer)
  }
}

function stoodStill(name: string, ms: number): DockerIpfsError {
  const seconds = Math.round(ms / 1000)
  return new DockerIpfsError('PLACE_FAILED', `nothing has moved at ${name} for ${seconds} s`, {
    hint: '--timeout waits longer. What is there already is not sent again.',
  })
}
