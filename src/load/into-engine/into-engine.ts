// What an engine is given of an image, and whether it has it then. held.ts finds what need not be sent (probe.ts asks a containerd
// store, by tiny images); steps.ts and in-steps.ts cut a large image into archives of which one is unpacked while the next is sent;
// load-archive.ts makes an archive as its layers are read; unpacking.ts tells what the engine does with it, silence.ts of one that gives no
// sign. The engine's word is not believed: engine-image.ts looks at what came of it.

import type { Engine } from '../../engine/engine.ts'
import { removeLeftNames } from '../../engine/passage.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import type { Report } from '../../events.ts'
import { distinct } from '../../read/layers.ts'
import type { ImageSource } from '../../read/open-image.ts'
import type { LoadSource } from '../source.ts'
import { canPull, pullImage } from './by-pull.ts'
import { CLEANUP_MS, type EngineTarget, faultOf, type ImageFault, unreadableConfig } from './engine-image.ts'
import { type EngineState, findHeld } from './held.ts'
import { LowerImages } from './in-steps.ts'
import { loadBlank } from './probe.ts'
import { holderStep, idOf, layersToSend, lowerIds, type Step, stepsOf, wholeStep } from './steps.ts'
import { COMPLAINT } from './unpacking.ts'

export interface IntoEngineOptions {
  readonly engine: Engine
  readonly report: Report
  readonly signal: AbortSignal
  /** Where the layers are read. */
  readonly source: Pick<LoadSource, 'isAtHand' | 'knownBlobs' | 'openLayers'>
}

export interface IntoEngineResult {
  /** The engine's ID of the image, `sha256:<hex>`. */
  readonly imageId: string
  /** Bytes of the layer blobs that the engine was not sent, because it had them. */
  readonly bytesHad: number
  /** It was there before the load. */
  readonly wasThere: boolean
  /** When nothing that was made for the load is on the engine any more. */
  readonly released: Promise<unknown>
}

/**
 * Gives the engine an image, or of it no more than it lacks, and looks at what came of it. What is wrong is removed again,
 * unless it was there before.
 * @throws INTEGRITY, ENGINE_*, and what reading the image throws
 */
export async function intoEngine(
  image: ImageSource,
  state: EngineState,
  given: IntoEngineOptions,
): Promise<IntoEngineResult> {
  const { engine } = given
  const report = tellingOnce(given.report)
  const options = { ...given, report }
  const { info, images } = state
  const whole = wholeStep(image, new Set())
  const imageId = idOf(whole, info)
  const target = { image, imageId, info }
  const ids = await images.ids
  // One that is not listed is not there, or below another as a step of its build: those docker does not let go.
  const before = ids.includes(imageId) ? await faultOf(target, options, info.can.listWhole) : 'gone'
  const lower = new LowerImages(engine, info)
  // Of a load of this image that was killed. Once the image is there, its layers need no other.
  const leftovers = () => {
    const lowest = lowerIds(image, info)
    return ids.filter((id) => lowest.has(id))
  }
  const unname = async () => removeLeftNames(await images.names, engine)
  if (before === undefined) {
    report({ type: 'step', text: 'The engine has this image already' })
    const released = Promise.all([unname(), lower.remove(leftovers(), report)])
    return { imageId, bytesHad: bytesOf(image, () => true), wasThere: true, released }
  }
  const held = await findHeld(image, state, options)
  const release = async (others: readonly string[]) => {
    await Promise.all([held.release(), lower.remove(others, report), unname()])
  }
  try {
    const pulled = (await canPull(target, state, held.digests, options))
      ? await sendByPull(target, held.digests, lower, options)
      : undefined
    const left = info.can.leaveOut ? held.digests : NONE
    const fault = pulled === undefined ? await send(target, stepsFor(target, left), lower, options) : pulled.fault
    if (fault === undefined) {
      if (pulled !== undefined) tellLoaded(target, pulled.given, report)
      const bytesHad = bytesOf(image, (digest) => (pulled === undefined ? left.has(digest) : !pulled.given.has(digest)))
      return { imageId, bytesHad, wasThere: before !== 'gone', released: release(leftovers()) }
    }
    if (!fault.mayPass) throw fault.error
    // Somebody may have removed a layer, or the image itself, meanwhile.
    report({ type: 'warning', text: `${fault.error.message}: sending all layers` })
    const again = await send(target, [whole], lower, options)
    if (again !== undefined) throw again.error
    return { imageId, bytesHad: 0, wasThere: before !== 'gone', released: release(leftovers()) }
  } catch (error) {
    // It waits for what the engine is at work on.
    await release([])
    if (before === 'gone') await removeUnnamed(imageId, engine)
    throw error
  }
}

