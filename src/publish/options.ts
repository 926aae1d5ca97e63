import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Publications } from '../catalogue/publications.ts'
import type { Report } from '../events.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { Naming } from '../store/naming.ts'
import type { Node } from '../store/node.ts'
import type { Pins } from '../store/pins.ts'
import type { Routing } from '../store/routing.ts'

/** What a publication is made with. */
export interface PublishOptions {
  readonly node: Pick<Node, 'address'>
  readonly blocks: BlockStore
  readonly pins: Pick<Pins, 'pinnedRoots'>
  readonly routing: Pick<Routing, 'announce' | 'meet' | 'peers'>
  readonly naming: Naming
  readonly catalogue: Catalogue
  readonly publications: Publications
  readonly report: Report
  readonly signal: AbortSignal
  /** Name or ID of a key of the node; without one, the key that is ours, which is made when it is not there. */
  readonly key: string | undefined
  /** Time for telling the network, in milliseconds. */
  readonly announceTimeoutMs: number
}
