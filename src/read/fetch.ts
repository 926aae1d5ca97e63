import { findFile } from '../dag/block-source.ts'
import { isLeaf, readDirectory } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { linksOfFile } from '../dag/file-range.ts'
import { DockerIpfsError } from '../errors.ts'
import { blobPath, hexOf } from '../image/canonical.ts'
import type { BlockStore, OwnFiles } from '../store/blocks.ts'
import type { Traffic } from '../store/traffic.ts'
import { Arrival } from './arrival.ts'
import { BLOBS } from './layers.ts'
import { distinct, type ImageSource, type Reading } from './open-image.ts'
import { type Persisting, persist } from './persist.ts'
import { withoutStall } from './stall.ts'

/** The folder `sha256`, and the first block of each blob: all of a small one, such as the manifest. */
const LEVELS = 2
/** Time for them, in milliseconds: a block that nobody has may be one that is not wanted. */
const AHEAD_MS = 1000

/**
 * Gets the first block of each blob of an image with one request, as far as they come soon. Over a long way each document would be
 * waited for alone else, twice: for who has it, and for itself.
 */
export async function fetchAhead(blobs: CID, blocks: BlockStore, signal: AbortSignal): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(AHEAD_MS)])
  // Who reads them afterwards hears what is wrong.
  await Array.fromAsync(blocks.fetchBelow(blobs, limited, LEVELS)).catch(() => signal.throwIfAborted())
}

type SourceLayer = ImageSource['layers'][number]

interface Fetching extends Reading {
  readonly blocks: BlockStore
  readonly traffic: Traffic
}

interface Getting {
  readonly signal: AbortSignal
  /** Hears when anything comes. */
  readonly onProgress?: () => void
  /** Hears how many bytes of a layer, from its beginning, are there. */
  readonly advance?: (layer: SourceLayer, there: number) => void
}

/** Layers that are read as they come. */
export interface Following {
  readonly files: OwnFiles
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
  readonly #image: ImageSource
  readonly #fetching: Fetching
  readonly #fetched = new Set<string>()
  /** Resolves when the layers that are read are there; never, when they do not come. */
  readonly arrived: Promise<void>
  readonly #hasArrived: () => void

  constructor(image: ImageSource, fetching: Fetching) {
    this.#image = image
    this.#fetching = fetching
    const { promise, resolve } = Promise.withResolvers<void>()
    this.arrived = promise
    this.#hasArrived = resolve
  }

  /** Begins to get these layers, in this order; gives their files as they come, read from `files`. */
  follow(layers: readonly SourceLayer[], files: OwnFiles): Following {
    const stop = new AbortController()
    const signal = AbortSignal.any([this.#fetching.signal, stop.signal])
    const { root } = this.#image
    const { timeoutMs } = this.#fetching
    const arrivals = new Map(layers.map(({ digest, size }) => [digest, new Arrival(size)]))
    const work = this.#get(layers, {
      signal,
      advance: ({ digest }, there) => arrivals.get(digest)?.advance(there),
    })
    work.then(this.#hasArrived, (error) => {
      for (const arrival of arrivals.values()) arrival.fail(error)
    })
    const cat: OwnFiles['cat'] = async function* (file, signal, { offset, length }) {
      const end = offset + length
      for (let at = offset; at < end; ) {
        const to = Math.min((await arrivals.get(file.digest ?? '')?.beyond(at, signal)) ?? end, end)
        const stalled = new AbortController()
        const bytes = files.cat(file, AbortSignal.any([signal, stalled.signal]), { offset: at, length: to - at })
        yield* withoutStall(bytes, root, timeoutMs, stalled)
        at = to
      }
    }
    return { files: { cat }, close: () => stop.abort() }
  }

  /** Gets the layers that have not been asked for; `onProgress` hears when anything comes. */
  async rest(signal: AbortSignal, onProgress: () => void): Promise<void> {
    await this.#get(this.#image.layers, { signal, onProgress })
  }

  async #get(layers: readonly SourceLayer[], { signal, onProgress, advance }: Getting): Promise<void> {
    const missing: SourceLayer[] = []
    for (const layer of distinct(layers)) {
      // Of a load that sends all again, since the engine lost something.
      if (this.#fetched.has(layer.digest)) advance?.(layer, layer.size)
      else missing.push(layer)
    }
    if (missing.length === 0) return
    const { blocks } = this.#fetching
    const persisting = { ...this.#fetching, root: this.#image.root, signal, onProgress }
    const [tops, here] = [new Map<SourceLayer, CID>(), new Set<SourceLayer>()]
    await persist(persisting, async (round, heard) => {
      const cids = await this.#cidsOf(missing, round)
      const top = async (layer: SourceLayer, cid: CID) => {
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

  async #getOne(cid: CID, persisting: Persisting, advance: (there: number) => void): Promise<void> {
    const { blocks } = this.#fetching
    let most = 0
    await persist(persisting, async (round, heard) => {
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
  }

  /** @throws NOT_AN_IMAGE */
  async #cidsOf(layers: readonly SourceLayer[], signal: AbortSignal): Promise<CID[]> {
    const { root } = this.#image
    const block = (cid: CID) => this.#fetching.blocks.block(cid, signal)
    const folder = await findFile({ root, path: BLOBS }, block)
    const files = readDirectory({ cid: folder, bytes: await block(folder) })
    return layers.map(({ digest }) => {
      const cid = files?.get(hexOf(digest))
      if (cid === undefined) throw new DockerIpfsError('NOT_AN_IMAGE', `${root} has no ${blobPath(digest)}`)
      return cid
    })
  }
}
