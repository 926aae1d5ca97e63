import { DockerIpfsError } from '../errors.ts'
import type { Endpoint } from './endpoint.ts'

/** What to do for a node to announce what is pushed: it comes behind a colon. */
export function toAnnounce({ isManaged = false }: Pick<Endpoint, 'isManaged'>): string {
  return isManaged ? 'docker ipfs node start --announce' : 'ipfs config --json Provide.Enabled true, and restart it'
}

/** An error of announcing, with what to do about it in its one line: it becomes part of a warning. */
export function announceError(error: unknown, endpoint: Pick<Endpoint, 'isManaged'>): unknown {
  if (!(error instanceof DockerIpfsError && /Provide\.Enabled is false/.test(error.message))) return error
  const text = `Provide.Enabled is false (to change that: ${toAnnounce(endpoint)})`
  return new DockerIpfsError('NODE_FAILED', text, { cause: error })
}
