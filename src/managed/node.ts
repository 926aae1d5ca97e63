/*
 * The node that docker-ipfs runs by itself, for users who have no Kubo.
 *
 * This file finds, starts and ends it. A `Host` is one way of running it: as a container (`container.ts`) or as a
 * process (`binary.ts`). `address.ts` says which node a command works with.
 * The room may change what is its own: a container, a volume and a network with its label, or its folder. It asks Kubo
 * over the RPC API, and the engine through the docker command. It prints nothing, and is given the environment.
 *
 * To add a setting: `settings.ts`; both hosts write what is there. To add a way of running a node: another `Host`, which
 * `cli/context.ts` hands to `createManagedNode`. Whoever comes second must join the node that the first one starts.
 */

import type { LogOptions } from '../background/log-file.ts'
import { until } from '../background/until.ts'
import { DockerIpfsError, hasCode, messageOf } from '../errors.ts'
import type { Endpoint } from '../store/kubo/endpoint.ts'
import type { Bytes } from '../streams.ts'
import type { Host, HostState, Say } from './host.ts'
import { endpointOf, identityOf } from './ready.ts'
import { checkSwarmKey, type NodeOptions } from './settings.ts'
import { fullnessOf, type Storage, storageOf } from './storage.ts'

/** The values of DOCKER_IPFS_NODE; undefined is "whatever works". */
export type Choice = 'off' | Host['kind'] | undefined

/** The node that docker-ipfs runs by itself, for machines that have only Docker. */
export interface ManagedNode {
  /** DOCKER_IPFS_NODE forbids it. */
  readonly isOff: boolean
  /** Where it answers; undefined when it is not running. Starts nothing. */
  find(signal: AbortSignal): Promise<Endpoint | undefined>
  /** Where it answers, started if need be; undefined when DOCKER_IPFS_NODE forbids it. @throws NODE_UNREACHABLE */
  ensure(signal: AbortSignal, say: Say): Promise<Endpoint | undefined>
  /** Warns of a new limit that is below what is stored, or near it. @throws NODE_UNREACHABLE when it cannot be started, USAGE when it must not */
  start(options: NodeOptions, signal: AbortSignal, say: Say, warn: Say): Promise<NodeState>
  /** What there is; undefined when there is none. */
  status(signal: AbortSignal): Promise<NodeState | undefined>
  /** @throws NODE_UNREACHABLE when there is none */
  stop(signal: AbortSignal): Promise<NodeState>
  restart(signal: AbortSignal, say: Say): Promise<NodeState>
  logs(options: LogOptions, signal: AbortSignal): Bytes
  remove(volumes: boolean, signal: AbortSignal): Promise<NodeState>
}

export interface NodeState extends HostState {
  readonly kind: Host['kind']
  readonly name: string
  /** Only where it was asked for, and the node runs. */
  readonly storage?: Storage | undefined
}

/** A node in a container may come up at the same time as its engine, in milliseconds. */
const COMING_UP_MS = 10_000

interface FoundHost {
  readonly host: Host
  readonly state: HostState
}

/** @param hosts in the order in which they are tried */
export function createManagedNode(hosts: readonly Host[], choice: Choice): ManagedNode {
  return new Managed(
    hosts.filter((host) => choice === undefined || host.kind === choice),
    choice,
  )
}

class Managed implements ManagedNode {
  readonly #hosts: readonly Host[]
  readonly #choice: Choice

  constructor(hosts: readonly Host[], choice: Choice) {
    this.#hosts = hosts
    this.#choice = choice
  }

  get isOff(): boolean {
    return this.#choice === 'off'
  }

