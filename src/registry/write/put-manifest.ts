import type { PutManifest, Referrer, RepositoryRef, StoredManifest } from '../../distribution/registry.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import { hexOf } from '../../image/canonical.ts'
import { type Descriptor, isDigest } from '../../image/documents.ts'
import { isForeign, type PushedManifest, readPushed } from '../../image/pushed.ts'
import { verified } from '../../image/verified.ts'
import { save } from '../../save/save.ts'
import { nodeTarget } from '../../save/targets/node.ts'
import { mapInOrder } from '../../streams.ts'
import { nameOf } from '../place.ts'
import { type Found, lacking } from './found.ts'
import type { PushOptions } from './options.ts'
import { blobsIn, platformsOf } from './pushed-image.ts'
import { type PushedPlatform, pushedInput } from './pushed-input.ts'
import { receive } from './receive.ts'

const AT_ONCE = 8

export interface Push {
  readonly repository: RepositoryRef
  /** A tag or a digest. */
  readonly reference: string
  readonly manifest: StoredManifest
}

/**
 * Keeps a manifest. Under a tag, an image is written as a save writes it, and named last: whatever breaks off before leaves no name.
 * @throws ARCHIVE_INVALID, CONTENT_NOT_FOUND, REFERENCE_INVALID, INTEGRITY, NODE_*
 */
export async function putManifest(push: Push, found: Found, options: PushOptions): Promise<PutManifest> {
  const { originals, signal } = options
  const { manifest, reference } = push
  const pushed = readPushed(manifest.bytes, manifest.mediaType)
  const name = isDigest(reference) ? undefined : nameFor(push)
  await originals.sync(signal)
  await checkAll(pushed, found, signal)
  const { subject } = pushed
  const record = { mediaType: manifest.mediaType, at: Date.now(), bytes: manifest.bytes }
  const belongsTo = subject === undefined ? undefined : { digest: subject, referrer: referrerOf(manifest, pushed) }
  await originals.addManifest(manifest.digest, record, belongsTo, signal)
  const platforms = pushed.kind === 'artifact' ? [] : await platformsOf(pushed, found, signal)
  const root = name === undefined ? undefined : await saveImage(name, manifest.digest, platforms, found, options)
  // The blobs of an image are in it, or were pushed; those of anything else may be of an image that goes.
  if (root === undefined) await copyBlobs(blobsIn(pushed), found, options)
  if (name !== undefined) await nameIt(name, manifest.digest, root, options)
  return { ...(root === undefined ? {} : { root }), ...(subject === undefined ? {} : { subject }) }
}

function nameFor({ repository, reference }: Push): string {
  const name = nameOf(repository, reference)
  if (name !== undefined) return name
  throw new DockerIpfsError('REFERENCE_INVALID', `"${repository.path}:${reference}" is no name to push to`, {
    hint: 'Push to a name such as app:1.2.',
  })
}

/** @throws CONTENT_NOT_FOUND, ARCHIVE_INVALID for a blob of another size */
async function checkAll(pushed: PushedManifest, found: Found, signal: AbortSignal): Promise<void> {
  const blobs = blobsIn(pushed).filter((blob) => !isForeign(blob))
  const looked = mapInOrder(blobs, AT_ONCE, async ({ digest, size }) => {
    const stored = await found.blob(digest, signal)
    if (stored === undefined) throw lacking('blob', digest)
    if (stored.size === size) return
    throw new DockerIpfsError('ARCHIVE_INVALID', `the blob ${digest} has ${stored.size} bytes, and not ${size}`)
  })
  for await (const _ of looked);
  for (const { digest } of pushed.manifests) {
    if ((await found.manifest(digest, signal)) === undefined) throw lacking('manifest', digest)
  }
}

function referrerOf(
  { digest, mediaType, bytes }: StoredManifest,
  { artifactType, annotations }: PushedManifest,
): Referrer {
  return {
    mediaType,
    digest,
    size: bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  }
}

/** Writes the image, pins and names it. Undefined for what turns out to be none: it is kept as it was pushed. */
async function saveImage(
  name: string,
  digest: string,
  platforms: readonly PushedPlatform[],
  found: Found,
  options: PushOptions,
): Promise<string | undefined> {
  if (platforms.length === 0) return undefined
  const { catalogue, originals, report, signal } = options
  const input = pushedInput({ name, digest, platforms, open: found.open })
  let root: string
  try {
    const [saved] = await save(input, nodeTarget(options), {})
    root = saved?.root ?? ''
  } catch (error) {
    if (!hasCode(error, 'ARCHIVE_INVALID')) throw error
    report({ type: 'warning', text: `${input.name} is kept as it was pushed, and is no image here: ${error.message}` })
    return undefined
  }
  await originals.sync(signal)
  // A save is done when all is pinned; a push is done when it is found again.
  if ((await catalogue.findName(name, signal))?.toString() !== root) {
    throw new DockerIpfsError('NODE_FAILED', `${input.name} could not be written into the node's catalogue`)
  }
  await rememberLayers(platforms, options)
  return root
}

/** So that the next image with these layers finds them, whatever it is saved from. */
async function rememberLayers(platforms: readonly PushedPlatform[], { catalogue, signal }: PushOptions): Promise<void> {
  const layers = platforms.flatMap(({ config, layers }) =>
    layers.map(({ digest }, at) => ({ key: hexOf(digest), diffId: config.diffIds[at] ?? '' })),
  )
  const known = mapInOrder(layers, AT_ONCE, async ({ key, diffId }) => {
    const layer = await catalogue.findLayer(key, signal)
    return layer?.diffId === diffId ? [[key, layer] as const, [hexOf(diffId), layer] as const] : []
  })
  const all = new Map((await Array.fromAsync(known)).flat())
  if (all.size > 0) await catalogue.addLayers(all, signal)
}

async function copyBlobs(blobs: readonly Descriptor[], found: Found, options: PushOptions): Promise<void> {
  const { originals, signal } = options
  for (const blob of blobs) {
    if (isForeign(blob) || (await originals.blob(blob.digest, signal)) !== undefined) continue
    const bytes = verified(found.open(blob, signal), { ...blob, what: blob.digest })
    const received = await receive(bytes, options, signal)
    await received.keep(blob.digest)
  }
}

async function nameIt(name: string, digest: string, root: string | undefined, options: PushOptions): Promise<void> {
  const { catalogue, originals, signal } = options
  // An image loses a name that stands for something else from now on.
  if (root === undefined && (await catalogue.findName(name, signal)) !== undefined) {
    await catalogue.removeNames([name], signal)
  }
  await originals.addName(name, { digest, root }, signal)
}
