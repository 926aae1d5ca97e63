import { setTimeout as sleep } from 'node:timers/promises'
import type { CID } from '../dag/cid.ts'
import type { Traffic } from '../store/traffic.ts'
import { notFound, type ReadLimits } from './stall.ts'

/** Silence after which a node is asked anew, at first, in milliseconds; it doubles each time that nothing of the answer came. */
const QUIET_MS = 5000
/** As a part of the time limit, the most. */
const MOST_QUIET = 1 / 3
/** Time in which a node, and its peers, forget what is not asked for any more, in milliseconds. */
const PAUSE_MS = 300
/** How often the node is asked whether it gets anything, in milliseconds; of a short silence, that part. */
const LOOK_MS = 500
const LOOKS_IN_QUIET = 4
/** Bytes that are more than the questions of others, which come all the time. */
const NOT_NOISE = 1024
/**
 * What the node gets may be for others: without an answer it is believed so many times as long as nothing at all. But the first block of
 * those that were asked for at once may be the last to come: of 1024 blocks, after 64 MiB.
 */
const BELIEVED = 20

export interface PersistOptions extends ReadLimits {
  readonly traffic: Pick<Traffic, 'bytesReceived'>
  /** What the image is called when nobody has it. */
  readonly root: CID
  /** Hears when anything comes. */
  readonly onProgress?: (() => void) | undefined
}

/**
 * Puts a question to a node whose answer comes from others, and puts it anew when nothing comes for too long. Whether anything comes is
 * seen by the node's counter of bytes too: blocks come in any order, and an answer in theirs may stand still behind one of them, over
 * a slow way for a minute. To ask anew meanwhile would bring what is on its way twice.
 * @param ask says when something of the answer came, and whether it is new
 * @throws CONTENT_NOT_FOUND when nothing comes within the time limit; what `ask` throws; the signal's reason
 */
export async function persist(
  { traffic, root, signal, timeoutMs, onProgress }: PersistOptions,
  ask: (round: AbortSignal, heard: (isNew: boolean) => void) => Promise<void>,
): Promise<void> {
  const longest = timeoutMs * MOST_QUIET
  let quietMs = Math.min(QUIET_MS, longest)
  const sinceNews = new Silence()
  const bytes = counter(traffic, signal)
  for (;;) {
    const round = new AbortController()
    const sinceHeard = new Silence()
    let hasNews = false
    const heard = (isNew: boolean) => {
      sinceHeard.answer()
      if (!isNew) return
      sinceNews.answer()
      hasNews = true
      onProgress?.()
    }
    const look = async () => {
      if (await bytes.hasGrown()) {
        for (const silence of [sinceHeard, sinceNews]) silence.bytes()
        onProgress?.()
      }
      if (sinceHeard.ms >= quietMs || sinceNews.ms >= timeoutMs) round.abort()
    }
    const looking = setInterval(look, Math.min(LOOK_MS, quietMs / LOOKS_IN_QUIET))
    try {
      await ask(AbortSignal.any([signal, round.signal]), heard)
      return
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (!round.signal.aborted) throw error
      if (sinceNews.ms >= timeoutMs) throw notFound(root, timeoutMs)
    } finally {
      clearInterval(looking)
    }
    if (!hasNews) quietMs = Math.min(2 * quietMs, longest)
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** For how long nothing came. */
class Silence {
  #answerAt = performance.now()
  #bytesAt = this.#answerAt

  answer(): void {
    this.#answerAt = this.#bytesAt = performance.now()
  }

  bytes(): void {
    this.#bytesAt = performance.now()
  }

  get ms(): number {
    const now = performance.now()
    return Math.max(now - this.#bytesAt, (now - this.#answerAt) / BELIEVED)
  }
}

/** The node's counter of bytes that come. One that does not answer gets nothing, as far as anybody knows. */
function counter(traffic: PersistOptions['traffic'], signal: AbortSignal): { hasGrown(): Promise<boolean> } {
  let last: number | undefined
  let isAsked = false
  return {
    async hasGrown() {
      if (isAsked) return false
      isAsked = true
      const now = await traffic.bytesReceived(signal).catch(() => undefined)
      isAsked = false
      if (now === undefined) return false
      last ??= now
      if (now < last + NOT_NOISE) return false
      last = now
      return true
    },
  }
}
