import { type Document, document } from '../image/canonical.ts'
import type { ImageSource } from './image-source.ts'

type SourceLayer = ImageSource['layers'][number]

/** One archive for the engine: the image, or the lowest of its layers as an image of their own. */
export interface Step {
  readonly config: Document
  /** Of the image itself, where the engine may want the OCI layout. */
  readonly manifest?: Document
  /** The layers that the config names, bottom first. */
  readonly layers: readonly SourceLayer[]
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
 * The image in several archives: each makes an image of the layers so far, and leaves out those that the one before brought. A classic
 * store unpacks nothing before it has all of an archive; so it unpacks one step while it is sent the next.
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
    steps.push({ config: lowerConfig(image, lower.length), layers: lower, from, leaveOut })
    ;[from, bytes] = [at + 1, 0]
  }
  return [...steps, { ...wholeStep(image, leaveOut), from }]
}

/** The IDs that images of the lowest layers of this one have on a classic store, whatever the steps. */
export function lowerIds(image: ImageSource): Set<string> {
  return new Set(image.layers.slice(1).map((_, at) => lowerConfig(image, at + 1).digest))
}

/** The layers that are in the archive, each once. */
export function layersToSend({ layers, from, leaveOut }: Step): readonly SourceLayer[] {
  return distinct(layers.slice(from)).filter(({ digest }) => !leaveOut.has(digest))
}

export function distinct(layers: readonly SourceLayer[]): SourceLayer[] {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()]
}

/** Of one image alone, so that a load removes no layer that another one counts on; and the same each time, so that it is found again. */
function lowerConfig({ config, configDigest, layers }: ImageSource, count: number): Document {
  const { architecture, os } = config
  const author = `docker-ipfs: the lowest ${count} layers of ${configDigest}, while it is loaded`
  const rootfs = { type: 'layers', diff_ids: layers.slice(0, count).map(({ diffId }) => diffId) }
  return document(Buffer.from(JSON.stringify({ architecture, os, author, rootfs })))
}
