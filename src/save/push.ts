import { parseCid } from '../dag/cid.ts'
import { messageOf } from '../errors.ts'
import type { Routing } from '../store/routing.ts'
import { type SaveParts, type SaveResult, save } from './save.ts'

export interface PushOptions extends SaveParts {
  readonly routing: Pick<Routing, 'announce' | 'peers'>
  /** Time limit for announcing, milliseconds. */
  readonly announceTimeoutMs: number
}

export interface PushResult extends SaveResult {
  /** Why the root was not announced; undefined when it was. */
  readonly notAnnounced: string | undefined
  /** Peers that the node is connected to. */
  readonly peers: number
}

/**
 * Saves an image and makes it findable. An image that is saved but could not be announced is a result, not an error: peers
 * that are connected find it all the same.
 * @throws what `save` throws
 */
export async function push(image: string, options: PushOptions): Promise<PushResult> {
  const { routing, report, signal, announceTimeoutMs } = options
  const saved = await save(image, options)
  report({ type: 'step', text: `Announcing ${saved.root}` })
  const limit = AbortSignal.timeout(announceTimeoutMs)
  let notAnnounced: string | undefined
  try {
    await routing.announce(parseCid(saved.root), AbortSignal.any([signal, limit]))
  } catch (error) {
    if (signal.aborted) throw signal.reason
    notAnnounced = limit.aborted ? `it took longer than ${Math.round(announceTimeoutMs / 1000)} s` : messageOf(error)
  }
  return { ...saved, notAnnounced, peers: await routing.peers(signal) }
}
