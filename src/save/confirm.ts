import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import type { DagNode } from '../format/files.ts'
import type { BlockStore, ImportSession } from '../store/blocks.ts'
import type { Pins } from '../store/pins.ts'
import { within } from '../time.ts'
import type { Known } from './known.ts'

export interface ConfirmOptions {
  readonly blocks: Pick<BlockStore, 'openImport'>
  readonly pins: Pick<Pins, 'pinBeside'>
  readonly signal: AbortSignal
  /** Time for the pin beside that for its bytes, in milliseconds. */
  readonly confirmMs?: number
}

/**
 * Lets the node pin the roots, and so say that all of them is there. A single one that has an earlier version, which is pinned, is pinned
 * beside it: of that the node walks only what differs.
 * @throws CATALOGUE_STALE when the node lacks a block that was left out because the catalogue promised it; NODE_*
 */
export async function confirm(
  roots: readonly DagNode[],
  known: Known,
  session: ImportSession,
  options: ConfirmOptions,
): Promise<void> {
  const cids = roots.map(({ cid }) => cid)
  if (!known.wasUsed && session.skipped === 0) {
    await session.finish(...cids)
    return
  }
  const bytes = roots.reduce((sum, { dagSize }) => sum + dagSize, 0)
  const [root] = cids
  const version = cids.length === 1 ? await known.pinnedVersion : undefined
  if (root !== undefined && version !== undefined) {
    // Nothing pinned from here to there: what GC takes of it meanwhile is missed by the pin.
    await session.finish()
    await beforeStale(bytes, options, (limited) => pinBeside(root, version, { ...options, signal: limited }))
  } else {
    await beforeStale(bytes, options, () => session.finish(...cids))
  }
}

async function pinBeside(root: CID, version: CID, { blocks, pins, signal }: ConfirmOptions): Promise<void> {
  if (await pins.pinBeside(root, version, signal)) return
  await blocks.openImport(signal).finish(root)
}

/** A pin waits for ever for a block that is lost: after the time that a slow disk needs, what was promised counts as broken. */
async function beforeStale(
  bytes: number,
  { signal, confirmMs = CONFIRM_MS }: ConfirmOptions,
  pin: (limited: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const ms = Math.ceil(confirmMs + bytes / SLOWEST_WALK)
  // An import hears of its own signal only, and then the limit is its end too.
  const ask = (limited: AbortSignal) => Promise.race([pin(limited), rejectedBy(limited)])
  const stale = () => new DockerIpfsError('CATALOGUE_STALE', 'the node lacks blocks that it should have')
  await within(ms, signal, ask, stale)
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

const CONFIRM_MS = 20_000
/** Bytes a millisecond. */
const SLOWEST_WALK = 10_000
