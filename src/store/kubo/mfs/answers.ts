import { DockerIpfsError, hasCode } from '../../../errors.ts'
import { isDiskFull, statusOf } from '../rpc.ts'

/** What the system, or its own database, has against the node: of what it keeps nothing is known then, and nothing may be said to be missing. */
const FAULT =
  /read-only file system|input\/output error|permission denied|too many open files|cannot allocate|\bclosed$/i

/** True for what the node answered, and for a document that is too large. */
export function isAnswer(error: unknown): boolean {
  if (!(error instanceof Error) || FAULT.test(error.message) || isDiskFull(error)) return false
  if (error instanceof DockerIpfsError) return hasCode(error, 'INTEGRITY', 'NODE_FAILED')
  // Any other status is not from Kubo.
  const status = statusOf(error)
  return status === 500 || status === 400
}
