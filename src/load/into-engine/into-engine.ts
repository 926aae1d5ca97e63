// What an engine is given of an image, and whether it has it then. held.ts finds what need not be sent (probe.ts asks a containerd
// store, by tiny images); steps.ts and in-steps.ts cut a large image into archives of which one is unpacked while the next is sent;
// load-archive.ts makes an archive as its layers are read; unpacking.ts tells what the engine does with it, silence.ts of one that gives no
// sign. The engine's word is not believed: engine-image.ts looks at what came of it.

import type { Engine } from '../../engine/engine.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import type { Report } from '../../events.ts'
import { distinct } from '../../read/layers.ts'
import type { ImageSource } from '../../read/open-image.ts'
import type { LoadSource } from '../source.ts'
import { CLEANUP_MS, type EngineTarget, faultOf, type ImageFault, unreadableConfig } from './engine-image.ts'
import { type EngineState, findHeld } from './held.ts'
import { LowerImages } from './in-steps.ts'
import { idOf, layersToSend, lowerIds, type Step, stepsOf, wholeStep } from './steps.ts'
import { COMPLAINT } from './unpacking.ts'

export interface IntoEngineOptions {
  readonly engine: Engine
  readonly report: Report
  readonly signal: AbortSignal
  /** Where the layers are read. */
  readonly source: Pick<LoadSource, 'knownBlobs' | 'openLayers'>
}

export interface IntoEngineResult {
  /** The engine's ID of the image, `sha256:<hex>`. */
  readonly imageId: string
  /** Bytes of the layer blobs that the engine was not sent, because it had them. */
  readonly bytesHad: number
  /** It was there before the load. */
  readonly wasThere: boolean
  /** When nothing that was made for the load is on the engine any more. */
  readonly released: Promise<void>
}

/**
 * Gives the engine an image, or of it no more than it lacks, and looks at what came of it. What is wrong is removed again,
 * unless it was there before.
 * @throws INTEGRITY, ENGINE_*, and what reading the image throws
 */
export async function intoEngine(
  image: ImageSource,
  state: EngineState,
  options: IntoEngineOptions,
): Promise<IntoEngineResult> {
  const { engine, report } = options
  const { info, images } = state
  const whole = wholeStep(image, new Set())
  const imageId = idOf(whole, info)
  const target = { image, imageId, info }
  const ids = await images.ids
  // One that is not listed is not there, or below another as a step of its build: those docker does not let go.
  const before = ids.includes(imageId) ? await faultOf(target, options, info.can.listWhole) : 'gone'
  const lower = new LowerImages(engine, info)
  // Of a load of this image that was killed. Once the image is there, its layers need no other.
  const left = () => {
    const lowest = lowerIds(image, info)
    return ids.filter((id) => lowest.has(id))
  }
  if (before === undefined) {
    report({ type: 'step', text: 'The engine has this image already' })
    return { imageId, bytesHad: bytesOf(image, () => true), wasThere: true, released: lower.remove(left(), report) }
  }
  const held = await findHeld(image, state, options)
  const release = async (others: readonly string[]) => {
    await Promise.all([held.release(), lower.remove(others, report)])
  }
  try {
    const steps = info.can.leaveOut ? stepsOf(image, held.digests) : [wholeStep(image, held.digests)]
    const fault = await send(target, steps, lower, options)
    if (fault === undefined) {
      const bytesHad = bytesOf(image, (digest) => held.digests.has(digest))
      return { imageId, bytesHad, wasThere: before !== 'gone', released: release(left()) }
    }
    if (!fault.mayPass) throw fault.error
    // Somebody may have removed a layer, or the image itself, meanwhile.
    report({ type: 'warning', text: `${fault.error.message}: sending all layers` })
    const again = await send(target, [whole], lower, options)
    if (again !== undefined) throw again.error
    return { imageId, bytesHad: 0, wasThere: before !== 'gone', released: release(left()) }
  } catch (error) {
    // It waits for what the engine is at work on.
    await release([])
    if (before === 'gone') await removeUnnamed(imageId, engine)
    throw error
  }
}

