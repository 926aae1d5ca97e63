import type { CID } from '../../dag/cid.ts'
import { DockerIpfsError, messageOf } from '../../errors.ts'
import { inTime } from '../../time.ts'
import type { Routing } from '../routing.ts'
import type { KuboClient } from './client.ts'
import type { Endpoint } from './endpoint.ts'
import { answerOf, askWithin, bytesOf, call, jsonLines, nodeFailed } from './rpc.ts'

/** A line of the answer of `routing/findprovs`; source: go-libp2p/core/routing/query.go. */
interface RoutingLine {
  readonly Type?: number
  readonly Responses?: readonly { readonly ID: string }[] | null
}
const PROVIDER = 4

/** How a node finds others, and they it. */
export function createRouting(client: KuboClient, endpoint: Endpoint): Routing {
  return {
    providers: (root, timeoutMs, signal) => providers(root, { endpoint, timeoutMs, signal }),
    announce: (root, signal) => announce(root, endpoint, signal),
    peers: (signal) =>
      askWithin(endpoint, signal, async (limited) => (await client.swarm.peers({ signal: limited })).length),
  }
}

interface Asking {
  readonly endpoint: Endpoint
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * IDs of nodes that say they have the root, as far as the network answers in time.
 * @throws NODE_FAILED, NODE_UNREACHABLE
 */
async function providers(root: CID, { endpoint, timeoutMs, signal }: Asking): Promise<string[]> {
  const found = new Set<string>()
  await inTime(timeoutMs, signal, async (limited) => {
    const response = await call(endpoint, { path: `routing/findprovs?arg=${root.toString()}`, signal: limited })
    for await (const { Type, Responses } of jsonLines<RoutingLine>(bytesOf(response, endpoint, limited))) {
      if (Type === PROVIDER) for (const { ID } of Responses ?? []) found.add(ID)
    }
  })
  return [...found]
}

/**
 * Tells the routing system that a node has this root.
 * @throws NODE_FAILED, NODE_UNREACHABLE
 */
async function announce(root: CID, endpoint: Endpoint, signal: AbortSignal): Promise<void> {
  // `provide/once` is there since Kubo 0.43; before that it was `routing/provide`. kubo-rpc-client knows only the latter.
  const path = `provide/once?arg=${root.toString()}`
  const response = await call(endpoint, { path, signal }).catch((error: unknown) => {
    if (!/404|not found/i.test(messageOf(error))) throw announceError(error, endpoint)
    return call(endpoint, { path: `routing/provide?arg=${root.toString()}`, signal })
  })
  const text = await answerOf(response, endpoint, signal)
  const complaint = /"(?:Error|Message)":"([^"]+)"/.exec(text)
  if (complaint) throw nodeFailed(complaint[1] as string, new Error(text))
}

/** What to do for a node to announce what is pushed: it comes behind a colon. */
export function toAnnounce({ isManaged = false }: Pick<Endpoint, 'isManaged'>): string {
  return isManaged ? 'docker ipfs node start --announce' : 'ipfs config --json Provide.Enabled true, and restart it'
}

/** An error of announcing, with what to do about it in its one line: it becomes part of a warning. */
export function announceError(error: unknown, endpoint: Pick<Endpoint, 'isManaged'>): unknown {
  if (!(error instanceof DockerIpfsError && /Provide\.Enabled is false/.test(error.message))) return error
  const text = `Provide.Enabled is false (to change that: ${toAnnounce(endpoint)})`
  return new DockerIpfsError('NODE_FAILED', text, { cause: error })
}
