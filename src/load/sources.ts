import type { Report } from '../events.ts'
import type { NodeFirst } from '../read/node-first.ts'
import type { ImageSource } from '../read/open-image.ts'
import type { Traffic } from '../store/traffic.ts'

export interface Sources {
  /** Tells where the bytes of the image were. */
  report(image: ImageSource, outcome: Outcome): Promise<void>
}

interface Outcome {
  /** Bytes that the engine was not sent. */
  readonly bytesHad: number
  /** Whether the node had all of the image before; whether it has it now. */
  readonly wasPinned: boolean
  readonly isPinned: boolean
}

interface Watched {
  readonly traffic: Pick<Traffic, 'bytesFetched'>
  readonly report: Report
  readonly signal: AbortSignal
  readonly source?: NodeFirst
}

/**
 * Counts what the node fetches from now on. It is the node's own counter of block bytes that came from the network: blocks that
 * came twice are in it, and whatever else the node fetched meanwhile, for others; not what it gave away. More than the
 * image has is never told. To ask for each block beforehand whether it is there would be exact, and a question for each.
 */
export function watchSources({ traffic, source, signal, report }: Watched): Sources {
  const before = traffic.bytesFetched(signal).catch(() => undefined)
  return {
    async report(image, { bytesHad, wasPinned, isPinned }) {
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
      const fromGateways = source?.asksGateways ? Math.min(source.gateways.bytesFetched, wanted - fromNetwork) : 0
      const known = { fromNetwork, onNode: wanted - fromNetwork - fromGateways, inEngine: bytesHad }
      report({ type: 'sources', ...(fromGateways > 0 ? { fromGateways } : {}), ...known })
    },
  }
}
