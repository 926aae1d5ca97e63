import type { BlockSource } from '../dag/block-source.ts'
import type { CID } from '../dag/cid.ts'

/** HTTP gateways as a place where images are read. Every block is held against its CID before anything is made of it. */
export interface Gateways extends BlockSource {
  /** For messages, without secrets. */
  readonly urls: readonly string[]
  /** Whether one of them has the block. */
  hasBlock(cid: CID, signal: AbortSignal): Promise<boolean>
  /** Bytes of right blocks that they gave so far. */
  readonly bytesFetched: number
}
