import type { Blocks } from './blocks.ts'

/** HTTP gateways as a place where images are read. Every block is held against its CID before anything is made of it. */
export interface Gateways extends Blocks {
  /** For messages, without secrets. */
  readonly urls: readonly string[]
  /** Bytes of right blocks that they gave so far. */
  readonly bytesFetched: number
}
