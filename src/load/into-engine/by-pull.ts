import type { Engine } from '../../engine/engine.ts'
import { withPassage } from '../../engine/passage.ts'
import { hasCode } from '../../errors.ts'
import type { Report } from '../../events.ts'
import { type BlobRef, plainManifest } from '../../image/canonical.ts'
import type { ImageLayer } from '../../read/layers.ts'
import type { LoadSource } from '../source.ts'
import type { EngineTarget } from './engine-image.ts'
import { GivenImage } from './given-image.ts'
import type { EngineState } from './held.ts'
import { UNTOLD_MS } from './in-steps.ts'
import { layersToSend, wholeStep } from './steps.ts'
import { Unpacking } from './unpacking.ts'

export interface PullOptions {
  readonly engine: Engine
  readonly report: Report
  readonly signal: AbortSignal
  readonly source: Pick<LoadSource, 'isAtHand' | 'openLayers'>
}

/**
 * Whether the engine can pull the image, so that it is whole then: of a layer that a containerd store has unpacked it does not ask for the blob,
 * though it may have none, or another. A classic store is asked to try: of layers that it has it mostly does not know the digest.
 */
export async function canPull(
  { image, info }: EngineTarget,
  { images }: EngineState,
  held: ReadonlySet<string>,
  { engine, source, signal }: PullOptions,
): Promise<boolean> {
  const lacking = image.layers.filter(({ digest }) => !held.has(digest))
  if (lacking.length === 0 || !info.can.useRegistry || source.isAtHand?.() !== true) return false
  if (!(await engine.mayReach(signal))) return false
  if (!info.containerdStore) return true
  const unpacked = new Set((await images.layers).flat())
  return lacking.every(({ diffId }) => !unpacked.has(diffId))
}

/**
 * Lets the engine pull the image from us. It has a name then until `whileNamed` is done, and goes with that if it has no other.
 * Undefined where the engine does not pull it, or somebody removes it meanwhile, which costs no more than time.
 * @param whileNamed is given the name
 * @returns digests of the layer blobs that the engine was given
 * @throws ENGINE_UNREACHABLE, and what `whileNamed` does; the signal's reason
 */
export async function pullImage(
  { image, info }: EngineTarget,
  held: ReadonlySet<string>,
  whileNamed: (name: string) => Promise<unknown>,
  { engine, report, signal, source }: PullOptions,
): Promise<ReadonlySet<string> | undefined> {
  const step = wholeStep(image, held)
  const { config, manifest } = step
  const plain = !info.can.readZstd
  const unpacking = new Unpacking(step, plain, report, ({ digest, diffId }) => (plain ? diffId : digest))
  let [lacking, late] = [layersToSend(step).length, undefined as NodeJS.Timeout | undefined]
  const watch: Report = (event) => {
    report(event)
    if (event.type !== 'layer-waits') return
    lacking -= 1
    if (lacking === 0) late = setTimeout(() => unpacking.tellLate(true), UNTOLD_MS)
  }
  let giving: GivenImage | undefined
  const open = (repository: string) => {
    giving = new GivenImage({
      repository,
      config,
      manifest: plain ? plainManifest(config, image.layers.map(tarOf)) : manifest,
      layers: image.layers,
      plain,
      held,
      open: (layer: ImageLayer) => source.openLayers(image, [layer]),
      report: watch,
    })
    return giving.registry
  }
  const take = async (name: string, limited: AbortSignal) => {
    const { given, over } = giving as GivenImage
    try {
      await engine.pull(name, AbortSignal.any([limited, over]), (...figures) => unpacking.tell(...figures))
      unpacking.tellOver('')
      await whileNamed(name)
    } catch (error) {
      signal.throwIfAborted()
      if (!over.aborted && !hasCode(error, 'ENGINE_FAILED', 'IMAGE_NOT_FOUND')) throw error
      return undefined
    } finally {
      clearTimeout(late)
    }
    return given
  }
  return withPassage(open, take, { engine, signal })
}

/** A layer as it is called where it is given uncompressed. */
function tarOf({ diffId, tarSize }: ImageLayer): BlobRef {
  return { digest: diffId, size: tarSize }
}
