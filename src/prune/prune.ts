// The room of tidying up: what nothing names any more goes, on the node, on the engine and in a folder.
// old-names.ts says which names of the catalogue are old; leftovers.ts knows what a load that was killed leaves on an engine, and
// temp files are store/car's. The node's own garbage collection does the rest. Nothing here touches what somebody gave a name to,
// but for names that the user calls old.

import type { Originals } from '../catalogue/originals.ts'
import { findUnnamed, removeUnnamed, type Unnamed, UPLOAD_MS } from '../catalogue/unnamed.ts'
import type { Engine } from '../engine/engine.ts'
import { hasCode, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import { type RemoveOptions, remove } from '../names/remove.ts'
import { type LeftTemp, leftTemps } from '../store/car/left-temps.ts'
import type { Pins } from '../store/pins.ts'
import type { Traffic } from '../store/traffic.ts'
import { leftImages, unnamedCopies } from './leftovers.ts'
import { type Age, oldNames } from './old-names.ts'

export interface PruneOptions extends RemoveOptions, Age {
  readonly engine: Pick<Engine, 'images' | 'info' | 'inspect' | 'remove' | 'save' | 'unusedImages'>
  readonly pins: Pick<Pins, 'collect'> & RemoveOptions['pins']
  readonly traffic: Pick<Traffic, 'repoSize'>
  readonly originals: Originals
  readonly report: Report
  /** Files of saves that were killed are looked for here. */
  readonly folder: string
}

/** What there is to remove. */
export interface PrunePlan {
  /** Full names of the catalogue, oldest last in each repository. */
  readonly names: readonly string[]
  /** What killed loads and saves left on the engine, and had made for themselves: IDs of images, and names of others. */
  readonly images: readonly string[]
  /** IDs of whole images without a name on the engine, which the node has, too. */
  readonly copies: readonly string[]
  /** Files that killed saves left in the folder. */
  readonly files: readonly LeftTemp[]
  /** What was pushed, and what no name leads to. */
  readonly pushed: Unnamed
}

/**
 * Looks, and changes nothing. An engine that does not answer is told in a warning.
 * @throws NODE_*
 */
export async function planPrune(options: PruneOptions): Promise<PrunePlan> {
  const { engine, folder, report, signal } = options
  const [names, files, pushed] = await Promise.all([
    oldNames(options),
    leftTemps(folder),
    findUnnamed({ ...options, before: Date.now() - UPLOAD_MS }),
  ])
  const looking = Promise.all([leftImages(engine, signal), unnamedCopies(engine, { ...options, going: names }, signal)])
  const [images, copies] = await looking.catch((error: unknown) => {
    if (!hasCode(error, 'ENGINE_UNREACHABLE', 'ENGINE_FAILED', 'ENGINE_FULL')) throw error
    report({ type: 'warning', text: `what loads left on the engine is not known: ${messageOf(error)}` })
    return [[], []]
  })
  return { names, images, copies, files, pushed }
}

/** What went. */
export type Pruned =
  | { readonly type: 'untagged'; readonly name: string }
  | { readonly type: 'deleted'; readonly what: string }
  | { readonly type: 'reclaimed'; readonly blocks: number; readonly bytes: number | undefined }

/**
 * Removes what a plan has, and has the node collect its garbage, which comes last. What has gone meanwhile is no error.
 * @throws NODE_*, ENGINE_*
 */
export async function* prune(plan: PrunePlan, options: PruneOptions): AsyncGenerator<Pruned> {
  const { engine, pins, traffic, report, signal } = options
  const before = await traffic.repoSize(signal)
  for (const name of plan.names) {
    const { untagged, deleted } = await remove(name, { ...options, uncounted: true })
    for (const gone of untagged) yield { type: 'untagged', name: gone }
    if (deleted !== undefined) yield { type: 'deleted', what: deleted.toString() }
  }
  for (const id of plan.images) {
    await engine.remove([id], signal, { force: true }).catch((error: unknown) => {
      if (!hasCode(error, 'IMAGE_NOT_FOUND')) throw error
    })
    yield { type: 'deleted', what: id }
  }
  for (const id of plan.copies) {
    // Without force: the engine refuses what has got a container meanwhile, or an image that is built upon it.
    const failure = await engine.remove([id], signal).catch((error: unknown) => error)
    if (failure === undefined) yield { type: 'deleted', what: id }
    else if (hasCode(failure, 'ENGINE_FAILED')) report({ type: 'warning', text: `${id} stays: ${failure.message}` })
    else if (!hasCode(failure, 'IMAGE_NOT_FOUND')) throw failure
  }
  // Looked for again: what was pushed under names that have just gone belongs to nobody now.
  const pushed = { ...options, before: Date.now() - UPLOAD_MS }
  const unnamed = await findUnnamed(pushed)
  await removeUnnamed(unnamed, pushed)
  for (const { digest } of unnamed.manifests) yield { type: 'deleted', what: digest }
  let bytes = 0
  for (const temp of plan.files) {
    await temp.remove()
    bytes += temp.bytes
    yield { type: 'deleted', what: temp.path }
  }
  report({ type: 'step', text: 'Collecting the garbage of the node' })
  const blocks = await pins.collect(signal)
  const after = await traffic.repoSize(signal)
  const isKnown = before !== undefined && after !== undefined
  yield { type: 'reclaimed', blocks, bytes: isKnown ? bytes + Math.max(0, before - after) : undefined }
}
