import { hasCode } from '../errors.ts'
import { resolve } from '../names/resolve.ts'
import { nodeFirst } from '../read/node-first.ts'
import { readAhead } from '../read/read-ahead.ts'
import type { Gateways } from '../store/gateways.ts'
import type { Node } from '../store/node.ts'
import { type LoadResult, load, loadRoot, type NodeLoadOptions } from './load.ts'
import { noPin } from './pin.ts'

export interface GatewayLoadOptions extends NodeLoadOptions {
  readonly gateways: Gateways
}

/** Time for a node to answer, in milliseconds: one that is not there need not be waited for. */
const ANSWER_MS = 5000

/**
 * Loads from gateways where no node answers; where one does, from it, and from gateways too once it finds nobody.
 * @throws what `load` throws
 */
export async function loadWithGateways(reference: string, options: GatewayLoadOptions): Promise<LoadResult> {
  const { node, gateways, report, signal } = options
  const { root } = await resolve(reference, options)
  if (await answers(node, signal)) {
    return load(root.toString(), { ...options, source: nodeFirst(root, options) })
  }
  report({ type: 'step', text: `No IPFS node at ${node.address}: asking ${gateways.urls.join(', ')}` })
  const reading = { ...options, blocks: gateways }
  return loadRoot(root, reading, async (image) => ({
    openLayers: (layers) => readAhead(image, layers, { ...reading, files: gateways, from: 'gateways' }),
    pin: noPin(false),
    async after({ bytesHad }) {
      report({ type: 'sources', fromGateways: gateways.bytesFetched, inEngine: bytesHad })
    },
  }))
}

async function answers(node: Pick<Node, 'version'>, signal: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.timeout(ANSWER_MS)
  try {
    await node.version(AbortSignal.any([signal, limit]))
    return true
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (limit.aborted || hasCode(error, 'NODE_UNREACHABLE')) return false
    throw error
  }
}
