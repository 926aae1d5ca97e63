import { code as DAG_PB } from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import { catBlocks, type FileRef, type Range } from '../../../src/dag/block-source.ts'
import { type Block, blockKey, checkBlock, hasOurHash, linksOf } from '../../../src/dag/blocks.ts'
import { rawCid } from '../../../src/dag/cid.ts'
import { type Below, readBelow } from '../../../src/dag/sizes.ts'
import type { BlockStore, ImportSession, OwnDag, OwnFiles } from '../../../src/store/blocks.ts'
import type { Bytes } from '../../../src/streams.ts'
import { MemorySink } from '../memory-sink.ts'
import { never } from '../never.ts'
import type { MemoryPins } from './pins.ts'

/** A node's blocks in memory. What it lacks it gets from `others`, and waits for like Kubo where none of them has it. */
export class MemoryBlocks extends MemorySink implements BlockStore {
  /** Nodes that it is connected to. */
  readonly others: MemoryBlocks[] = []
  /** Bytes of blocks that came from them. */
  bytesFetched = 0
  /** Bytes of blocks that others took. */
  bytesSent = 0
  readonly #pins: MemoryPins

  constructor(pins: MemoryPins) {
    super()
    this.#pins = pins
  }

  /** The bytes with this hash, whatever codec they were put under: a node keeps blocks by their hash. */
  own(cid: CID): Uint8Array | undefined {
    const asNode = () => this.blocks.get(CID.createV1(DAG_PB, cid.multihash).toString())
    return this.blocks.get(cid.toString()) ?? this.blocks.get(rawCid(cid).toString()) ?? asNode()
  }

  async block(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted()
    const own = this.own(cid)
    if (own !== undefined) {
      checkBlock({ cid, bytes: own })
      return own
    }
    for (const other of this.others) {
      const bytes = other.own(cid)
      if (bytes === undefined) continue
      await this.put({ cid, bytes })
      this.bytesFetched += bytes.length
      other.bytesSent += bytes.length
      return bytes
    }
    return never(signal)
  }

  async mayImport(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
  }

  async ownBlock(cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined> {
    signal.throwIfAborted()
    const bytes = this.own(cid)
    if (bytes !== undefined) checkBlock({ cid, bytes })
    return bytes
  }

  below(cid: CID, signal: AbortSignal): Promise<Below | undefined> {
    const ownBlock = async () => (hasOurHash(cid) ? this.ownBlock(cid, signal) : this.own(cid))
    return readBelow({ ownBlock }, cid, signal)
  }

  async hasBlock(cid: CID, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted()
    return this.own(cid) !== undefined
  }

  async *cat(file: FileRef, signal: AbortSignal, range?: Range): Bytes {
    yield* catBlocks(file, (cid, limited) => this.block(cid, limited), signal, range)
  }

  async *fetchBelow(cid: CID, signal: AbortSignal, levels = -1): AsyncIterable<void> {
    if (levels === 0) return
    for (const link of linksOf({ cid, bytes: await this.block(cid, signal) })) {
      await this.block(link.cid, signal)
      yield
      yield* this.fetchBelow(link.cid, signal, levels - 1)
    }
  }

  async ownDag(root: CID, signal: AbortSignal): Promise<OwnDag | undefined> {
    signal.throwIfAborted()
    const found = new Map<string, number>()
    const isWhole = (cid: CID): boolean => {
      const bytes = this.own(cid)
      if (bytes === undefined) return false
      found.set(blockKey(cid), bytes.length)
      return linksOf({ cid, bytes }).every((link) => isWhole(link.cid))
    }
    if (!isWhole(root)) return undefined
    return { blocks: found.size, bytes: [...found.values()].reduce((sum, size) => sum + size, 0) }
  }

  ownFiles(): OwnFiles {
    return { cat: (file, signal, range) => this.cat(file, signal, range) }
  }

  openImport(signal: AbortSignal, known: Promise<ReadonlySet<string>> = Promise.resolve(new Set())): ImportSession {
    const over = new AbortController()
    const sent = { blocks: 0, bytes: 0 }
    const seen = new Set<string>()
    let skipped = 0
    return {
      sent,
      over: over.signal,
      get skipped() {
        return skipped
      },
      put: async (block: Block) => {
        signal.throwIfAborted()
        if (seen.has(blockKey(block.cid))) return
        seen.add(blockKey(block.cid))
        if ((await known).has(blockKey(block.cid))) {
          skipped += 1
          return
        }
        await this.put(block)
        sent.blocks += 1
        sent.bytes += block.bytes.length
      },
      finish: async (...roots: CID[]) => {
        for (const root of roots) await this.#pins.pin(root, '', signal)
        over.abort(new Error('the import is over'))
        return { blocks: sent.blocks, bytes: sent.bytes }
      },
      abort: async (reason: unknown) => over.abort(reason),
    }
  }
}
