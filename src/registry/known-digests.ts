import type { Catalogue } from '../catalogue/catalogue.ts'
import { rootOfRecord } from '../catalogue/list.ts'
import type { ImageRecord } from '../catalogue/records.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import { isIndex, MAX_DOCUMENT, readIndex, readOciManifest } from '../image/documents.ts'
import { blobFile } from '../read/layers.ts'
import { ifAllowed } from '../store/allowed.ts'
import type { Blocks } from '../store/blocks.ts'
import type { Pins } from '../store/pins.ts'
import { collect, mapInOrder, sha256 } from '../streams.ts'
import { within } from '../time.ts'

export interface KnownDigestsOptions {
  readonly catalogue: Pick<Catalogue, 'top' | 'records'>
  readonly blocks: Pick<Blocks, 'cat'>
  readonly pins: Pick<Pins, 'pinnedRoots'>
  /** As long as the registry is there. */
  readonly signal: AbortSignal
}

/** For how long the catalogue is taken for what it was, in milliseconds. */
const FRESH_MS = 1000
/** Time for one look at the catalogue, or for one manifest, in milliseconds: they are on the node. */
const LOOK_MS = 10_000
/** Manifests that are read at once. */
const AT_ONCE = 8
/** Digests that are remembered, some 150 bytes each; what is beyond that is not found by its digest alone. */
const MAX_DIGESTS = 200_000
const MAX_INDEX = 1000

interface KnownImage {
  readonly root: CID
  readonly manifestDigest: string | undefined
  readonly digests: Set<string>
  /** Its manifest was read, or cannot be. */
  isRead: boolean
}

/**
 * Which image of the catalogue has a manifest or blob of some digest. Records say the digests of configs, manifests and diffIDs; those of
 * layers stand in manifests, which are read once, when somebody asks for what no record says.
 */
export class KnownDigests {
  readonly #options: KnownDigestsOptions
  readonly #images = new Map<string, KnownImage>()
  #top: string | undefined
  #freshUntil = 0
  #count = 0
  #looking: Promise<void> | undefined
  #reading: Promise<void> | undefined

  constructor(options: KnownDigestsOptions) {
    this.#options = options
  }

  /**
   * Roots of images that have it. Nothing of that is checked.
   * @throws NODE_*
   */
  async find(digest: string): Promise<readonly CID[]> {
    await this.#look()
    const found = this.#with(digest)
    if (found.length > 0 || [...this.#images.values()].every(({ isRead }) => isRead)) return found
    this.#reading ??= this.#readManifests().finally(() => {
      this.#reading = undefined
    })
    await this.#reading
    return this.#with(digest)
  }

  #with(digest: string): CID[] {
    return [...this.#images.values()].flatMap(({ root, digests }) => (digests.has(digest) ? [root] : []))
  }

  /** Looks at the catalogue, unless that was just done. Other processes write there too. */
  async #look(): Promise<void> {
    if (performance.now() < this.#freshUntil) return
    this.#looking ??= within(LOOK_MS, this.#options.signal, (signal) => this.#readCatalogue(signal)).finally(() => {
      this.#looking = undefined
    })
    await this.#looking
  }

  async #readCatalogue(signal: AbortSignal): Promise<void> {
    const { catalogue } = this.#options
    const top = (await catalogue.top(signal))?.toString()
    if (top !== this.#top || top === undefined) {
      this.#take(top === undefined ? new Map() : await catalogue.records(signal))
      this.#top = top
    }
    this.#freshUntil = performance.now() + FRESH_MS
  }

  #take(records: ReadonlyMap<string, ImageRecord | undefined>): void {
    for (const [key, { digests }] of this.#images) {
      if (records.get(key) !== undefined) continue
      this.#images.delete(key)
      this.#count -= digests.size
    }
    for (const [key, record] of records) {
      const root = record === undefined ? undefined : rootOfRecord(key)
      if (root === undefined || record === undefined || this.#images.has(key)) continue
      const { configDigest, manifestDigest, layers } = record
      const image = { root, manifestDigest, digests: new Set<string>(), isRead: manifestDigest === undefined }
      this.#images.set(key, image)
      this.#add(image, [configDigest, ...layers, ...(manifestDigest === undefined ? [] : [manifestDigest])])
    }
  }

  #add({ digests }: KnownImage, more: readonly string[]): void {
    for (const digest of more) {
      if (this.#count >= MAX_DIGESTS || digests.has(digest)) continue
      digests.add(digest)
      this.#count += 1
    }
  }

  async #readManifests(): Promise<void> {
    const { pins, signal } = this.#options
    // What is not pinned may be far away.
    const pinned = (await within(LOOK_MS, signal, (limited) => ifAllowed(pins.pinnedRoots(limited)))) ?? new Set()
    const unread = [...this.#images.values()].filter(({ root, isRead }) => !isRead && pinned.has(root.toString()))
    const reading = mapInOrder(unread, AT_ONCE, async (image) => {
      image.isRead = true
      this.#add(image, await this.#digestsOf(image))
    })
    for await (const _ of reading);
  }

  /** All that its manifests name; nothing where they cannot be read. */
  async #digestsOf({ root, manifestDigest }: KnownImage): Promise<string[]> {
    const { signal } = this.#options
    try {
      return await within(LOOK_MS, signal, (limited) => this.#named(root, manifestDigest ?? '', limited))
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof DockerIpfsError || error instanceof DOMException) return []
      throw error
    }
  }

  async #named(root: CID, digest: string, signal: AbortSignal): Promise<string[]> {
    const source = { what: `the manifest of ${root}`, code: 'NOT_AN_IMAGE' } as const
    const bytes = await collect(this.#options.blocks.cat(blobFile(root, digest), signal), MAX_DOCUMENT, source.what)
    if (sha256(bytes) !== digest) throw new DockerIpfsError('INTEGRITY', `${source.what} does not match its digest`)
    if (!isIndex(bytes, source)) {
      const { config, layers } = readOciManifest(bytes, source)
      return [config, ...layers].map((blob) => blob.digest)
    }
    const named: string[] = []
    for (const entry of readIndex(bytes, source).slice(0, MAX_INDEX)) {
      // No index in an index.
      if (entry.digest === digest || named.includes(entry.digest)) continue
      named.push(entry.digest, ...(await this.#named(root, entry.digest, signal)))
    }
    return named
  }
}
