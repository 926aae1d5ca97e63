import { setTimeout as sleep } from 'node:timers/promises'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Node } from '../kubo/node.ts'
import type { Report } from './events.ts'
import type { Reading } from './image-source.ts'

/** A pin that is being made while the image is read. */
export interface Pinning {
  /** Waits for the pin; a node that cannot pin is worth a warning, since the image is loaded. */
  done(report: Report): Promise<void>
  /** Takes the pin back, unless it was there before. */
  undo(reason: unknown): Promise<void>
}

/** For what is read from files: there is nothing to pin. */
export const NO_PIN: Pinning = { done: async () => undefined, undo: async () => undefined }

const UNDO_MS = 10_000

/**
 * Pins the root beside reading it. Pinning asks the network for many blocks at once, where reading asks for one after the
 * other: it is what fetches ahead.
 */
export function pinBeside(root: CID, { node, signal, timeoutMs }: Reading & { readonly node: Node }): Pinning {
  const stop = new AbortController()
  let wasPinned: boolean | undefined
  const work = (async () => {
    wasPinned = await node.isPinned(root, signal)
    if (!wasPinned) await node.pin(root, PIN_NAME, AbortSignal.any([signal, stop.signal]))
  })()
  work.catch(() => undefined)
  return {
    async done(report) {
      // All blocks of the image are read by now; only the few of image.tar may be missing.
      const limit = setTimeout(
        () => stop.abort(new DockerIpfsError('CONTENT_NOT_FOUND', 'it took too long')),
        timeoutMs,
      )
      try {
        await work
      } catch (error) {
        if (signal.aborted) {
          if (wasPinned === false) await unpinSoon(root, node)
          throw signal.reason
        }
        report({ type: 'warning', text: `the image is loaded, but the node could not pin it: ${messageOf(error)}` })
      } finally {
        clearTimeout(limit)
      }
    },
    async undo(reason) {
      stop.abort(reason)
      await work.catch(() => undefined)
      if (wasPinned === false) await unpinSoon(root, node)
    },
  }
}

/** A request to pin that was broken off may still succeed a moment later: so this looks more than once. */
async function unpinSoon(root: CID, node: Node): Promise<void> {
  const limit = AbortSignal.timeout(UNDO_MS)
  try {
    for (let look = 0; look < LOOKS; look += 1) {
      if (look > 0) await sleep(LOOK_AGAIN_MS)
      if (await node.isPinned(root, limit)) await node.unpin(root, limit)
    }
  } catch {
    // The node is gone, or somebody else unpinned it: nothing is left to undo.
  }
}

const LOOKS = 4
const LOOK_AGAIN_MS = 150
const PIN_NAME = 'docker-ipfs'
