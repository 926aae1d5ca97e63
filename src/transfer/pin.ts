import { setTimeout as sleep } from 'node:timers/promises'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Node } from '../kubo/node.ts'
import type { Report } from './events.ts'
import type { Reading } from './image-source.ts'
import type { NodeFirst } from './node-first.ts'
import { ASK_AGAIN_AFTER, type Rounds } from './rounds.ts'

/** A pin that is being made while the image is read. */
export interface Pinning {
  /**
   * Waits for the pin, as long as blocks come. A node that cannot pin is worth a warning, since the image is loaded.
   * True when it is pinned.
   */
  done(report: Report): Promise<boolean>
  /** Takes the pin back. */
  undo(reason: unknown): Promise<void>
}

/** For an image that is pinned already, and one that is not to be: nothing is done, and nothing undone. */
export function noPin(isPinned: boolean): Pinning {
  return { done: async () => isPinned, undo: async () => undefined }
}

/** A reading from a node. */
interface FromNode extends Reading {
  readonly node: Node
  readonly source?: NodeFirst
  /** With what else is asked of the node. */
  readonly rounds: Rounds
}

const UNDO_MS = 10_000
/** How much earlier a pin begins than a reading. */
export const HEAD_START_MS = 250

/**
 * Pins the root, which is not pinned yet, beside reading it: it brings what nobody reads, such as the blocks of image.tar. The pin is some
 * way ahead when this returns, or done.
 */
export async function pinAhead(root: CID, { node, source, signal, timeoutMs, rounds }: FromNode): Promise<Pinning> {
  const stop = new AbortController()
  const stopped = AbortSignal.any([signal, stop.signal])
  let onProgress = () => {}
  const work = (async () => {
    for (;;) {
      const round = await rounds.follow(stopped)
      try {
        return await node.pin(root, PIN_NAME, AbortSignal.any([stopped, round]), () => onProgress())
      } catch (error) {
        if (stopped.aborted || !round.aborted) throw error
      }
    }
  })()
  // Where a reading and a pin ask for the same blocks from the first one on, the peer now and then does not answer (measured with Kubo 0.43,
  // for blocks that it had sent a moment before: 13 loads of 80 stood still; of those in which the pin was ahead, 1).
  await Promise.race([work.catch(() => undefined), sleep(HEAD_START_MS)])
  return {
    async done(report) {
      const giveUp = () => stop.abort(new DockerIpfsError('CONTENT_NOT_FOUND', 'no block came for too long'))
      // Where gateways had to be asked the node has looked long enough.
      const limit = setTimeout(giveUp, source?.asksGateways ? source.graceMs : timeoutMs)
      const again = setInterval(() => rounds.anew(), timeoutMs * ASK_AGAIN_AFTER)
      onProgress = () => {
        limit.refresh()
        again.refresh()
      }
      try {
        await work
        return true
      } catch (error) {
        if (signal.aborted) throw signal.reason
        await unpinSoon(root, node)
        report({ type: 'warning', text: `the image is loaded, but the node could not pin it: ${messageOf(error)}` })
        return false
      } finally {
        onProgress = () => {}
        clearTimeout(limit)
        clearInterval(again)
      }
    },
    async undo(reason) {
      stop.abort(reason)
      await work.catch(() => undefined)
      await unpinSoon(root, node)
    },
  }
}

/** A request to pin that was broken off may still succeed a moment later: so this looks more than once. */
async function unpinSoon(root: CID, node: Node): Promise<void> {
  const limit = AbortSignal.timeout(UNDO_MS)
  for (let looks = 0; looks < LOOKS && !limit.aborted; ) {
    if (looks > 0) await sleep(LOOK_AGAIN_MS)
    // The connection that is used again for this may be one that stands still: the next question gets another.
    const look = AbortSignal.any([limit, AbortSignal.timeout(LOOK_MS)])
    try {
      if (await node.isPinned(root, look)) await node.unpin(root, look)
      looks += 1
    } catch {
      // The node is gone, or somebody else unpinned it: nothing is left to undo.
      if (!look.aborted) return
    }
  }
}

const LOOKS = 4
const LOOK_AGAIN_MS = 150
/** Time for one look. */
const LOOK_MS = 1000
const PIN_NAME = 'docker-ipfs'
