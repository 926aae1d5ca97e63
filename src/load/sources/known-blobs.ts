import type { Catalogue } from '../../catalogue/catalogue.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import type { ReadOptions } from '../../read/document-reader.ts'
import { type ImageSource, openImage } from '../../read/open-image.ts'
import type { Pins } from '../../store/pins.ts'
import { mapInOrder } from '../../streams.ts'

interface KnownBlobsOptions extends ReadOptions {
  readonly catalogue: Catalogue
  readonly pins: Pick<Pins, 'isPinned'>
}

/** Images of the engine that are looked up in the catalogue, the newest first; and of those, whose manifests are read. */
const MAX_IMAGES = 32
const MAX_MANIFESTS = 3
const AT_ONCE = 8

/**
 * The layer blobs of this image that a containerd store has because it has another image, whose manifest the node knows. Whether the store
 * has all of that one is not asked: it mostly has, and after the load it is seen. `ids`: digests of the manifests of the store's images.
 * @throws NODE_*; the signal's reason
 */
export async function knownBlobs(
  image: ImageSource,
  ids: readonly string[],
  options: KnownBlobsOptions,
): Promise<Set<string>> {
  const { catalogue, signal } = options
  const mine = new Set(image.layers.map(({ diffId }) => diffId))
  const found: { root: ImageSource['root']; shared: number }[] = []
  const looked = mapInOrder(ids.slice(0, MAX_IMAGES), AT_ONCE, (id) => catalogue.findImage(id, signal).catch(unknown))
  for await (const known of looked) {
    const shared = known?.record.layers.filter((diffId) => mine.has(diffId)).length ?? 0
    // Of the image itself the store lacks something, or nobody would ask.
    if (known !== undefined && shared > 0 && !known.root.equals(image.root)) found.push({ root: known.root, shared })
  }
  const best = found.sort((a, b) => b.shared - a.shared).slice(0, MAX_MANIFESTS)
  const manifests = await Promise.all(best.map(({ root }) => blobsOf(root, new Set(ids), options)))
  return new Set(manifests.flat())
}

/** A node with a full disk may not be able to say what its catalogue has: then more is sent. */
function unknown(error: unknown): undefined {
  if (!hasCode(error, 'NODE_FAILED', 'NODE_DENIED')) throw error
}

async function blobsOf(
  root: ImageSource['root'],
  ids: ReadonlySet<string>,
  options: KnownBlobsOptions,
): Promise<string[]> {
  try {
    // What is not pinned may be far away.
    if (!(await options.pins.isPinned(root, options.signal))) return []
    const { manifestDigest, layers } = await openImage(root, options)
    return ids.has(manifestDigest) ? layers.map(({ digest }) => digest) : []
  } catch (error) {
    if (options.signal.aborted || !(error instanceof DockerIpfsError)) throw error
    return []
  }
}
