import { setTimeout as sleep } from 'node:timers/promises'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { ProgressEvent, Report } from '../events.ts'
import type { LayerFetch } from '../read/fetch.ts'
import type { Seeker } from '../read/seek.ts'
import type { Pins } from '../store/pins.ts'

/** A pin that is being made while the image is read. */
export interface PendingPin {
  /**
   * Waits for the pin, as long as blocks come. A node that cannot pin is worth a warning, since the image is loaded.
   * True when it is pinned.
   */
  done(report: Report): Promise<boolean>
  /** Takes the pin back. */
  undo(reason: unknown): Promise<void>
}

/** For an image that is pinned already, and one that is not to be: nothing is done, and nothing undone. */
export function noPin(isPinned: boolean): PendingPin {
  return { done: async () => isPinned, undo: async () => undefined }
}

/** What to tell of an image that is loaded, and not pinned. */
export function couldNotPin(error: unknown): ProgressEvent {
  return { type: 'warning', text: `the image is loaded, but the node could not pin it: ${messageOf(error)}` }
}

export interface PinOptions {
  readonly pins: Pick<Pins, 'pin' | 'isPinned' | 'unpin'>
  readonly signal: AbortSignal
  /** For how long a pin that is waited for may bring nothing, in milliseconds. */
  readonly patienceMs: () => number
  readonly seeker: Pick<Seeker, 'during'>
  /** What gets the layers that are read; without it the pin begins when it is waited for. */
  readonly fetch: Pick<LayerFetch, 'arrived' | 'rest'> | undefined
}

const UNDO_MS = 10_000

/**
 * Pins the root, which is not pinned yet, once the layers that are read are there, or when it is waited for: pin and reading would ask for the
 * same blocks, and a pin asks for no more than 32 at once. It brings what nobody reads, such as the blocks of image.tar.
 */
export function pinAfter(root: CID, { pins, signal, patienceMs, seeker, fetch }: PinOptions): PendingPin {
  const stop = new AbortController()
  const stopped = AbortSignal.any([signal, stop.signal])
  const waitedFor = Promise.withResolvers<void>()
  let hasAsked = false
  let onProgress = () => {}
  const work = (async () => {
    await Promise.race([waitedFor.promise, ...(fetch === undefined ? [] : [fetch.arrived])])
    stopped.throwIfAborted()
    await fetch?.rest(stopped, () => onProgress())
    hasAsked = true
    await seeker.during(
      (heard) => pins.pin(root, PIN_NAME, stopped, heard),
      () => onProgress(),
    )
  })()
  work.catch(() => undefined)
  return {
    async done(report) {
      const giveUp = () => stop.abort(new DockerIpfsError('CONTENT_NOT_FOUND', 'no block came for too long'))
      const limit = setTimeout(giveUp, patienceMs())
      onProgress = () => limit.refresh()
      waitedFor.resolve()
      try {
        await work
        return true
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (hasAsked) await unpinSoon(root, pins)
        report(couldNotPin(error))
        return false
      } finally {
        onProgress = () => {}
        clearTimeout(limit)
      }
    },
    async undo(reason) {
      stop.abort(reason)
      waitedFor.resolve()
      await work.catch(() => undefined)
      if (hasAsked) await unpinSoon(root, pins)
    },
  }
}

/** A request to pin that was broken off may still succeed a moment later: so this looks more than once. */
async function unpinSoon(root: CID, pins: PinOptions['pins']): Promise<void> {
  const limit = AbortSignal.timeout(UNDO_MS)
  for (let looks = 0; looks < LOOKS && !limit.aborted; ) {
    if (looks > 0) await sleep(LOOK_AGAIN_MS)
    // The connection that is used again for this may be one that stands still: the next question gets another.
    const look = AbortSignal.any([limit, AbortSignal.timeout(LOOK_MS)])
    try {
      if (await pins.isPinned(root, look)) await pins.unpin(root, look)
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
export const PIN_NAME = 'docker-ipfs'
