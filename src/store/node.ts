import type { BlockStore } from './blocks.ts'
import type { Naming } from './naming.ts'
import type { Pins } from './pins.ts'
import type { Routing } from './routing.ts'
import type { Traffic } from './traffic.ts'

/** An IPFS node: one port for each thing that is wanted of it. Every error is NODE_UNREACHABLE, NODE_FAILED or the signal's reason. */
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
