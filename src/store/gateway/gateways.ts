// Trustless HTTP gateways (https://specs.ipfs.tech/http-gateways/trustless-gateway/) as a place where images are read. A range of a file
// below the root is asked for as a CAR, since gateways find who has roots; the walk from the root down says which block comes next, so
// that each is checked before it is used. pool.ts goes on with another gateway behind the last right leaf; one whose CARs are of no use
// is asked for single blocks, and one that sent wrong bytes for nothing more. request.ts is one request, of which nothing is believed.

import { type FileRef, findFile, MAX_WHOLE, pathOf, type Range } from '../../dag/block-source.ts'
import { type Block, blockKey, isLeaf, keyOfDigest, MAX_BLOCK, matches, readDirectory } from '../../dag/blocks.ts'
import { CarSections, invalidCar } from '../../dag/car-sections.ts'
import type { CID } from '../../dag/cid.ts'
import { cutLeaf, type LeafPart, leavesInRange } from '../../dag/file-range.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import { ByteQueue, type Bytes, Collecting, collect, mapInOrder } from '../../streams.ts'
import type { Gateways } from '../gateways.ts'
import { type Attempt, Pool, type PoolOptions } from './pool.ts'
import { ask, Busy } from './request.ts'

export function createGateways(options: PoolOptions): Gateways {
  return new HttpGateways(options)
}

/** A block in a CAR, with its CID. */
const MAX_SECTION = MAX_BLOCK + 128
/** Bytes that a CAR may bring and nobody waits for: directories on the way, nodes that are known. Each block counts as some. */
const MAX_EXTRA = 4 * 1024 * 1024
const EXTRA_OF_BLOCK = 1024
/** Directories and nodes that are kept, since each range of a file leads through them again. */
const MAX_KNOWN = 64
/** Bytes of one that is worth keeping; a node of 1024 links has some 50 KiB. */
const MAX_NODE = 256 * 1024
/** Single blocks that are under way for one range. */
const BLOCKS_AT_ONCE = 6
/** How long the end of a CAR is waited for, when all that was wanted is there. */
const END_MS = 250

/** The beginning of image.tar, in which all documents stand; what a leaf has beyond it comes too (docs/format.md). */
const DOCUMENTS: Want = { from: 0, to: 16 * 1024 }

type ReadBlock = (cid: CID) => Promise<Uint8Array>

/** A part of a file: its first byte, and the one behind its last. */
interface Want {
  readonly from: number
  readonly to: number
}

class HttpGateways implements Gateways {
  readonly urls: readonly string[]
  bytesFetched = 0
  readonly #collecting = new Collecting()
  readonly #pool: Pool
  readonly #known = new Map<string, Uint8Array>()
  /** Paths of what the directories name that were asked for: gateways find who has the root, not who has each block. */
  readonly #paths = new Map<string, string>()

  constructor(options: PoolOptions) {
    this.urls = options.urls
    this.#pool = new Pool(options)
  }

