import type { EngineInfo } from '../../engine/engine.ts'
import { type Document, document, ociManifest } from '../../image/canonical.ts'
import { distinct, type ImageLayer } from '../../read/layers.ts'
import type { ImageSource } from '../../read/open-image.ts'

/** One archive for the engine: the image, or the lowest of its layers as an image of their own. */
export interface Step {
  readonly config: Document
  readonly manifest: Document
  /** The layers that the config names, bottom first. */
  readonly layers: readonly ImageLayer[]
  /** Where in them those begin that no step before had. */
  readonly from: number
  /** Digests of the layer blobs that the engine has no need of. */
  readonly leaveOut: ReadonlySet<string>
}

/** Bytes of layer tars that are worth a step: an engine takes some 30 ms to make an image. */
const STEP_BYTES = 16 * 1024 * 1024

/** The image in one archive. */
export function wholeStep(image: ImageSource, leaveOut: ReadonlySet<string>): Step {
  const { configBytes, configDigest, manifestBytes, manifestDigest, layers } = image
  return {
    config: { bytes: configBytes, digest: configDigest, size: configBytes.length },
    manifest: { bytes: manifestBytes, digest: manifestDigest, size: manifestBytes.length },
    layers,
    from: 0,
    leaveOut,
  }
}

/**
 * The image in several archives: each makes an image of the layers so far, and leaves out those that the one before brought. An
 * engine unpacks nothing before it has all of an archive; so it unpacks one step while it is sent the next.
 */
export function stepsOf(image: ImageSource, leaveOut: ReadonlySet<string>): Step[] {
  const { layers } = image
  const sizes = layers.map(({ digest, tarSize }) => (leaveOut.has(digest) ? 0 : tarSize))
  let rest = sizes.reduce((sum, size) => sum + size, 0)
  const steps: Step[] = []
  let [from, bytes] = [0, 0]
  for (const [at, size] of sizes.entries()) {
    bytes += size
    rest -= size
    if (bytes < STEP_BYTES || rest < STEP_BYTES) continue
    const lower = layers.slice(0, at + 1)
    steps.push({ ...lowerImage(image, lower.length), layers: lower, from, leaveOut })
    ;[from, bytes] = [at + 1, 0]
  }
  return [...steps, { ...wholeStep(image, leaveOut), from }]
}

type Documents = Pick<Step, 'config' | 'manifest'>

/** The ID that the image of a step has on an engine. */
export function idOf({ config, manifest }: Documents, { containerdStore }: EngineInfo): string {
  return containerdStore ? manifest.digest : config.digest
}

/** Another image of the same layers, all of which the engine has: it keeps them, whatever becomes of the image itself. */
export function holderStep(image: ImageSource): Step {
  const leaveOut = new Set(image.layers.map(({ digest }) => digest))
  return { ...lowerImage(image, image.layers.length), layers: image.layers, from: 0, leaveOut }
}

/** The IDs that images of the lowest layers of this one have, whatever the steps. */
export function lowerIds(image: ImageSource, info: EngineInfo): Set<string> {
  return new Set(image.layers.map((_, at) => idOf(lowerImage(image, at + 1), info)))
}

/** The layers that are in the archive, each once. */
export function layersToSend({ layers, from, leaveOut }: Step): readonly ImageLayer[] {
  return distinct(layers.slice(from)).filter(({ digest }) => !leaveOut.has(digest))
}

/** Of one image alone, so that a load removes no layer that another one counts on; and the same each time, so that it is found again. */
function lowerImage({ config: { architecture, os }, configDigest, layers }: ImageSource, count: number): Documents {
  const lowest = layers.slice(0, count)
  const author = `docker-ipfs: the lowest ${count} layers of ${configDigest}, while it is loaded`
  const rootfs = { type: 'layers', diff_ids: lowest.map(({ diffId }) => diffId) }
  const config = document(Buffer.from(JSON.stringify({ architecture, os, author, rootfs })))
  return { config, manifest: ociManifest(config, lowest, 'lower') }
}
