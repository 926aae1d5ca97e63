import { type BlockSource, catBlocks, type FileRef, type Range } from '../../../src/dag/block-source.ts'
import { checkBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import type { Gateways } from '../../../src/store/gateways.ts'
import type { Bytes } from '../../../src/streams.ts'
import type { MemoryBlocks } from './blocks.ts'

/** Gateways in memory, in front of a node: they give what it has, and say of all else that it is not there. */
export class MemoryGateways implements Gateways {
  readonly urls = ['https://gateway.example']
  bytesFetched = 0
  readonly #blocks: MemoryBlocks

  constructor(blocks: MemoryBlocks) {
    this.#blocks = blocks
  }

  block: BlockSource['block'] = async (cid, signal) => {
    signal.throwIfAborted()
    const bytes = this.#blocks.blocks.get(cid.toString())
    if (bytes === undefined) throw new DockerIpfsError('CONTENT_NOT_FOUND', `no gateway gave ${cid}`)
    checkBlock({ cid, bytes })
    this.bytesFetched += bytes.length
    return bytes
  }

  /** It keeps nothing of what it gave. */
  async ownBlock(_: CID, signal: AbortSignal): Promise<undefined> {
    signal.throwIfAborted()
    return undefined
  }

  async hasBlock(cid: CID, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted()
    return this.#blocks.blocks.has(cid.toString())
  }

  async *cat(file: FileRef, signal: AbortSignal, range?: Range): Bytes {
    yield* catBlocks(file, this.block, signal, range)
  }
}
