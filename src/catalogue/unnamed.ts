import { hasOurHash, readDirectory } from '../dag/blocks.ts'
import { type CID, parseCid } from '../dag/cid.ts'
import type { OwnBlocks } from '../dag/sizes.ts'
import { AT_ONCE } from '../dag/walk.ts'
import { hasCode } from '../errors.ts'
import { type PushedManifest, readPushed } from '../image/pushed.ts'
import type { Pins } from '../store/pins.ts'
import { mapInOrder } from '../streams.ts'
import type { Catalogue } from './catalogue.ts'
import type { OriginalManifest, Originals } from './originals.ts'
import { readUpload, UPLOAD_RECORD, UPLOADED_BLOB } from './records.ts'

/** Time that a push has from its first blob to its manifest, in milliseconds. */
export const UPLOAD_MS = 60 * 60 * 1000

export interface UnnamedOptions {
  readonly originals: Originals
  readonly catalogue: Pick<Catalogue, 'findName' | 'records'>
  readonly blocks: OwnBlocks
  readonly pins: Pick<Pins, 'isPinned' | 'pinnedRoots' | 'unpin'>
  readonly signal: AbortSignal
  /** What came since then may be of a push that goes on; milliseconds since 1970. */
  readonly before: number
}

/** What was pushed, and what no name leads to any more. */
export interface Unnamed {
  /** Full names that stand for something else by now. */
  readonly names: readonly string[]
  readonly manifests: readonly OriginalManifest[]
  /** Digests. */
  readonly blobs: readonly string[]
}

/** A manifest that was pushed, with what it names; that is undefined where it cannot be read. */
interface Read {
  readonly original: OriginalManifest
  readonly pushed: PushedManifest | undefined
}

/**
 * Looks for what no name leads to, and changes nothing. A manifest is needed by a name, by an index, and by the manifest that it belongs to.
 * @throws NODE_*
 */
export async function findUnnamed(options: UnnamedOptions): Promise<Unnamed> {
  const { originals, before, signal } = options
  await originals.sync(signal)
  const all = await readAll(originals, signal)
  const { stale, digests } = await namedDigests(options)
  const live = needed(all, digests, before)
  const kept = blobsOf(all.filter(({ original }) => live.has(original.digest)))
  const uploads = await originals.uploads(signal)
  for (const { digest, at } of uploads) if (at !== undefined && at >= before) kept.add(digest)
  const blobs = [...(await originals.blobs(signal)), ...uploads.map(({ digest }) => digest)]
  return {
    names: stale,
    manifests: all.flatMap(({ original }) => (live.has(original.digest) ? [] : [original])),
    blobs: [...new Set(blobs)].filter((digest) => !kept.has(digest)),
  }
}

/** @throws NODE_* */
export async function removeUnnamed({ names, manifests, blobs }: Unnamed, options: UnnamedOptions): Promise<void> {
  const { originals, signal } = options
  for (const name of names) await originals.removeName(name, signal)
  for (const original of manifests) await originals.removeManifest(original.digest, read(original)?.subject, signal)
  for (const digest of blobs) await originals.removeBlob(digest, signal)
  await unpinBroken(options)
}

/**
 * Looks through the blobs that came before some time: what a manifest names is kept for good, the rest is left to the node's GC.
 * @returns digests of those that went
 * @throws NODE_*
 */
export async function sweepUploads(options: UnnamedOptions): Promise<string[]> {
  const { originals, pins, before, signal } = options
  await originals.sync(signal)
  const old = (await originals.uploads(signal)).filter(({ at }) => at === undefined || at < before)
  if (old.length === 0) return []
  const named = blobsOf(await readAll(originals, signal))
  const gone: string[] = []
  for (const { digest, folder } of old) {
    const blob = named.has(digest) ? await originals.blob(digest, signal) : undefined
    if (blob === undefined) gone.push(digest)
    else await originals.addBlob(digest, blob.cid, signal)
    await originals.removeUpload(digest, signal)
    if (await pins.isPinned(folder, signal)) await pins.unpin(folder, signal)
  }
  return gone
}

async function readAll(originals: Originals, signal: AbortSignal): Promise<Read[]> {
  return (await originals.manifests(signal)).map((original) => ({ original, pushed: read(original) }))
}

function read({ bytes, mediaType }: OriginalManifest): PushedManifest | undefined {
  try {
    return readPushed(bytes, mediaType)
  } catch (error) {
    if (!hasCode(error, 'ARCHIVE_INVALID')) throw error
    return undefined
  }
}

/** Digests of all that a manifest names as blobs. */
function blobsOf(manifests: readonly Read[]): Set<string> {
  const descriptors = manifests.flatMap(({ pushed }) => [
    ...(pushed?.layers ?? []),
    ...(pushed?.config ? [pushed.config] : []),
  ])
  return new Set(descriptors.map(({ digest }) => digest))
}

/** What names stand for, and those names that stand for something else by now: a save, a tag or `rm` came after the push. */
async function namedDigests({ originals, catalogue, signal }: UnnamedOptions) {
  const stale: string[] = []
  const digests = new Set<string>()
  const looked = mapInOrder(await originals.names(undefined, signal), AT_ONCE, async (name) => {
    const [original, root] = await Promise.all([originals.named(name, signal), catalogue.findName(name, signal)])
    return { name, digest: original?.root === root?.toString() ? original?.digest : undefined }
  })
  for await (const { name, digest } of looked) {
    if (digest === undefined) stale.push(name)
    else digests.add(digest)
  }
  // What belongs to an image that nobody pushed, such as its signature.
  for (const record of (await catalogue.records(signal)).values()) {
    if (record?.manifestDigest !== undefined) digests.add(record.manifestDigest)
  }
  return { stale, digests }
}

/** Digests of the manifests that are needed. */
function needed(all: readonly Read[], named: ReadonlySet<string>, before: number): Set<string> {
  const live = new Set(named)
  for (const { original } of all) if (original.at >= before) live.add(original.digest)
  for (let size = -1; size < live.size; ) {
    size = live.size
    for (const { original, pushed } of all) {
      if (pushed?.subject !== undefined && live.has(pushed.subject)) live.add(original.digest)
      if (live.has(original.digest)) for (const { digest } of pushed?.manifests ?? []) live.add(digest)
    }
  }
  return live
}

/** A door that was killed between a blob's pin and its link has left the pin. */
async function unpinBroken({ blocks, pins, before, signal }: UnnamedOptions): Promise<void> {
  const roots = [...(await pins.pinnedRoots(signal))].map(parseCid)
  const looked = mapInOrder(roots, AT_ONCE, async (root) => {
    const at = await uploadedAt(root, blocks, signal)
    return at !== undefined && at < before ? [root] : []
  })
  for await (const broken of looked) for (const root of broken) await pins.unpin(root, signal)
}

/** When the folder of a blob that came was written; undefined for whatever else is pinned. */
async function uploadedAt(root: CID, blocks: OwnBlocks, signal: AbortSignal): Promise<number | undefined> {
  const own = async (cid: CID) => (hasOurHash(cid) ? blocks.ownBlock(cid, signal) : undefined)
  try {
    const bytes = await own(root)
    const entries = bytes && readDirectory({ cid: root, bytes })
    const record = entries?.has(UPLOADED_BLOB) ? entries.get(UPLOAD_RECORD) : undefined
    return record === undefined ? undefined : readUpload(await own(record))?.at
  } catch (error) {
    if (!hasCode(error, 'INTEGRITY')) throw error
    return undefined
  }
}
