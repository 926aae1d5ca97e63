import type { CID } from '../../dag/cid.ts'
import { layersIn } from '../../read/layers.ts'
import { NodeFirst } from '../../read/node-first.ts'
import { readAhead } from '../../read/read-ahead.ts'
import { Seeker, type SeekOptions } from '../../read/seek.ts'
import type { Blocks } from '../../store/blocks.ts'
import type { Gateways } from '../../store/gateways.ts'
import type { LoadSource } from '../source.ts'
import { type KeepOptions, KeptImage } from './kept-image.ts'
import { knownBlobs } from './known-blobs.ts'

export interface NodeAndGatewaysOptions extends KeepOptions, SeekOptions {
  /** The node's. */
  readonly blocks: Blocks
  readonly gateways: Gateways
}

/** The node, and gateways beside it once it finds nobody. The node keeps the image, as far as it can get it itself. */
export function nodeAndGatewaysSource(root: CID, options: NodeAndGatewaysOptions): LoadSource {
  const { gateways, timeoutMs } = options
  const kept = new KeptImage(root, options)
  const seeker = new Seeker([root], options)
  const both = new NodeFirst(root, { ...options, blocks: seeker.over(options.blocks) })
  return {
    root,
    blocks: both,
    async pin() {
      await kept.isPinned()
      // Where gateways had to be asked the node has looked long enough.
      return kept.pin(() => (both.asksGateways ? both.graceMs : timeoutMs), seeker)
    },
    knownBlobs: (image, ids) => knownBlobs(image, ids, options),
    openLayers: (image, layers) => readAhead(image, layers, { ...options, read: layersIn(both, root), from: 'both' }),
    loaded: (image, outcome) => kept.loaded(image, outcome, both.asksGateways ? gateways.bytesFetched : 0),
  }
}
