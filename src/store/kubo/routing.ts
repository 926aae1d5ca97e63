import type { CID } from '../../dag/cid.ts'
import { DockerIpfsError, hasCode, messageOf } from '../../errors.ts'
import { inTime, within } from '../../time.ts'
import type { Peer, Routing } from '../routing.ts'
import type { KuboClient } from './client.ts'
import type { Endpoint } from './endpoint.ts'
import { answerOf, askObject, askWithin, bytesOf, call, jsonLines, nodeFailed } from './rpc.ts'

/** A line of the answer of `routing/findprovs`; source: go-libp2p/core/routing/query.go. */
interface RoutingLine {
  readonly Type?: number
  readonly Responses?: readonly { readonly ID: string }[] | null
}
const PROVIDER = 4
/** Kubo's form of a peer ID: base58btc. */
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{40,64}$/
/** Nodes that are met at a time: as many as Kubo itself asks for a block that it lacks (boxo, bitswap/internal/defaults). */
const MOST_MET = 10

/** How a node finds others, and they it. */
export function createRouting(client: KuboClient, endpoint: Endpoint): Routing {
  return {
    providers: (root, timeoutMs, signal) => providers(root, { endpoint, timeoutMs, signal }),
    meet: (root, signal) => meet(root, client, { endpoint, signal }),
    self: (signal) => self({ endpoint, signal }),
    connect: (peer, signal) => connect(peer, { endpoint, signal }),
    announce: (root, signal) => announce(root, endpoint, signal),
    peers: (signal) =>
      askWithin(endpoint, signal, async (limited) => idsOf(await client.swarm.peers({ signal: limited })).size),
  }
}

/** A peer is listed once for each connection. */
function idsOf(peers: readonly { readonly peer: { toString(): string } }[]): Set<string> {
  return new Set(peers.map(({ peer }) => peer.toString()))
}

interface Asking {
  readonly endpoint: Endpoint
  readonly signal: AbortSignal
}

/**
 * IDs of nodes that say they have the root, as far as the network answers in time.
 * @throws NODE_FAILED, NODE_UNREACHABLE
 */
async function providers(
  root: CID,
  { endpoint, timeoutMs, signal }: Asking & { readonly timeoutMs: number },
): Promise<string[]> {
  const found = new Set<string>()
  await inTime(timeoutMs, signal, async (limited) => {
    for await (const id of findProviders(root, { endpoint, signal: limited })) found.add(id)
  })
  return [...found]
}

/** As they are found. */
async function* findProviders(root: CID, { endpoint, signal }: Asking): AsyncGenerator<string> {
  const response = await call(endpoint, { path: `routing/findprovs?arg=${root.toString()}`, signal })
  for await (const { Type, Responses } of jsonLines<RoutingLine>(bytesOf(response, endpoint, signal))) {
    if (Type === PROVIDER) for (const { ID } of Responses ?? []) yield ID
  }
}

/**
 * Connects a node to others that say they have the root. These are strangers, as are all whom Kubo asks for a block. It is given their IDs
 * alone: where they are it has heard with them, and whether it goes there is for its own `Swarm.AddrFilters` to say.
 * @throws NODE_FAILED, NODE_UNREACHABLE where nobody can be looked for
 */
async function meet(root: CID, client: KuboClient, { endpoint, signal }: Asking): Promise<void> {
  // Who may not ask who is connected connects to those again, which does nothing.
  const peers = await client.swarm.peers({ signal }).catch(() => [])
  const known = idsOf(peers)
  const meetings: Promise<unknown>[] = []
  for await (const id of findProviders(root, { endpoint, signal })) {
    if (known.has(id) || !PEER_ID.test(id)) continue
    known.add(id)
    const meeting = call(endpoint, { path: `swarm/connect?arg=/p2p/${id}`, signal })
    meetings.push(meeting.then((response) => response.body?.cancel()).catch(() => undefined))
    if (meetings.length === MOST_MET) break
  }
  await Promise.all(meetings)
}

/** A node's addresses come from afar and go into a request: these are some multiaddrs, and nothing else. */
const ADDRESS = /^\/(?:ip[46]|dns(?:addr|[46])?)\/[\w.:%-]+(?:\/[\w.:%-]+)*\/p2p\/[1-9A-HJ-NP-Za-km-z]{40,64}$/
const MOST_ADDRESSES = 32
/** Time for a connection, in milliseconds: who is behind a wall does not answer at all. */
const CONNECT_MS = 10_000

/** @throws NODE_FAILED, NODE_UNREACHABLE, NODE_DENIED */
async function self({ endpoint, signal }: Asking): Promise<Peer> {
  const answer = await askWithin(endpoint, signal, (limited) => askObject(endpoint, 'id?peerid-base=b58mh', limited))
  const { ID, Addresses } = answer ?? {}
  if (typeof ID !== 'string' || !PEER_ID.test(ID)) throw nodeFailed('it does not say its ID', new Error(String(ID)))
  const all = Array.isArray(Addresses) ? Addresses : []
  const isSound = (text: unknown): text is string =>
    typeof text === 'string' && ADDRESS.test(text) && text.endsWith(`/p2p/${ID}`)
  return { id: ID, addresses: all.filter(isSound).slice(0, MOST_ADDRESSES) }
}

/** @throws NODE_UNREACHABLE where the node that is to connect cannot be reached */
async function connect({ addresses }: Peer, { endpoint, signal }: Asking): Promise<boolean> {
  if (addresses.length === 0) return false
  const path = `swarm/connect?${addresses.map((address) => `arg=${encodeURIComponent(address)}`).join('&')}`
  const ask = async (limited: AbortSignal) => {
    await answerOf(await call(endpoint, { path, signal: limited }), endpoint, limited)
    return true
  }
  try {
    return await within(CONNECT_MS, signal, ask, () => new DockerIpfsError('NODE_FAILED', 'it takes too long'))
  } catch (error) {
    if (hasCode(error, 'NODE_FAILED', 'NODE_DENIED')) return false
    throw error
  }
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
