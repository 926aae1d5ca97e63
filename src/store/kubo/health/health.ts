import { DockerIpfsError, hasCode } from '../../../errors.ts'
import { isObject } from '../../../json.ts'
import { inTime, within } from '../../../time.ts'
import { isLoopback } from '../../loopback.ts'
import { askCluster } from '../cluster.ts'
import { shown } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'
import { toAnnounce } from '../routing.ts'
import { askObject, tryCall } from '../rpc.ts'
import { askIdentity, askVersion } from '../version.ts'
import { CALLS, type Right, toAllow } from './rights.ts'

/**
 * How a node is. What it does not tell (an older Kubo, or a proxy that lets only some calls pass) is undefined.
 * Each question may throw NODE_UNREACHABLE, or the signal's reason.
 */
export interface NodeHealth {
  /** The address without secrets, and where it is from. */
  readonly address: string
  readonly source: string
  /** A token or password goes there, over a network, unencrypted. */
  readonly isSecretOpen: boolean
  /** docker-ipfs itself runs it. */
  readonly isManaged: boolean
  /** What to do for the node to announce what is pushed. */
  readonly toAnnounce: string
  /** @throws NODE_FAILED when it is too old, or no Kubo */
  version(signal: AbortSignal): Promise<string>
  /** An IPFS Cluster's proxy is at the address. */
  isCluster(signal: AbortSignal): Promise<boolean>
  /** Whether every user of this machine may call its API; undefined where it is elsewhere, or at a socket. */
  isOpen(signal: AbortSignal): Promise<boolean | undefined>
  peers(signal: AbortSignal): Promise<number | undefined>
  /** What its peers have found out: `public`, `private`, or `unknown` as long as none has tried. */
  reachability(signal: AbortSignal): Promise<string | undefined>
  storage(signal: AbortSignal): Promise<Storage>
  /** What the node does not allow, of all that commands ask of it. */
  denied(signal: AbortSignal): Promise<Denied[]>
  /** The part of its configuration that has this name, e.g. `Provide`. */
  config(name: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>> | undefined>
}

/** A right of which some calls are not allowed. */
export interface Denied {
  readonly right: Right
  /** E.g. `files/cp`. */
  readonly calls: readonly string[]
  /** What to do for them to be allowed. */
  readonly todo: string
}

/** In bytes. */
export interface Storage {
  /** What the repository takes. */
  readonly used?: number | undefined
  /** Datastore.StorageMax. */
  readonly limit?: number | undefined
  /** What is left on its disk. */
  readonly free?: number | undefined
}

/** Time for an answer, in milliseconds. */
const ANSWER_MS = 10_000

export function createHealth(endpoint: Endpoint): NodeHealth {
  /** Undefined when the node has something against the question. */
  const ask = async (path: string, signal: AbortSignal) => {
    try {
      return await inTime(ANSWER_MS, signal, (limited) => askObject(endpoint, path, limited))
    } catch (error) {
      signal.throwIfAborted()
      if (hasCode(error, 'NODE_FAILED', 'NODE_DENIED')) return undefined
      throw error
    }
  }
  const isCluster = async (signal: AbortSignal) =>
    (await inTime(ANSWER_MS, signal, (limited) => askCluster(endpoint, limited))) === true
  const isHere = endpoint.socket !== undefined || isLoopback(endpoint.url)
  return {
    address: shown(endpoint),
    source: endpoint.source,
    isManaged: endpoint.isManaged ?? false,
    toAnnounce: toAnnounce(endpoint),
    isSecretOpen: endpoint.authorization !== undefined && endpoint.url.startsWith('http:') && !isHere,
    version(signal) {
      const onLate = (cause: unknown) =>
        new DockerIpfsError('NODE_UNREACHABLE', `the IPFS node at ${shown(endpoint)} does not answer`, {
          cause,
          hint: 'Start it anew, or look into its log.',
        })
      return within(ANSWER_MS, signal, (limited) => askVersion(endpoint, limited), onLate)
    },
    isCluster,
    async isOpen(signal) {
      if (endpoint.socket !== undefined || !isHere) return undefined
      const { authorization: _, ...stranger } = endpoint
      const ask = (limited: AbortSignal) => askIdentity(stranger, limited)
      const identity = await inTime(ANSWER_MS, signal, ask)
      return identity === undefined ? undefined : identity !== 'refused'
    },
    async peers(signal) {
      const answer = await ask('swarm/peers', signal)
      if (answer === undefined) return undefined
      const connections = Array.isArray(answer['Peers']) ? answer['Peers'].filter(isObject) : []
      // A peer is listed once for each connection.
      return new Set(connections.map(({ Peer }) => Peer)).size
    },
    async reachability(signal) {
      const answer = await ask('swarm/addrs/autonat', signal)
      return typeof answer?.['reachability'] === 'string' ? answer['reachability'].toLowerCase() : undefined
    },
    async storage(signal) {
      // A cluster's proxy tells the sum over its nodes.
      const ofRepo = async () => ((await isCluster(signal)) ? undefined : ask('repo/stat?size-only=true', signal))
      const [repo, system] = await Promise.all([ofRepo(), ask('diag/sys', signal)])
      const disk = isObject(system?.['diskinfo']) ? system['diskinfo'] : {}
      // Kubo gives what is left for everybody as `total_space`, and as `free_space` what is left for root.
      const left = [size(disk['free_space']), size(disk['total_space'])].filter((bytes) => bytes !== undefined)
      return {
        used: size(repo?.['RepoSize']),
        limit: size(repo?.['StorageMax']),
        free: left.length === 0 ? undefined : Math.min(...left),
      }
    },
    async denied(signal) {
      const all = [...new Set(Object.values(CALLS).flat())]
      const isDenied = await Promise.all(all.map((command) => isDeniedCall(endpoint, command, signal)))
      const lacking = new Set(all.filter((_, at) => isDenied[at]))
      return (Object.keys(CALLS) as Right[])
        .map((right) => ({ right, calls: CALLS[right].filter((command) => lacking.has(command)) }))
        .filter(({ calls }) => calls.length > 0)
        .map((one) => ({ ...one, todo: toAllow(one.calls, endpoint) }))
    },
    async config(name, signal) {
      const value = (await ask(`config?arg=${name}`, signal))?.['Value']
      return isObject(value) ? value : undefined
    },
  }
}

/** Whether a call is not allowed. */
async function isDeniedCall(endpoint: Endpoint, command: string, signal: AbortSignal): Promise<boolean> {
  try {
    await inTime(ANSWER_MS, signal, (limited) => tryCall(endpoint, command, limited))
    return false
  } catch (error) {
    signal.throwIfAborted()
    if (hasCode(error, 'NODE_DENIED')) return true
    if (hasCode(error, 'NODE_FAILED')) return false
    throw error
  }
}

function size(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
