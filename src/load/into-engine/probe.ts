import { randomUUID } from 'node:crypto'
import type { Engine } from '../../engine/engine.ts'
import { END_OF_ARCHIVE } from '../../format/tar-header.ts'
import { blobPath, type Document, document, OCI_LAYOUT, ociIndex, ociManifest } from '../../image/canonical.ts'
import { distinct, type ImageLayer } from '../../read/layers.ts'
import type { Bytes } from '../../streams.ts'
import { removeAfterLoad } from './engine-image.ts'
import { archiveFile } from './load-archive.ts'

/** Blobs that a containerd store has, and which it keeps until `release`. */
export interface Held {
  /** Digests of layer blobs. */
  readonly digests: ReadonlySet<string>
  release(): Promise<void>
}

/** A platform that no engine is: it lists such images, and does not unpack them. */
const NO_PLATFORM = { architecture: 'unknown', os: 'unknown' }

/**
 * Finds out which layer blobs a containerd store has. The engine knows, but tells only of images: so it is given a tiny image
 * for each blob, without the blob, and asked which of them are whole. While such an image is there, its blob is kept, even
 * when the image that brought it goes. For engines that tell what is whole, or list nothing else.
 */
export async function holdBlobs(layers: readonly ImageLayer[], engine: Engine, signal: AbortSignal): Promise<Held> {
  const unique = distinct(layers)
  const probes = unique.map((layer) => makeProbe(layer))
  const ids = probes.map((probe) => probe.manifest.digest)
  const release = () => removeAfterLoad(ids, engine, { force: true })
  try {
    await engine.load(probeArchive(probes), signal)
    // Engines that do not tell list no image that is not whole.
    const whole = (await engine.wholeImages(signal)) ?? new Set((await engine.images(signal)).map(({ id }) => id))
    return {
      digests: new Set(unique.filter((_, at) => whole?.has(ids[at] ?? '')).map((layer) => layer.digest)),
      release,
    }
  } catch (error) {
    await release()
    throw error
  }
}

/** An image of nothing, of this load alone; gives its ID. */
export async function loadBlank(engine: Pick<Engine, 'load'>, signal: AbortSignal): Promise<string> {
  const blank = makeProbe()
  await engine.load(probeArchive([blank]), signal)
  return blank.manifest.digest
}

interface Probe {
  readonly config: Document
  readonly manifest: Document
}

function makeProbe(layer?: ImageLayer): Probe {
  const layers = layer === undefined ? [] : [layer]
  // The number makes the image one of this load alone: no other can remove it.
  const config = document(
    Buffer.from(
      JSON.stringify({
        ...NO_PLATFORM,
        author: `docker-ipfs ${randomUUID()}`,
        rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      }),
    ),
  )
  return { config, manifest: ociManifest(config, layers, 'probe') }
}

async function* probeArchive(probes: readonly Probe[]): Bytes {
  yield* archiveFile('oci-layout', Buffer.from(OCI_LAYOUT))
  yield* archiveFile(
    'index.json',
    ociIndex(...probes.map(({ manifest }) => ({ ...manifest, platform: NO_PLATFORM }))).bytes,
  )
  for (const { config, manifest } of probes) {
    yield* archiveFile(blobPath(config.digest), config.bytes)
    yield* archiveFile(blobPath(manifest.digest), manifest.bytes)
  }
  yield END_OF_ARCHIVE
}
