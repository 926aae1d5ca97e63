import type { CID } from '../dag/cid.ts'

/** How nodes find each other, and what each has. */
export interface Routing {
  /** IDs of nodes that say they have the root, as far as the network answers in time. */
  providers(root: CID, timeoutMs: number, signal: AbortSignal): Promise<string[]>
  /**
   * Connects the node to some that say they have the root, as far as it is not; over when those that were found have answered, or not, or when
   * the signal is aborted.
   */
  meet(root: CID, signal: AbortSignal): Promise<void>
  /** Tells the routing system that this node has the root. */
  announce(root: CID, signal: AbortSignal): Promise<void>
  /** Number of peers the node is connected to. */
  peers(signal: AbortSignal): Promise<number>
}
