import { setTimeout as sleep } from 'node:timers/promises'
import { findFile } from '../dag/block-source.ts'
import { isLeaf, readDirectory } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { linksOfFile } from '../dag/file-range.ts'
import { DockerIpfsError } from '../errors.ts'
import { blobPath, hexOf } from '../image/canonical.ts'
import type { Node } from '../kubo/node.ts'
import type { OwnFiles } from '../kubo/own-files.ts'
import { Arrival } from './arrival.ts'
import type { ImageSource, Reading } from './image-source.ts'

type SourceLayer = ImageSource['layers'][number]

/** Time in which nothing comes after which the node is asked anew, at first, in milliseconds; it doubles each time that nothing came. */
const QUIET_MS = 2000
/** As a part of the time limit, the most. */
const MOST_QUIET = 1 / 3
/** Time in which a node, and its peers, forget what is not asked for any more, in milliseconds. */
const PAUSE_MS = 300

interface Fetching extends Reading {
  readonly node: Node
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
    const arrivals = new Map(layers.map((layer) => [this.#pathOf(layer), new Arrival(layer.size)]))
    const work = this.#get(layers, signal, (layer, there) => arrivals.get(this.#pathOf(layer))?.advance(there))
    work.then(this.#hasArrived, (error) => {
      for (const arrival of arrivals.values()) arrival.fail(error)
    })
    const cat: OwnFiles['cat'] = async function* (path, signal, { offset, length }) {
      const end = offset + length
      for (let at = offset; at < end; ) {
        const to = Math.min((await arrivals.get(path)?.beyond(at, signal)) ?? end, end)
        yield* files.cat(path, signal, { offset: at, length: to - at })
        at = to
      }
    }
    return { files: { cat }, close: () => stop.abort() }
  }

  /** Gets the layers that have not been asked for. */
  async rest(signal: AbortSignal, onProgress: () => void): Promise<void> {
    await this.#get(this.#image.layers, signal, onProgress)
  }

  #pathOf(layer: SourceLayer): string {
    return `/ipfs/${this.#image.root}/${blobPath(layer.digest)}`
  }

  /** @param onProgress hears how many bytes of a layer, from its beginning, are there */
  async #get(
    layers: readonly SourceLayer[],
    signal: AbortSignal,
    onProgress: (layer: SourceLayer, there: number) => void,
  ): Promise<void> {
    const distinct = new Map(layers.map((layer) => [layer.digest, layer]))
    const missing = [...distinct.values()].filter(({ digest }) => !this.#fetched.has(digest))
    if (missing.length === 0) return
    const { node } = this.#fetching
    const cids = await this.#cidsOf(missing, signal)
    // Else each would be waited for alone.
    await this.#persist(signal, (round, heard) =>
      Promise.all(cids.map((cid) => node.block(cid, round).then(() => heard(true)))).then(() => undefined),
    )
    for (const [at, layer] of missing.entries()) {
      await this.#getOne(cids[at] as CID, signal, (there) => onProgress(layer, there))
      this.#fetched.add(layer.digest)
      onProgress(layer, layer.size)
    }
  }

  async #getOne(cid: CID, signal: AbortSignal, onProgress: (there: number) => void): Promise<void> {
    const { node } = this.#fetching
    let most = 0
    await this.#persist(signal, async (round, heard) => {
      let [count, there] = [0, 0]
      const links = linksOfFile(cid, (inner) => node.block(inner, round))
      for await (const _ of node.fetchBelow(cid, round)) {
        count += 1
        // Of a file that others wrote nothing is known before all of it is there.
        const link = (await links.next().catch(() => undefined))?.value
        if (link && isLeaf(link.cid)) there += link.size
        // What came in an earlier round is told again.
        heard(count > most)
        if (count <= most) continue
        most = count
        onProgress(there)
      }
    })
  }

  /** @throws NOT_AN_IMAGE */
  async #cidsOf(layers: readonly SourceLayer[], signal: AbortSignal): Promise<CID[]> {
    const { root } = this.#image
    const block = (cid: CID) => this.#fetching.node.block(cid, signal)
    const folder = await findFile(`/ipfs/${root}/blobs/sha256`, block)
    const files = readDirectory({ cid: folder, bytes: await block(folder) })
    return layers.map(({ digest }) => {
      const cid = files?.get(hexOf(digest))
      if (cid === undefined) throw new DockerIpfsError('NOT_AN_IMAGE', `${root} has no ${blobPath(digest)}`)
      return cid
    })
  }

  /**
   * Asks anew as often as nothing comes for too long.
   * @param ask says of each thing that comes whether it is new
   */
  async #persist(
    signal: AbortSignal,
    ask: (round: AbortSignal, heard: (isNew: boolean) => void) => Promise<void>,
  ): Promise<void> {
    const longest = this.#fetching.timeoutMs * MOST_QUIET
    for (let quietMs = QUIET_MS; ; ) {
      const round = new AbortController()
      let hasCome = false
      const timer = setTimeout(() => round.abort(), Math.min(quietMs, longest))
      const heard = (isNew: boolean) => {
        hasCome ||= isNew
        timer.refresh()
      }
      try {
        await ask(AbortSignal.any([signal, round.signal]), heard)
        return
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (!round.signal.aborted) throw error
      } finally {
        clearTimeout(timer)
      }
      quietMs = hasCome ? QUIET_MS : 2 * quietMs
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}
