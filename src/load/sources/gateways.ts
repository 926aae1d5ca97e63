import type { CID } from '../../dag/cid.ts'
import type { Report } from '../../events.ts'
import { layersIn } from '../../read/layers.ts'
import { readAhead } from '../../read/read-ahead.ts'
import type { ReadLimits } from '../../read/stall.ts'
import type { Gateways } from '../../store/gateways.ts'
import { noPin } from '../pin.ts'
import type { LoadSource } from '../source.ts'

export interface GatewaysSourceOptions extends ReadLimits {
  readonly report: Report
}

/** Gateways alone, where no node answers: nothing is kept. */
export function gatewaysSource(root: CID, gateways: Gateways, options: GatewaysSourceOptions): LoadSource {
  return {
    root,
    blocks: gateways,
    pin: async () => noPin(false),
    openLayers: (image, layers) =>
      readAhead(image, layers, { ...options, read: layersIn(gateways, root), from: 'gateways' }),
    async loaded(_, { bytesHad }) {
      options.report({ type: 'sources', fromGateways: gateways.bytesFetched, inEngine: bytesHad })
    },
  }
}
