import { DockerIpfsError, messageOf } from '../../errors.ts'
import { isOfPlace } from '../../store/places.ts'
import { within } from '../../time.ts'
import type { Remote, Remotes } from './remotes.ts'

/** Time for an answer, in milliseconds. */
const CHECK_MS = 10_000

/** What a remote says that it is, or what is wrong with it. */
export type Checked =
  | { readonly name: string; readonly is: string; readonly fault?: undefined }
  | { readonly name: string; readonly is?: undefined; readonly fault: string }

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
    if (signal.aborted || !isOfPlace(error)) throw error
    return { name, fault: messageOf(error) }
  }
}
