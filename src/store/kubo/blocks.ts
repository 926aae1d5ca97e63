import { type FileRef, pathOf, type Range } from '../../dag/block-source.ts'
import { checkBlock, hasOurHash, MAX_BLOCK } from '../../dag/blocks.ts'
import type { CID } from '../../dag/cid.ts'
import { type Below, readBelow } from '../../dag/sizes.ts'
import { hasCode } from '../../errors.ts'
import { type Bytes, collect } from '../../streams.ts'
import type { BlockStore, ImportSession, OwnDag, OwnFiles } from '../blocks.ts'
import { type IsCluster, pinInCluster } from './cluster.ts'
import type { Endpoint } from './endpoint.ts'
import { openImport } from './import.ts'
import type { Mfs } from './mfs/mfs.ts'
import { openOwnFiles } from './own-files/own-files.ts'
import { answerOf, askObject, askWithin, bytesOf, call, jsonLines, nodeFailed, tryCall } from './rpc.ts'

/** A line of the answer of `refs`. */
interface RefLine {
  readonly Err?: string
}

const OFFLINE = '&offline=true'

/** Bytes of one node of a folder in MFS: 64 MiB hold the names of half a million entries. */
const MAX_FOLDER = 64 * 1024 * 1024

/** The blocks of a node's repository, and those that it finds elsewhere. */
export class KuboBlocks implements BlockStore {
  readonly #endpoint: Endpoint
  readonly #folder: Mfs
  readonly #isCluster: IsCluster

  constructor(endpoint: Endpoint, folder: Mfs, isCluster: IsCluster) {
    this.#endpoint = endpoint
    this.#folder = folder
    this.#isCluster = isCluster
  }

  async mayImport(signal: AbortSignal): Promise<void> {
    try {
      await askWithin(this.#endpoint, signal, (limited) => tryCall(this.#endpoint, 'dag/import', limited))
    } catch (error) {
      if (signal.aborted || hasCode(error, 'NODE_DENIED')) throw error
    }
  }

  openImport(signal: AbortSignal, known?: Promise<ReadonlySet<string>>): ImportSession {
    // The import pins at one node alone, and a proxy does not tell the cluster of it.
    const pinAlso = async (root: CID) => {
      if (await this.#isCluster(signal)) await pinInCluster(root, '', this.#endpoint, signal)
    }
    return openImport(this.#endpoint, signal, known, pinAlso)
  }

  block(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    return this.#block(cid, '', signal)
  }

  ownBlock(cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return orNothing(this.#block(cid, OFFLINE, signal))
  }

  below(cid: CID, signal: AbortSignal): Promise<Below | undefined> {
    const ownBlock = async () => {
      const bytes = await this.#read(cid, OFFLINE, MAX_FOLDER, signal)
      if (hasOurHash(cid)) checkBlock({ cid, bytes })
      return bytes
    }
    return orNothing(readBelow({ ownBlock }, cid, signal))
  }

  async #block(cid: CID, options: string, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#read(cid, options, MAX_BLOCK, signal)
    checkBlock({ cid, bytes })
    return bytes
  }

  async #read(cid: CID, options: string, limit: number, signal: AbortSignal): Promise<Uint8Array> {
    const response = await call(this.#endpoint, { path: `block/get?arg=${cid.toString()}${options}`, signal })
    return collect(bytesOf(response, this.#endpoint, signal), limit, `block ${cid.toString()}`)
  }

  async hasBlock(cid: CID, signal: AbortSignal): Promise<boolean> {
    const ask = async () => {
      const response = await call(this.#endpoint, { path: `block/stat?arg=${cid.toString()}${OFFLINE}`, signal })
      return answerOf(response, this.#endpoint, signal)
    }
    return (await orNothing(ask())) !== undefined
  }

  async *cat(file: FileRef, signal: AbortSignal, range?: Range): Bytes {
    const part = range === undefined ? '' : `&offset=${range.offset}&length=${range.length}`
    const response = await call(this.#endpoint, { path: `cat?arg=${encodeURIComponent(pathOf(file))}${part}`, signal })
    yield* bytesOf(response, this.#endpoint, signal)
  }

  fetchBelow(cid: CID, signal: AbortSignal, levels = -1): AsyncIterable<void> {
    return fetchBelow(cid, this.#endpoint, signal, levels)
  }

  async ownDag(root: CID, signal: AbortSignal): Promise<OwnDag | undefined> {
    const path = `dag/stat?arg=${root.toString()}&progress=false${OFFLINE}`
    const { UniqueBlocks, TotalSize } = (await orNothing(askObject(this.#endpoint, path, signal))) ?? {}
    if (typeof UniqueBlocks !== 'number' || typeof TotalSize !== 'number') return undefined
    return { blocks: UniqueBlocks, bytes: TotalSize }
  }

  ownFiles(signal: AbortSignal): OwnFiles {
    const cat: BlockStore['cat'] = (file, limited, range) => this.cat(file, limited, range)
    // Our folder is the one thing that this node has and no other.
    const proof = this.#folder.top(signal)
    return openOwnFiles({ endpoint: this.#endpoint, proof, cat }, signal)
  }
}

/** See `BlockStore`. */
export async function* fetchBelow(cid: CID, endpoint: Endpoint, signal: AbortSignal, levels = -1): AsyncIterable<void> {
  const path = `refs?arg=${cid.toString()}&recursive=true&max-depth=${levels}`
  const response = await call(endpoint, { path, signal })
  for await (const { Err } of jsonLines<RefLine>(bytesOf(response, endpoint, signal))) {
    if (Err) throw nodeFailed(Err, new Error(Err))
    yield
  }
}

/** Whatever the node has against a question about its own repository means: it has no such block. */
async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (hasCode(error, 'NODE_FAILED')) return undefined
    throw error
  }
}
