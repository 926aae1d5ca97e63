import { DockerIpfsError, hasCode } from '../../errors.ts'
import { type ResolveOptions, resolve } from '../../names/resolve.ts'
import type { BlockStore } from '../../store/blocks.ts'
import type { Gateways } from '../../store/gateways.ts'
import type { Node } from '../../store/node.ts'
import { within } from '../../time.ts'
import type { LoadSource } from '../source.ts'
import { gatewaysSource } from './gateways.ts'
import { type NodeSourceOptions, nodeSource } from './node.ts'
import { nodeAndGatewaysSource } from './node-and-gateways.ts'

export interface FindSourceOptions extends NodeSourceOptions, ResolveOptions {
  readonly timeoutMs: number
  readonly blocks: BlockStore
  readonly node: Pick<Node, 'address' | 'version'>
  readonly gateways?: Gateways | undefined
}

/** Time for a node to answer, in milliseconds: one that is not there need not be waited for. */
const ANSWER_MS = 5000

/**
 * Where the image of a reference is read: from the node; with gateways from these alone where no node answers, and else from both.
 * @throws what `resolve` throws, NODE_*
 */
export async function findSource(reference: string, options: FindSourceOptions): Promise<LoadSource> {
  const { node, gateways, report, signal } = options
  if (gateways === undefined) {
    // A node that is too old says so before anything else fails.
    const [{ root }] = await Promise.all([resolve(reference, options), node.version(signal)])
    return nodeSource(root, options)
  }
  const { root } = await resolve(reference, options)
  if (await answers(node, signal)) return nodeAndGatewaysSource(root, { ...options, gateways })
  report({ type: 'step', text: `No IPFS node at ${node.address}: asking ${gateways.urls.join(', ')}` })
  return gatewaysSource(root, gateways, options)
}

async function answers(node: Pick<Node, 'version'>, signal: AbortSignal): Promise<boolean> {
  const late = (cause: unknown) => new DockerIpfsError('NODE_UNREACHABLE', 'the node does not answer', { cause })
  try {
    await within(ANSWER_MS, signal, (limited) => node.version(limited), late)
    return true
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (hasCode(error, 'NODE_UNREACHABLE')) return false
    throw error
  }
}
