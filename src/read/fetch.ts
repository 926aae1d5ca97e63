import { findFile } from '../dag/block-source.ts'
import { isLeaf, readDirectory } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { linksOfFile } from '../dag/file-range.ts'
import { DockerIpfsError } from '../errors.ts'
import { blobPath, hexOf } from '../image/canonical.ts'
import { ifAllowed } from '../store/allowed.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { Traffic } from '../store/traffic.ts'
import { within } from '../time.ts'
import { Arrival } from './arrival.ts'
import { BLOBS, distinct, type ImageLayer, type ReadLayer } from './layers.ts'
import type { ImageSource } from './open-image.ts'
import { type PersistOptions, persist } from './persist.ts'
import type { Seeker } from './seek.ts'
import { type ReadLimits, withoutStall } from './stall.ts'

/** The folder `sha256`, and the first block of each blob: all of a small one, such as the manifest. */
const LEVELS = 2
/** Time for them, in milliseconds: a block that nobody has may be one that is not wanted. */
const AHEAD_MS = 1000

/**
 * Gets the first block of each blob of an image with one request, as far as they come soon. Over a long way each document would be
 * waited for alone else, twice: for who has it, and for itself.
 */
export async function fetchAhead(
  blobs: CID,
  blocks: Pick<BlockStore, 'fetchBelow'>,
  signal: AbortSignal,
): Promise<void> {
  const fetched = within(AHEAD_MS, signal, (limited) => Array.fromAsync(blocks.fetchBelow(blobs, limited, LEVELS)))
  // Who reads them afterwards hears what is wrong.
  await fetched.catch(() => signal.throwIfAborted())
}

export interface FetchOptions extends ReadLimits {
  readonly blocks: Pick<BlockStore, 'block' | 'fetchBelow'>
  readonly traffic: Pick<Traffic, 'bytesReceived'>
  readonly seeker: Pick<Seeker, 'during'>
}

interface GetOptions {
  readonly signal: AbortSignal
  /** Hears when anything comes. */
  readonly onProgress?: () => void
  /** Hears how many bytes of a layer, from its beginning, are there. */
  readonly advance?: (layer: ImageLayer, there: number) => void
}

/** Layers that are on their way, and read as they come. */
export interface ArrivingLayers {
  readonly read: ReadLayer
  /** Settled when all of them are there, or why they will not be. */
  readonly done: Promise<void>
  /** Ends what is under way. */
  close(): void
}

/**
 * Gets layers from other nodes to this one, one layer after the other, however fast they are read: so that only one request at a time asks the
 * network for blocks. Two that want the same block lose it now and then (boxo 0.42, `peerwantmanager.go`). All that a DAG node
 * links is asked for at once, up to 1024 blocks, which is as many as a peer remembers: where several loads ask one peer it forgets some,
 * and only a new question brings them.
 */
export class LayerFetch {
  readonly #image: Pick<ImageSource, 'root' | 'layers'>
  readonly #options: FetchOptions
  readonly #fetched = new Set<string>()
  /** Resolves when the layers that are read are there; never, when they do not come. */
  readonly arrived: Promise<void>
  readonly #hasArrived: () => void

  constructor(image: Pick<ImageSource, 'root' | 'layers'>, options: FetchOptions) {
    this.#image = image
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<void>()
    this.arrived = promise
    this.#hasArrived = resolve
  }

