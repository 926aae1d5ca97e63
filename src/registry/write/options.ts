import type { Catalogue } from '../../catalogue/catalogue.ts'
import type { Originals } from '../../catalogue/originals.ts'
import type { Registry } from '../../distribution/registry.ts'
import type { Report } from '../../events.ts'
import type { RemoveOptions } from '../../names/remove.ts'
import type { NodeTargetOptions } from '../../save/targets/node.ts'
import type { BlockStore } from '../../store/blocks.ts'
import type { Pins } from '../../store/pins.ts'
import type { PushedRegistry } from '../node-registry.ts'

export interface WriterOptions extends Omit<RemoveOptions, 'signal' | 'blocks' | 'pins'> {
  readonly node: NodeTargetOptions['node'] & RemoveOptions['node']
  readonly blocks: BlockStore
  readonly pins: Pins
  readonly catalogue: Catalogue
  readonly originals: Originals
  /** What was pushed. */
  readonly pushed: PushedRegistry
  /** What the registry reads beside that. */
  readonly read: Pick<Registry, 'blob' | 'manifest'>
  readonly report: Report
  /** A blob that no manifest names goes after this, in milliseconds. Default: an hour. */
  readonly uploadMs?: number
}

/** The same, for what one client asks. */
export type PushOptions = WriterOptions & { readonly signal: AbortSignal }