  async find(signal: AbortSignal): Promise<Endpoint | undefined> {
    return answering(await this.#find(signal), signal)
  }

  async ensure(signal: AbortSignal, say: Say): Promise<Endpoint | undefined> {
    if (this.#choice === 'off') return undefined
    const found = await this.#find(signal)
    const running = await answering(found, signal)
    if (running !== undefined) return running
    const { host, state } = await this.#start(found, {}, signal, say)
    return endpointOf(state.api, state.openTo === 'everybody' ? {} : await host.access(state.api, signal))
  }

  async start(options: NodeOptions, signal: AbortSignal, say: Say, warn: Say): Promise<NodeState> {
    if (this.#choice === 'off') {
      throw new DockerIpfsError('USAGE', 'DOCKER_IPFS_NODE is "off", so no node is started')
    }
    if (options.swarmKey !== undefined) checkSwarmKey(options.swarmKey)
    const started = await this.#start(await this.#find(signal), options, signal, say)
    const storage = options.storageMax === undefined ? undefined : await storageAt(started, signal)
    // Such a limit is taken, and every save refused then.
    const fullness = storage && fullnessOf(storage)
    if (fullness !== undefined) warn(`${fullness.text}. ${fullness.hint}`)
    return stateOf(started)
  }

  async #start(found: FoundHost | undefined, options: NodeOptions, signal: AbortSignal, say: Say): Promise<FoundHost> {
    if (found !== undefined) return { host: found.host, state: await found.host.start(options, signal, say) }
    const failures: string[] = []
    for (const host of this.#hosts) {
      if (failures.length > 0) say(`That failed (${failures.at(-1)}): trying a ${host.name}`)
      try {
        return { host, state: await host.start(options, signal, say) }
      } catch (error) {
        signal.throwIfAborted()
        // What is wrong here is so for the other as well, or not what was asked for.
        if (!(error instanceof DockerIpfsError) || hasCode(error, 'USAGE', 'FILE_FAILED')) throw error
        // The only way that was asked for: what went wrong is the answer.
        if (this.#hosts.length === 1) throw error
        failures.push(`${host.name}: ${messageOf(error)}`)
      }
    }
    throw new DockerIpfsError('NODE_UNREACHABLE', `cannot start an IPFS node (${failures.join('; ')})`, {
      hint: 'Start Kubo with "ipfs daemon", or say where a node is with --api or DOCKER_IPFS_API.',
    })
  }

  async status(signal: AbortSignal): Promise<NodeState | undefined> {
    const found = await this.#find(signal)
    if (found === undefined) return undefined
    const state = stateOf(found)
    // Whoever asks wants to know whether it can be used.
    if (state.isStarting) return { ...state, isRunning: false }
    return state.isRunning ? { ...state, storage: await storageAt(found, signal) } : state
  }

  async stop(signal: AbortSignal): Promise<NodeState> {
    const { host, state } = await this.#existing(signal)
    await host.stop(signal)
    return stateOf({ host, state })
  }

  async restart(signal: AbortSignal, say: Say): Promise<NodeState> {
    const { host } = await this.#existing(signal)
    await host.stop(signal)
    return stateOf({ host, state: await host.start({}, signal, say) })
  }

  async *logs(options: LogOptions, signal: AbortSignal): Bytes {
    const { host } = await this.#existing(signal)
    yield* host.logs(options, signal)
  }

  async remove(volumes: boolean, signal: AbortSignal): Promise<NodeState> {
    const { host, state } = await this.#existing(signal)
    await host.remove(volumes, signal)
    return stateOf({ host, state })
  }

  /** The one that runs, else the first that there is. */
  async #find(signal: AbortSignal): Promise<FoundHost | undefined> {
    let first: FoundHost | undefined
    // A process is found without asking the engine, so it comes first here.
    for (const host of [...this.#hosts].reverse()) {
      const state = await host.state(signal)
      if (state?.isRunning) return { host, state }
      if (state !== undefined) first = { host, state }
    }
    return first
  }

  async #existing(signal: AbortSignal): Promise<FoundHost> {
    const found = await this.#find(signal)
    if (found !== undefined) return found
    throw new DockerIpfsError('NODE_UNREACHABLE', 'docker-ipfs has no IPFS node of its own here', {
      hint: 'Make one with "docker ipfs node start".',
    })
  }
}

/** Nobody is told the secret before there is an answer that asks for one. */
async function answering(found: FoundHost | undefined, signal: AbortSignal): Promise<Endpoint | undefined> {
  if (!found?.state.isRunning) return undefined
  const { api } = found.state
  const enter = async () => {
    const answer = await identityOf(endpointOf(api), signal)
    const access = answer && (await found.host.access(api, signal))
    return access && endpointOf(api, answer === 'refused' ? access : {})
  }
  return until(enter, COMING_UP_MS, signal)
}

/** Of a node that runs. One that is on its way up or down says nothing. */
async function storageAt({ host, state }: FoundHost, signal: AbortSignal): Promise<Storage | undefined> {
  const access = await host.access(state.api, signal)
  const asked = access && storageOf(endpointOf(state.api, access), signal)
  return (await asked?.catch(() => signal.throwIfAborted())) ?? undefined
}

function stateOf({ host, state }: FoundHost): NodeState {
  return { ...state, kind: host.kind, name: host.name }
}