  /** Begins to get these layers, in this order. They are read by `own`, which reads what is there, as they come. */
  follow(layers: readonly ImageLayer[], own: ReadLayer): ArrivingLayers {
    const stop = new AbortController()
    const signal = AbortSignal.any([this.#options.signal, stop.signal])
    const { root } = this.#image
    const { timeoutMs } = this.#options
    const arrivals = new Map(layers.map(({ digest, size }) => [digest, new Arrival(size)]))
    const work = this.#get(layers, {
      signal,
      advance: ({ digest }, there) => arrivals.get(digest)?.advance(there),
    })
    work.then(this.#hasArrived, (error) => {
      for (const arrival of arrivals.values()) arrival.fail(error)
    })
    const read: ReadLayer = async function* (layer, { offset, length }, signal) {
      const end = offset + length
      for (let at = offset; at < end; ) {
        const to = Math.min((await arrivals.get(layer.digest)?.beyond(at, signal)) ?? end, end)
        const stalled = new AbortController()
        const bytes = own(layer, { offset: at, length: to - at }, AbortSignal.any([signal, stalled.signal]))
        yield* withoutStall(bytes, root, timeoutMs, stalled)
        at = to
      }
    }
    return { read, done: work, close: () => stop.abort() }
  }

  /** Gets the layers that have not been asked for; `onProgress` hears when anything comes. */
  async rest(signal: AbortSignal, onProgress: () => void): Promise<void> {
    await this.#get(this.#image.layers, { signal, onProgress })
  }

  async #get(layers: readonly ImageLayer[], { signal, onProgress, advance }: GetOptions): Promise<void> {
    const missing: ImageLayer[] = []
    for (const layer of distinct(layers)) {
      // Of a load that sends all again, since the engine lost something.
      if (this.#fetched.has(layer.digest)) advance?.(layer, layer.size)
      else missing.push(layer)
    }
    if (missing.length === 0) return
    const { blocks } = this.#options
    const persisting = { ...this.#options, root: this.#image.root, signal, onProgress }
    const [tops, here] = [new Map<ImageLayer, CID>(), new Set<ImageLayer>()]
    await this.#persist(persisting, async (round, heard) => {
      const cids = await this.#cidsOf(missing, round)
      const top = async (layer: ImageLayer, cid: CID) => {
        tops.set(layer, cid)
        await blocks.block(cid, round)
        heard(!here.has(layer))
        here.add(layer)
      }
      // At once: else each would be waited for alone.
      await Promise.all(missing.map((layer, at) => top(layer, cids[at] as CID)))
    })
    for (const [layer, cid] of tops) {
      await this.#getOne(cid, persisting, (there) => advance?.(layer, there))
      this.#fetched.add(layer.digest)
      advance?.(layer, layer.size)
    }
  }

  /** Persists, and looks for others who have the image when nothing comes. */
  #persist(options: PersistOptions, ask: Parameters<typeof persist>[1]): Promise<void> {
    return this.#options.seeker.during(
      (onProgress) => persist({ ...options, onProgress }, ask),
      () => options.onProgress?.(),
    )
  }

  async #getOne(cid: CID, persisting: PersistOptions, advance: (there: number) => void): Promise<void> {
    const { blocks } = this.#options
    let most = 0
    const asked = this.#persist(persisting, async (round, heard) => {
      let [count, there] = [0, 0]
      const links = linksOfFile(cid, (inner) => blocks.block(inner, round))
      for await (const _ of blocks.fetchBelow(cid, round)) {
        count += 1
        // Of a file that others wrote nothing is known before all of it is there.
        const link = (await links.next().catch(() => undefined))?.value
        if (link && isLeaf(link.cid)) there += link.size
        // What came in an earlier round is told again.
        heard(count > most)
        if (count <= most) continue
        most = count
        advance(there)
      }
    })
    // Else what is lacking comes as it is read.
    await ifAllowed(asked)
  }

  /** @throws NOT_AN_IMAGE */
  async #cidsOf(layers: readonly ImageLayer[], signal: AbortSignal): Promise<CID[]> {
    const { root } = this.#image
    const block = (cid: CID) => this.#options.blocks.block(cid, signal)
    const folder = await findFile({ root, path: BLOBS }, block)
    const files = readDirectory({ cid: folder, bytes: await block(folder) })
    return layers.map(({ digest }) => {
      const cid = files?.get(hexOf(digest))
      if (cid === undefined) throw new DockerIpfsError('NOT_AN_IMAGE', `${root} has no ${blobPath(digest)}`)
      return cid
    })
  }
}
