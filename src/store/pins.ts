import type { CID } from '../dag/cid.ts'

/** What a node keeps from its GC. All that is said here, every implementation is held against by test/support/conformance/pins.ts. */
export interface Pins {
  /** Fetches the whole DAG and pins it under a name. Tells whenever more of it is there: how many bytes by now, where the node says. */
  pin(root: CID, name: string, signal: AbortSignal, onProgress?: (bytes?: number) => void): Promise<void>
  /**
   * Pins a root whose blocks are there or are those of another that is pinned; only what differs from that one is walked. The pin is called as that
   * one is. False where the node does not do it.
   */
  pinBeside(root: CID, pinned: CID, signal: AbortSignal): Promise<boolean>
  /** @throws NODE_FAILED where it is not pinned */
  unpin(root: CID, signal: AbortSignal): Promise<void>
  /** What the pin of a root is called, often nothing; undefined when it has none. */
  pinName(root: CID, signal: AbortSignal): Promise<string | undefined>
  isPinned(root: CID, signal: AbortSignal): Promise<boolean>
  /** Has the node remove all blocks that it keeps for nobody; says how many those were. */
  collect(signal: AbortSignal): Promise<number>
  /** All that is pinned with what belongs to it. */
  pinnedRoots(signal: AbortSignal): Promise<ReadonlySet<string>>
}
