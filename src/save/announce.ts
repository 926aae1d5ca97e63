import { parseCid } from '../dag/cid.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import { ifAllowed } from '../store/allowed.ts'
import type { Routing } from '../store/routing.ts'
import { within } from '../time.ts'

export interface AnnounceOptions {
  readonly routing: Pick<Routing, 'announce' | 'peers'>
  readonly report: Report
  readonly signal: AbortSignal
  /** Time limit for announcing, milliseconds. */
  readonly announceTimeoutMs: number
}

export interface Announced {
  /** Why the root was not announced; undefined when it was. */
  readonly notAnnounced: string | undefined
  /** Peers that the node is connected to; undefined where it does not tell. */
  readonly peers: number | undefined
}

/**
 * Makes a saved image findable: what a push does behind a save. An image that could not be announced is a result, not an error: peers
 * that are connected find it all the same.
 * @param root CID of an image on the node
 * @throws NODE_UNREACHABLE
 */
export async function announce(root: string, options: AnnounceOptions): Promise<Announced> {
  const { routing, report, signal, announceTimeoutMs } = options
  report({ type: 'step', text: `Announcing ${root}` })
  const late = () => new Error(`it took longer than ${Math.round(announceTimeoutMs / 1000)} s`)
  let notAnnounced: string | undefined
  try {
    await within(announceTimeoutMs, signal, (limited) => routing.announce(parseCid(root), limited), late)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    notAnnounced = messageOf(error)
  }
  return { notAnnounced, peers: await ifAllowed(routing.peers(signal)) }
}

/** What a push ends with of which all is saved, and not all was announced: scripts see it by the exit code. */
export function notAnnounced(roots: readonly string[]): DockerIpfsError {
  const what = roots.length === 1 ? roots[0] : `${roots.length} images`
  return new DockerIpfsError('NOT_ANNOUNCED', `${what} ${roots.length === 1 ? 'is' : 'are'} saved, but not announced`, {
    hint: 'Nodes that are connected to this one find it all the same; "docker ipfs doctor" says what is in the way.',
  })
}