/** What became of a load, when it is not the image. */
interface LoadFailure {
  readonly error: DockerIpfsError
  /** Whether sending all layers may help. */
  readonly mayPass: boolean
}

/** Sends the image and looks at it: "IntoEngineResult image" and exit code 0 prove nothing. */
async function send(
  target: EngineTarget,
  steps: readonly Step[],
  lower: LowerImages,
  options: IntoEngineOptions,
): Promise<LoadFailure | undefined> {
  const plain = !target.info.can.readZstd
  const leftOut = steps.length > 1 || steps.some(({ leaveOut }) => leaveOut.size > 0)
  const reader = options.source.openLayers(target.image, steps.flatMap(layersToSend))
  let said: string
  try {
    said = await lower.send(steps, { ...options, reader, plain })
  } catch (error) {
    if (!hasCode(error, 'ENGINE_FAILED')) throw error
    return { error, mayPass: leftOut || LOST.test(error.message) }
  } finally {
    reader.close()
  }
  const complaint = COMPLAINT.exec(said)?.[0]
  const fault = await faultOf(target, options, !leftOut)
  if (complaint === undefined && fault === undefined) {
    for (const { diffId, size, tarSize } of steps.flatMap(layersToSend)) {
      options.report({ type: 'layer-done', layer: diffId, status: 'Loaded', bytesDone: plain ? tarSize : size })
    }
    return undefined
  }
  return failureOf(target, { said, complaint, fault }, leftOut)
}

const PRUNED = 'Something removes unused images, such as "docker image prune". Load it again.'

/** What an engine says whose image, or a part of it, is removed while it is at work. */
const LOST = /not ?found|no such file|does not exist/i

function failureOf(
  { image, imageId }: EngineTarget,
  { said, complaint, fault }: { said: string; complaint: string | undefined; fault: ImageFault | undefined },
  leftOut: boolean,
): LoadFailure {
  const cause = new Error(said)
  const wrong = (message: string, hint?: string) =>
    new DockerIpfsError('INTEGRITY', message, hint === undefined ? { cause } : { cause, hint })
  if (complaint !== undefined && !LOST.test(complaint)) {
    return { error: wrong(`the engine could not unpack the image: ${complaint}`), mayPass: leftOut }
  }
  if (complaint !== undefined || (fault === 'gone' && said.includes(imageId))) {
    return { error: removedMeanwhile(cause), mayPass: true }
  }
  if (fault === 'unreadable') return { error: unreadableConfig(undefined, cause), mayPass: false }
  if (fault === 'incomplete') return { error: wrong('the engine lacks a part of the image', PRUNED), mayPass: true }
  if (fault === 'gone') return { error: wrong(`the engine loaded no image with ID ${imageId}`), mayPass: leftOut }
  return { error: wrong(`the engine's image does not have the layers of ${image.root}`), mayPass: false }
}

/** An image without a container is fair game for `docker image prune`, also while it is loaded. */
export function removedMeanwhile(cause: unknown): DockerIpfsError {
  return new DockerIpfsError('ENGINE_FAILED', 'the image, or a part of it, was removed while it was loaded', {
    cause,
    hint: PRUNED,
  })
}

function bytesOf(image: ImageSource, isCounted: (digest: string) => boolean): number {
  return distinct(image.layers).reduce((sum, { digest, size }) => sum + (isCounted(digest) ? size : 0), 0)
}

/** Takes away what came of a load. A name is never given before all is right: an image that has one is somebody else's. */
export async function removeUnnamed(imageId: string, engine: Engine): Promise<void> {
  // The signal may be spent, and this must still run.
  const limit = AbortSignal.timeout(CLEANUP_MS)
  try {
    const found = await engine.inspect(imageId, limit)
    if (found !== undefined && found.names.length === 0) await engine.remove([imageId], limit)
  } catch {
    // Nothing more can be done.
  }
}
