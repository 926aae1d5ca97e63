import type { Report } from '../../events.ts'
import type { ImageSource } from '../../read/open-image.ts'
import type { Traffic } from '../../store/traffic.ts'

/** Tells where the bytes of an image were. */
export interface Tally {
  report(image: ImageSource, counted: Counted): Promise<void>
}

export interface Counted {
  /** Bytes that the engine was not sent. */
  readonly bytesHad: number
  /** Whether the node had all of the image before; whether it has it now. */
  readonly wasPinned: boolean
  readonly isPinned: boolean
  /** Bytes that gateways gave. */
  readonly gatewayBytes: number
}

interface TallyOptions {
  readonly traffic: Pick<Traffic, 'bytesFetched'>
  readonly report: Report
  readonly signal: AbortSignal
}

/**
 * Counts what the node fetches from now on. It is the node's own counter of block bytes that came from the network: blocks that
 * came twice are in it, and whatever else the node fetched meanwhile, for others; not what it gave away. More than the
 * image has is never told. To ask for each block beforehand whether it is there would be exact, and a question for each.
 */
export function startTally({ traffic, signal, report }: TallyOptions): Tally {
  const before = traffic.bytesFetched(signal).catch(() => undefined)
  return {
    async report(image, { bytesHad, wasPinned, isPinned, gatewayBytes }) {
      const after = await traffic.bytesFetched(signal).catch(() => undefined)
      const [first, last] = [await before, after]
      if (signal.aborted) throw signal.reason
      if (first === undefined || last === undefined) return
      const blobs = new Map(image.layers.map((layer) => [layer.digest, layer.size]))
      const layers = [...blobs.values()].reduce((sum, size) => sum + size, 0)
      const all = layers + image.manifestBytes.length + image.configBytes.length
      // Without a pin the node was asked for nothing but what the engine was sent.
      const wanted = isPinned ? all : all - bytesHad
      const fromNetwork = wasPinned ? 0 : Math.min(last - first, wanted)
      const fromGateways = Math.min(gatewayBytes, wanted - fromNetwork)
      const known = { fromNetwork, onNode: wanted - fromNetwork - fromGateways, inEngine: bytesHad }
      report({ type: 'sources', ...(fromGateways > 0 ? { fromGateways } : {}), ...known })
    },
  }
}
