import type { CID } from '../dag/cid.ts'

/** What a node keeps from its GC. */
export interface Pins {
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
}
