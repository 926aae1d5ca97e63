import type { KuboRPCClient } from 'kubo-rpc-client'
import { checkBlock, MAX_BLOCK } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import { type Bytes, collect } from '../streams.ts'
import { Catalogue } from './catalogue.ts'
import { createClient } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import { type ImportSession, openImport } from './import.ts'
import { Mfs } from './mfs.ts'
import { Naming } from './naming.ts'
import { type OwnFiles, openOwnFiles } from './own-files.ts'
import { Publications } from './publications.ts'
import { announce, providers } from './routing.ts'
import { answerOf, askObject, bytesOf, call, jsonLines, nodeError, nodeFailed, shown } from './rpc.ts'
import { askVersion } from './version.ts'

export type { ImportSession } from './import.ts'

/** What the use cases need of a Kubo node. Every error is one of NODE_UNREACHABLE, NODE_FAILED or the signal's reason. */
export interface Node {
  /** The address for messages, without secrets. */
  readonly address: string
  /** The names and layers that this node keeps. */
  readonly catalogue: Catalogue
  /** What was published from here, and what was pulled. */
  readonly publications: Publications
  /** IPNS and DNSLink. */
  readonly naming: Naming
  /** Answers when the node does; gives its version, e.g. "0.43.0". NODE_FAILED when it is too old, or no Kubo. */
  version(signal: AbortSignal): Promise<string>
  /** Opens a request that takes blocks and pins their root at the end; blocks of `known` (see `blockKey`) are not sent. */
  openImport(signal: AbortSignal, known?: Promise<ReadonlySet<string>>): ImportSession
  /** One block, checked against its CID, from this node or whoever it finds; waits as long as the signal lets it. */
  block(cid: CID, signal: AbortSignal): Promise<Uint8Array>
  /** One block, checked against its CID, of this node's own repository; undefined when it is not there. */
  ownBlock(cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined>
  /** Whether the node itself has the block. */
  hasBlock(cid: CID, signal: AbortSignal): Promise<boolean>
  /** The bytes of a file at `/ipfs/<cid>/…`, from this node or whoever it finds; waits as long as the signal lets it. */
  cat(path: string, signal: AbortSignal, range?: Range): Bytes
  /**
   * Gets what is below a block, from whoever the node finds; waits as long as the signal lets it. Yields once for each link, depth first, when
   * its block is there, however often that is linked. A node asks for all that one of the DAG's nodes links at once, with a session for all.
   * `levels`: so many, not all.
   */
  fetchBelow(cid: CID, signal: AbortSignal, levels?: number): AsyncIterable<void>
  /** A quicker reader, of files that this node has all of. */
  ownFiles(signal: AbortSignal): OwnFiles
  /** Bytes of blocks that the node has got from the network since it was started. */
  bytesFetched(signal: AbortSignal): Promise<number>
  /** All bytes that other nodes sent about blocks, with those of a block under way; where the node does not count them, as above. */
  bytesReceived(signal: AbortSignal): Promise<number>
  /** Fetches the whole DAG and pins it under a name. Tells whenever more of it is there. */
  pin(root: CID, name: string, signal: AbortSignal, onProgress?: () => void): Promise<void>
  /**
   * Pins a root whose blocks are there or are those of another that is pinned; only what differs from that one is walked. False where the node
   * does not do it.
   */
  pinBeside(root: CID, pinned: CID, signal: AbortSignal): Promise<boolean>
  unpin(root: CID, signal: AbortSignal): Promise<void>
  /** What the pin of a root is called, often nothing; undefined when it has none. */
  pinName(root: CID, signal: AbortSignal): Promise<string | undefined>
  isPinned(root: CID, signal: AbortSignal): Promise<boolean>
  /** All that is pinned with what belongs to it. */
  pinnedRoots(signal: AbortSignal): Promise<ReadonlySet<string>>
  /** Bytes that the node's repository takes on its disk. */
  repoSize(signal: AbortSignal): Promise<number>
  /** IDs of nodes that say they have the root, as far as the network answers in time. */
  providers(root: CID, timeoutMs: number, signal: AbortSignal): Promise<string[]>
  /** Tells the routing system that this node has the root. */
  announce(root: CID, signal: AbortSignal): Promise<void>
  /** Number of peers the node is connected to. */
  peers(signal: AbortSignal): Promise<number>
}

/** A part of a file, in bytes. */
export interface Range {
  readonly offset: number
  readonly length: number
}

/** A line of the answer of `pin/add`. */
interface PinLine {
  readonly Pins?: readonly string[]
  readonly Progress?: number
}

/** A line of the answer of `refs`. */
interface RefLine {
  readonly Err?: string
}

/** The protocol by which nodes give each other blocks. */
const BITSWAP = '/ipfs/bitswap/1.2.0'

/** Time for an answer that needs no network, in milliseconds. kubo-rpc-client's own timeout never fires. */
const ANSWER_MS = 30_000

/** The node behind an address. Opens no connection yet. */
export function createNode(endpoint: Endpoint): Node {
  return new KuboNode(endpoint)
}

class KuboNode implements Node {
  readonly address: string
  readonly catalogue: Catalogue
  readonly publications: Publications
  readonly naming: Naming
  readonly #endpoint: Endpoint
  readonly #client: KuboRPCClient

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
    this.address = shown(endpoint)
    this.#client = createClient(endpoint)
    const mfs = new Mfs(this.#client, endpoint)
    this.catalogue = new Catalogue(mfs)
    this.publications = new Publications(mfs)
    this.naming = new Naming(endpoint)
  }

