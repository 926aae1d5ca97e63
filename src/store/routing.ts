import type { CID } from '../dag/cid.ts'

/** A node, as others reach it. */
export interface Peer {
  readonly id: string
  /** Multiaddrs, with the ID at the end. One that listens nowhere has none. */
  readonly addresses: readonly string[]
}

/** How nodes find each other, and what each has. */
export interface Routing {
  /** IDs of nodes that say they have the root, as far as the network answers in time. */
  providers(root: CID, timeoutMs: number, signal: AbortSignal): Promise<string[]>
  /**
   * Connects the node to some that say they have the root, as far as it is not; over when those that were found have answered, or not, or when
   * the signal is aborted.
   */
  meet(root: CID, signal: AbortSignal): Promise<void>
  /** This node. */
  self(signal: AbortSignal): Promise<Peer>
  /** Connects this node to another; false where that cannot be reached, or nothing is known of where it is. */
  connect(peer: Peer, signal: AbortSignal): Promise<boolean>
  /** Tells the routing system that this node has the root. */
  announce(root: CID, signal: AbortSignal): Promise<void>
  /** Number of peers the node is connected to. */
  peers(signal: AbortSignal): Promise<number>
}
