import { DockerIpfsError } from '../errors.ts'
import type { Gateways } from '../gateway/gateways.ts'
import type { Node } from '../kubo/node.ts'
import { resolve } from '../names/resolve.ts'
import { type LoadResult, load, loadRoot, type NodeLoadOptions } from './load.ts'
import { nodeFirst } from './node-first.ts'
import { noPin } from './pin.ts'
import { readAhead } from './read-ahead.ts'

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
  const reading = { ...options, node: gateways }
  return loadRoot(root, reading, async (image) => ({
    openLayers: (layers) => readAhead(image, layers, { ...reading, from: 'gateways' }),
    pin: noPin(false),
    async after({ bytesHad }) {
      report({ type: 'sources', fromGateways: gateways.bytesFetched, inEngine: bytesHad })
    },
  }))
}

async function answers(node: Node, signal: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.timeout(ANSWER_MS)
  try {
    await node.version(AbortSignal.any([signal, limit]))
    return true
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (limit.aborted || (error instanceof DockerIpfsError && error.code === 'NODE_UNREACHABLE')) return false
    throw error
  }
}