  async version(signal: AbortSignal): Promise<string> {
    return this.#ask(signal, (limited) => askVersion(this.#endpoint, limited))
  }

  openImport(signal: AbortSignal, known?: Promise<ReadonlySet<string>>): ImportSession {
    return openImport(this.#endpoint, signal, known)
  }

  block(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    return this.#block(cid, '', signal)
  }

  async ownBlock(cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined> {
    try {
      return await this.#block(cid, '&offline=true', signal)
    } catch (error) {
      if (error instanceof DockerIpfsError && error.code === 'NODE_FAILED') return undefined
      throw error
    }
  }

  async #block(cid: CID, options: string, signal: AbortSignal): Promise<Uint8Array> {
    const response = await call(this.#endpoint, { path: `block/get?arg=${cid.toString()}${options}`, signal })
    const bytes = await collect(bytesOf(response, this.#endpoint, signal), MAX_BLOCK, `block ${cid.toString()}`)
    checkBlock({ cid, bytes })
    return bytes
  }

  async hasBlock(cid: CID, signal: AbortSignal): Promise<boolean> {
    try {
      const response = await call(this.#endpoint, { path: `block/stat?arg=${cid.toString()}&offline=true`, signal })
      await answerOf(response, this.#endpoint, signal)
      return true
    } catch (error) {
      if (error instanceof DockerIpfsError && error.code === 'NODE_FAILED') return false
      throw error
    }
  }

  async *cat(path: string, signal: AbortSignal, range?: Range): Bytes {
    const part = range === undefined ? '' : `&offset=${range.offset}&length=${range.length}`
    const response = await call(this.#endpoint, { path: `cat?arg=${encodeURIComponent(path)}${part}`, signal })
    yield* bytesOf(response, this.#endpoint, signal)
  }

  async *fetchBelow(cid: CID, signal: AbortSignal, levels = -1): AsyncIterable<void> {
    const path = `refs?arg=${cid.toString()}&recursive=true&max-depth=${levels}`
    const response = await call(this.#endpoint, { path, signal })
    for await (const { Err } of jsonLines<RefLine>(bytesOf(response, this.#endpoint, signal))) {
      if (Err) throw nodeFailed(Err, new Error(Err))
      yield
    }
  }

  ownFiles(signal: AbortSignal): OwnFiles {
    const cat: Node['cat'] = (path, signal, range) => this.cat(path, signal, range)
    return openOwnFiles({ endpoint: this.#endpoint, proof: this.catalogue.top(signal), cat }, signal)
  }

  async bytesFetched(signal: AbortSignal): Promise<number> {
    return this.#ask(signal, async (limited) =>
      Number((await this.#client.bitswap.stat({ signal: limited })).dataReceived),
    )
  }

  async bytesReceived(signal: AbortSignal): Promise<number> {
    const ask = (limited: AbortSignal) => askObject(this.#endpoint, `stats/bw?proto=${BITSWAP}`, limited)
    const total = (await this.#ask(signal, ask).catch(() => undefined))?.['TotalIn']
    // It does not count with Swarm.DisableBandwidthMetrics.
    return typeof total === 'number' ? total : this.bytesFetched(signal)
  }

  async pin(root: CID, name: string, signal: AbortSignal, onProgress = () => {}): Promise<void> {
    // Plain HTTP: kubo-rpc-client cannot ask for progress, and a pin that takes long sends nothing else.
    const path = `pin/add?arg=${root.toString()}&name=${encodeURIComponent(name)}&progress=true`
    const response = await call(this.#endpoint, { path, signal })
    let count = 0
    let pinned = false
    for await (const { Pins, Progress = 0 } of jsonLines<PinLine>(bytesOf(response, this.#endpoint, signal))) {
      pinned ||= Pins?.includes(root.toString()) === true
      if (Progress > count) onProgress()
      count = Math.max(count, Progress)
    }
    if (!pinned) throw nodeFailed(`the pin ended after ${count} blocks`, new Error('no line confirms the pin'))
  }

  async pinBeside(root: CID, pinned: CID, signal: AbortSignal): Promise<boolean> {
    try {
      const path = `pin/update?arg=${pinned.toString()}&arg=${root.toString()}&unpin=false`
      const response = await call(this.#endpoint, { path, signal })
      for await (const { Pins } of jsonLines<PinLine>(bytesOf(response, this.#endpoint, signal))) {
        if (Pins?.includes(root.toString())) return true
      }
      return false
    } catch (error) {
      if (error instanceof DockerIpfsError && error.code === 'NODE_FAILED') return false
      throw error
    }
  }

  async unpin(root: CID, signal: AbortSignal): Promise<void> {
    await this.#ask(signal, (limited) => this.#client.pin.rm(root, { signal: limited }))
  }

  async pinName(root: CID, signal: AbortSignal): Promise<string | undefined> {
    return this.#ask(signal, async (limited) => {
      try {
        const path = `pin/ls?arg=${root.toString()}&type=recursive&names=true`
        const response = await call(this.#endpoint, { path, signal: limited })
        const { Keys } = (await response.json()) as { Keys?: Readonly<Record<string, { readonly Name?: string }>> }
        const pin = Keys?.[root.toString()]
        return pin === undefined ? undefined : (pin.Name ?? '')
      } catch (error) {
        if (/is not pinned/.test(messageOf(error))) return undefined
        throw error
      }
    })
  }

  async isPinned(root: CID, signal: AbortSignal): Promise<boolean> {
    return (await this.pinName(root, signal)) !== undefined
  }

  async pinnedRoots(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const response = await call(this.#endpoint, { path: 'pin/ls?type=recursive&stream=true', signal })
    const roots = new Set<string>()
    for await (const { Cid } of jsonLines<{ Cid: string }>(bytesOf(response, this.#endpoint, signal))) {
      if (Cid !== undefined) roots.add(Cid)
    }
    return roots
  }

  async repoSize(signal: AbortSignal): Promise<number> {
    return this.#ask(signal, async (limited) => Number((await this.#client.repo.stat({ signal: limited })).repoSize))
  }

  announce(root: CID, signal: AbortSignal): Promise<void> {
    return announce(root, this.#endpoint, signal)
  }

  providers(root: CID, timeoutMs: number, signal: AbortSignal): Promise<string[]> {
    return providers(root, { endpoint: this.#endpoint, timeoutMs, signal })
  }

  async peers(signal: AbortSignal): Promise<number> {
    return this.#ask(signal, async (limited) => (await this.#client.swarm.peers({ signal: limited })).length)
  }

  /** A call that needs no network: it has a time limit, and its errors are put into our words. */
  async #ask<T>(signal: AbortSignal, ask: (limited: AbortSignal) => Promise<T>): Promise<T> {
    const limit = AbortSignal.timeout(ANSWER_MS)
    try {
      return await ask(AbortSignal.any([signal, limit]))
    } catch (error) {
      if (limit.aborted && !signal.aborted) {
        throw new DockerIpfsError('NODE_UNREACHABLE', `the IPFS node at ${this.address} does not answer`, {
          cause: error,
        })
      }
      throw nodeError(error, this.#endpoint, signal)
    }
  }
}
