import { DockerIpfsError } from '../../src/errors.ts'

/** What something is rejected with; undefined where it is not. */
export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** The error of ours that something is rejected with; fails where it is another, or none. */
export async function ourErrorOf(work: Promise<unknown>): Promise<DockerIpfsError> {
  const error = await errorOf(work)
  if (error instanceof DockerIpfsError) return error
  throw new Error(`no error of ours: ${error}`)
}
