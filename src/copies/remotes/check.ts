import { DockerIpfsError, hasCode, messageOf } from '../../errors.ts'
import { within } from '../../time.ts'
import type { Remote, Remotes } from './remotes.ts'

/** Time for an answer, in milliseconds. */
const CHECK_MS = 10_000

/** What a remote says that it is, or what is wrong with it. */
export type Checked =
  | { readonly name: string; readonly is: string; readonly fault?: undefined }
  | { readonly name: string; readonly is?: undefined; readonly fault: string }

/** What may be wrong with a place: that is an answer, too. */
const OF_PLACES = [
  'PLACE_FAILED',
  'PLACE_UNREACHABLE',
  'NODE_FAILED',
  'NODE_UNREACHABLE',
  'NODE_DENIED',
  'BAD_FLAG',
  'FILE_FAILED',
] as const

/** Asks all remotes at once whether they are there, and let us in. */
export async function checkRemotes(all: readonly Remote[], remotes: Remotes, signal: AbortSignal): Promise<Checked[]> {
  return Promise.all(all.map((remote) => checkOne(remote, remotes, signal)))
}

async function checkOne(remote: Remote, remotes: Remotes, signal: AbortSignal): Promise<Checked> {
  const { name, url } = remote
  const late = () => new DockerIpfsError('PLACE_UNREACHABLE', `${name} at ${url} does not answer`)
  try {
    return {
      name,
      is: await within(CHECK_MS, signal, async (limited) => (await remotes.open(remote)).check(limited), late),
    }
  } catch (error) {
    if (signal.aborted || !hasCode(error, ...OF_PLACES)) throw error
    return { name, fault: messageOf(error) }
  }
}