  async ownBlock(cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined> {
    signal.throwIfAborted()
    return this.#known.get(blockKey(cid))
  }

  async block(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted()
    const known = this.#known.get(blockKey(cid))
    if (known !== undefined) return known
    const path = this.#paths.get(blockKey(cid))
    const bytes = await this.#pool.search(cid.toString(), signal, async (attempt) => {
      if (!attempt.asCar) return this.#rawBlock(cid, attempt, signal)
      if (path === undefined) return this.#rootBlock(cid, attempt, signal)
      return this.#withCar(`${path}?format=car&dag-scope=block`, attempt, signal, (next) => next(cid))
    })
    for (const [name, child] of readDirectory({ cid, bytes }) ?? []) {
      this.#paths.set(blockKey(child), `ipfs/${cid}/${encodeURIComponent(name)}`)
    }
    return bytes
  }

  async hasBlock(cid: CID, signal: AbortSignal): Promise<boolean> {
    try {
      await this.block(cid, signal)
      return true
    } catch (error) {
      if (hasCode(error, 'CONTENT_NOT_FOUND')) return false
      throw error
    }
  }

  /** Reads on however slowly the bytes are taken; without a range, a file of at most `MAX_WHOLE`. */
  async *cat(file: FileRef, signal: AbortSignal, range: Range = { offset: 0, length: MAX_WHOLE }): Bytes {
    signal.throwIfAborted()
    if (range.length <= 0) return
    const known = this.#knownLeaf(file)
    if (known !== undefined) {
      yield known.subarray(range.offset, range.offset + range.length)
      return
    }
    const parts = new ByteQueue()
    const want = { from: range.offset, to: range.offset + range.length }
    const search = this.#pool.search(pathOf(file), signal, async (attempt) => {
      // What an attempt has got is kept: the next one goes on behind it.
      const keep = (bytes: Uint8Array) => {
        parts.push(bytes)
        want.from += bytes.length
      }
      if (attempt.asCar) await this.#readCar(file, want, attempt, signal, keep)
      else await this.#readBlocks(file, want, attempt, signal, keep)
    })
    parts.endWith(search)
    for await (const bytes of parts) {
      // What was read ahead is there already.
      signal.throwIfAborted()
      yield bytes
    }
  }

  /** A file that is one leaf has the digest of that block, which is known where the documents have come. */
  #knownLeaf({ digest }: FileRef): Uint8Array | undefined {
    return digest === undefined ? undefined : this.#known.get(keyOfDigest(digest))
  }

  /** Of an image, all its documents with it: on a long way each of them would cost a round trip. */
  async #rootBlock(cid: CID, attempt: Attempt, signal: AbortSignal): Promise<Uint8Array> {
    try {
      return await this.#withCar(`ipfs/${cid}/image.tar?${entityQuery(DOCUMENTS)}`, attempt, signal, async (next) => {
        const bytes = await next(cid)
        for await (const leaf of this.#leaves({ root: cid, path: ['image.tar'] }, DOCUMENTS, next)) {
          this.#keep({ cid: leaf.cid, bytes: await next(leaf.cid) })
        }
        return bytes
      })
    } catch (error) {
      if (hasCode(error, 'NOT_AN_IMAGE') || isMissing(error)) {
        // It may be something else than an image: whoever asks sees that.
        return this.#rawBlock(cid, attempt, signal)
      }
      throw error
    }
  }

  async #readCar(file: FileRef, want: Want, attempt: Attempt, signal: AbortSignal, keep: Keep): Promise<void> {
    await this.#withCar(`${pathOf(file).slice(1)}?${entityQuery(want)}`, attempt, signal, async (next) => {
      for await (const leaf of this.#leaves(file, want, next)) keep(cutLeaf(leaf, await next(leaf.cid)))
    })
  }

  async #readBlocks(file: FileRef, want: Want, attempt: Attempt, signal: AbortSignal, keep: Keep): Promise<void> {
    const next = (cid: CID) => this.#rawBlock(cid, attempt, signal)
    const read = async (leaf: LeafPart) => cutLeaf(leaf, await next(leaf.cid))
    for await (const bytes of mapInOrder(this.#leaves(file, want, next), BLOCKS_AT_ONCE, read)) keep(bytes)
  }

  /** The leaves of a part of a file. `want` is read at the beginning. */
  async *#leaves(file: FileRef, { from, to }: Want, block: ReadBlock): AsyncGenerator<LeafPart> {
    yield* leavesInRange(await findFile(file, block), { from, to }, block)
  }

  /** Lets `read` ask for blocks in the order in which a CAR brings them. */
  async #withCar<T>(
    path: string,
    attempt: Attempt,
    signal: AbortSignal,
    read: (next: ReadBlock) => Promise<T>,
  ): Promise<T> {
    const { gateway, patienceMs } = attempt
    const stop = new AbortController()
    const answer = ask(gateway.url, {
      path: `${path}&car-order=dfs&car-dups=n`,
      type: 'application/vnd.ipld.car',
      patienceMs,
      signal: AbortSignal.any([signal, stop.signal]),
    })[Symbol.asyncIterator]()
    try {
      const sections = new CarSections({ name: gateway.url, maxSection: MAX_SECTION, more: piecesOf(answer) })
      await sections.roots()
      const result = await read(this.#wanted(sections, attempt))
      // Read to its end, the connection can be used again.
      await Promise.race([answer.next(), Bun.sleep(END_MS)])
      return result
    } finally {
      stop.abort()
      // Nobody waits for it: it has ended, or ends by the abort.
      answer.return?.().catch(() => undefined)
    }
  }

  /** Gives the blocks of a CAR that are asked for, and passes over what else is in it. */
  #wanted(sections: CarSections, attempt: Attempt): ReadBlock {
    const { url } = attempt.gateway
    // What a file has twice is sent once.
    const leaves = new Map<string, Uint8Array>()
    let extra = 0
    return async (cid) => {
      const known = this.#known.get(blockKey(cid)) ?? leaves.get(blockKey(cid))
      if (known !== undefined) return known
      for (;;) {
        const block = await sections.next(cid)
        if (block === undefined) throw invalidCar(url, `it ends before the block ${cid}`)
        if (block.cid === cid || block.cid.equals(cid)) {
          const bytes = this.#checked(block, attempt)
          if (isLeaf(cid)) leaves.set(blockKey(cid), bytes)
          return bytes
        }
        extra += block.bytes.length + EXTRA_OF_BLOCK
        if (extra > MAX_EXTRA) throw invalidCar(url, 'it brings blocks that nobody asked for')
      }
    }
  }

  async #rawBlock(cid: CID, attempt: Attempt, signal: AbortSignal): Promise<Uint8Array> {
    const known = this.#known.get(blockKey(cid))
    if (known !== undefined) return known
    const answer = ask(attempt.gateway.url, {
      path: `ipfs/${cid}?format=raw`,
      type: 'application/vnd.ipld.raw',
      patienceMs: attempt.patienceMs,
      signal,
    })
    return this.#checked({ cid, bytes: await collect(answer, MAX_BLOCK, `the block ${cid}`) }, attempt)
  }

  #checked(block: Block, { progress }: Attempt): Uint8Array {
    const { cid, bytes } = block
    if (!matches(block)) throw new DockerIpfsError('INTEGRITY', `what it sent as ${cid} does not match that CID`)
    this.bytesFetched += bytes.length
    // Of a CAR there are two buffers for each block.
    this.#collecting.passed(2 * bytes.length)
    // What is not kept is asked for again and again: no progress, then.
    if (isLeaf(cid) || this.#keep(block)) progress(bytes.length)
    return bytes
  }

  #keep({ cid, bytes }: Block): boolean {
    if (bytes.length > MAX_NODE) return false
    const [oldest] = this.#known.keys()
    if (this.#known.size >= MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(blockKey(cid), bytes)
    return true
  }
}

function entityQuery({ from, to }: Want): string {
  return `format=car&dag-scope=entity&entity-bytes=${from}:${to - 1}`
}

function isMissing(error: unknown): boolean {
  return hasCode(error, 'CONTENT_NOT_FOUND') && !(error instanceof Busy)
}

type Keep = (bytes: Uint8Array) => void

function piecesOf(answer: AsyncIterator<Uint8Array>): () => Promise<Uint8Array> {
  return async () => {
    for (;;) {
      const { done, value } = await answer.next()
      if (done) return new Uint8Array(0)
      if (value.length > 0) return value
    }
  }
}