const NONE: ReadonlySet<string> = new Set()

function stepsFor({ image, info }: EngineTarget, leaveOut: ReadonlySet<string>): Step[] {
  return info.can.leaveOut ? stepsOf(image, leaveOut) : [wholeStep(image, leaveOut)]
}

interface SentByPull {
  /** Digests of the layer blobs that the engine was given. */
  readonly given: ReadonlySet<string>
  readonly fault: LoadFailure | undefined
}

/**
 * Lets the engine pull the image, and leaves it without a name, as a load does. In a containerd store an image whose name goes to another one
 * stays without one. A classic store would keep the repository: there the image goes with its name, another one keeps its layers, and a load
 * without any layer brings it back.
 */
async function sendByPull(
  target: EngineTarget,
  held: ReadonlySet<string>,
  lower: LowerImages,
  options: IntoEngineOptions,
): Promise<SentByPull | undefined> {
  const { image, info } = target
  const { engine, report, signal } = options
  tellThere(image, (digest) => held.has(digest), report)
  if (info.containerdStore) {
    const unname = async (name: string) => engine.tag(await loadBlank(engine, signal), name, signal)
    const given = await pullImage(target, held, unname, options)
    if (given === undefined) return undefined
    tellThere(image, (digest) => !given.has(digest), report)
    const fault = await faultOf(target, options, false)
    return { given, fault: fault && failureOf(target, { said: '', complaint: undefined, fault }, true) }
  }
  const given = await pullImage(target, held, () => hold(target, lower, options), options)
  if (given === undefined) return undefined
  const all = new Set(image.layers.map(({ digest }) => digest))
  const fault = await send(target, [wholeStep(image, all)], lower, options)
  return { given, fault }
}

async function hold({ image, info }: EngineTarget, lower: LowerImages, options: IntoEngineOptions): Promise<void> {
  const reader = options.source.openLayers(image, [])
  try {
    await lower.hold(holderStep(image), { ...options, reader, plain: !info.can.readZstd, report: () => undefined })
  } finally {
    reader.close()
  }
}

function tellLoaded({ image, info }: EngineTarget, given: ReadonlySet<string>, report: Report): void {
  for (const { digest, diffId: layer, size, tarSize } of distinct(image.layers)) {
    const bytesDone = info.can.readZstd ? size : tarSize
    if (given.has(digest)) report({ type: 'layer-done', layer, status: 'Loaded', bytesDone })
  }
}

function tellThere({ layers }: ImageSource, isThere: (digest: string) => boolean, report: Report): void {
  for (const { digest, diffId: layer, size } of distinct(layers)) {
    if (isThere(digest)) report({ type: 'layer-done', layer, status: EXISTS, bytesDone: size })
  }
}

/** Of a layer that was told in whatever way it is not told that it is there. */
function tellingOnce(report: Report): Report {
  const told = new Set<string>()
  return (event) => {
    if (event.type === 'layer-done' || event.type === 'layer-waits') {
      if (event.status === EXISTS && told.has(event.layer)) return
      told.add(event.layer)
    }
    report(event)
  }
}

const EXISTS = 'Already exists'

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
