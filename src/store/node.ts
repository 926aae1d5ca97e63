// The room of stores: where blocks are, and what an IPFS node does beside keeping them. Each file here is a port; what implements
// them is in the folders: kubo/ (a node, by its RPC API), gateway/ (trustless HTTP gateways), car/ (files) and pinning/ (clusters and services). Ports know none of
// these, and these do not know each other. Nothing here knows of images, names or engines.
// To add a store: implement `Blocks` (blocks.ts) in a folder, and run test/support/conformance.ts on it; a node implements the other
// ports too. A new thing that is wanted of a node goes into the port that it belongs to, as few members as can be.

import type { BlockStore } from './blocks.ts'
import type { Naming } from './naming.ts'
import type { Pins } from './pins.ts'
import type { Routing } from './routing.ts'
import type { Traffic } from './traffic.ts'

/** An IPFS node: one port for each thing that is wanted of it. Every error is NODE_UNREACHABLE, NODE_FAILED, NODE_DENIED or the signal's reason. */
export interface Node {
  /** The address for messages, without secrets. */
  readonly address: string
  readonly blocks: BlockStore
  readonly pins: Pins
  readonly traffic: Traffic
  readonly routing: Routing
  readonly naming: Naming
  /** Answers when the node does; gives its version, e.g. "0.43.0". NODE_FAILED when it is too old, or no Kubo. */
  version(signal: AbortSignal): Promise<string>
}
