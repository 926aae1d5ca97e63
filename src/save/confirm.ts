import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import type { DagNode } from '../format/files.ts'
import type { ImportSession } from '../store/blocks.ts'
import type { Pins } from '../store/pins.ts'
import { deferred } from '../streams.ts'
import type { Known } from './known.ts'

/** What is asked of the request that brought the blocks. */
type Finishing = Pick<ImportSession, 'skipped' | 'finish'>

interface ConfirmOptions {
  readonly blocks: { openImport(signal: AbortSignal): Finishing }
  readonly pins: Pick<Pins, 'pinBeside'>
  readonly signal: AbortSignal
}

/**
 * Lets the node pin the roots, and so say that all of them is there. A single one that has an earlier version, which is pinned, is pinned
 * beside it: of that the node walks only what differs.
 * @throws CATALOGUE_STALE when the node lacks a block that was left out because the catalogue promised it; NODE_*
 */
export async function confirm(
  roots: readonly DagNode[],
  known: Known,
  session: Finishing,
  { blocks, pins, signal }: ConfirmOptions,
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
    await inTime(bytes, signal, (limited) => pinBeside(root, version, { blocks, pins, signal: limited }))
  } else {
    await inTime(bytes, signal, () => session.finish(...cids))
  }
}

async function pinBeside(root: CID, version: CID, { blocks, pins, signal }: ConfirmOptions): Promise<void> {
  if (await pins.pinBeside(root, version, signal)) return
  await blocks.openImport(signal).finish(root)
}

/** A pin waits for ever for a block that is lost: after the time that a slow disk needs, what was promised counts as broken. */
async function inTime(
  bytes: number,
  signal: AbortSignal,
  pin: (limited: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const stale = new DockerIpfsError('CATALOGUE_STALE', 'the node lacks blocks that it should have')
  const limit = new AbortController()
  const over = deferred<never>()
  const timer = setTimeout(
    () => {
      limit.abort(stale)
      over.reject(stale)
    },
    CONFIRM_MS + bytes / SLOWEST_WALK,
  )
  try {
    await Promise.race([pin(AbortSignal.any([signal, limit.signal])), over.promise])
  } finally {
    clearTimeout(timer)
  }
}

const CONFIRM_MS = 20_000
/** Bytes a millisecond. */
const SLOWEST_WALK = 10_000
