import { type FileRef, pathOf, type Range } from '../../dag/block-source.ts'
import { checkBlock, MAX_BLOCK } from '../../dag/blocks.ts'
import type { CID } from '../../dag/cid.ts'
import { hasCode } from '../../errors.ts'
import { type Bytes, collect } from '../../streams.ts'
import type { BlockStore, ImportSession, OwnFiles } from '../blocks.ts'
import type { Endpoint } from './endpoint.ts'
import { openImport } from './import.ts'
import type { Mfs } from './mfs.ts'
import { openOwnFiles } from './own-files/own-files.ts'
import { answerOf, askWithin, bytesOf, call, jsonLines, nodeFailed, tryCall } from './rpc.ts'

/** A line of the answer of `refs`. */
interface RefLine {
  readonly Err?: string
}

/** The blocks of a node's repository, and those that it finds elsewhere. */
export class KuboBlocks implements BlockStore {
  readonly #endpoint: Endpoint
  readonly #folder: Mfs

  constructor(endpoint: Endpoint, folder: Mfs) {
    this.#endpoint = endpoint
    this.#folder = folder
  }

  async mayImport(signal: AbortSignal): Promise<void> {
    try {
      await askWithin(this.#endpoint, signal, (limited) => tryCall(this.#endpoint, 'dag/import', limited))
    } catch (error) {
      if (signal.aborted || hasCode(error, 'NODE_DENIED')) throw error
    }
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
      if (hasCode(error, 'NODE_FAILED')) return undefined
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
      if (hasCode(error, 'NODE_FAILED')) return false
      throw error
    }
  }

  async *cat(file: FileRef, signal: AbortSignal, range?: Range): Bytes {
    const part = range === undefined ? '' : `&offset=${range.offset}&length=${range.length}`
    const response = await call(this.#endpoint, { path: `cat?arg=${encodeURIComponent(pathOf(file))}${part}`, signal })
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
    const cat: BlockStore['cat'] = (file, limited, range) => this.cat(file, limited, range)
    // Our folder is the one thing that this node has and no other.
    const proof = this.#folder.top(signal)
    return openOwnFiles({ endpoint: this.#endpoint, proof, cat }, signal)
  }
}
