import { hostname, release } from 'node:os'
import { getuid } from 'node:process'
import { isHeldBy } from '../background/listener.ts'
import type { LogOptions } from '../background/log-file.ts'
import { until } from '../background/until.ts'
import type { Docker } from '../engine/docker/command.ts'
import { DockerIpfsError, hasCode, messageOf } from '../errors.ts'
import type { Access } from '../store/kubo/access.ts'
import type { Identity } from '../store/kubo/version.ts'
import type { Bytes } from '../streams.ts'
import {
  CONTAINER,
  createArguments,
  ENGINE_FORMAT,
  IMAGE,
  LABEL,
  NETWORK,
  type Network,
  networkFor,
  SECRET,
  STOP_S,
  USERS,
  VOLUME,
} from './container-arguments.ts'
import { copyKey } from './container-key.ts'
import {
  type Container,
  findContainer,
  ignoreExisting,
  isSeen,
  isYoung,
  replacedFor,
  stateOf,
} from './container-list.ts'
import type { Host, HostState, Say } from './host.ts'
import { endpointOf, identityOf } from './ready.ts'
import { accessOf, secretIn } from './secret.ts'
import { freePorts, type NodeOptions } from './settings.ts'

/** All of docker that a container needs. */
type Commands = Pick<Docker, 'run' | 'follow'>

/** The released Kubo image as a container of the engine. */
export function createContainerHost(docker: Commands): Host {
  return new ContainerHost(docker)
}

/** Time in which a container that another is making appears. */
const SEEN_MS = 5000
const CREATED = 'made here'
const STARTED = 'just started'
const START_MS = 60_000
/** Time without an answer after which the engine is asked whether the container lives. */
const LOOK_MS = 1500
/** Time for what ends a start that was cancelled, in milliseconds. */
const END_MS = 1000 * (Number(STOP_S) + 10)
/** Tries to get ports: others may take those that were free a moment ago. */
const TRIES = 3

/** What a start has done so far. */
interface Begun {
  /** It made the container. */
  isOurs: boolean
  /** It has asked for one, and not heard whether it is there. */
  isAsked: boolean
  /** There was one that did not run. */
  ends: boolean
}

class ContainerHost implements Host {
  readonly kind = 'container'
  readonly name = `container ${CONTAINER}`
  readonly #docker: Commands

  constructor(docker: Commands) {
    this.#docker = docker
  }

  async state(signal: AbortSignal): Promise<HostState | undefined> {
    try {
      return await this.#state(signal)
    } catch (error) {
      // An engine that does not answer runs nothing; whoever needs it will say so.
      if (hasCode(error, 'ENGINE_UNREACHABLE')) return undefined
      throw error
    }
  }

  async #state(signal: AbortSignal): Promise<HostState | undefined> {
    const container = await findContainer(this.#docker, signal)
    if (container !== undefined) return this.#stateOf(container, signal)
    // Of a node that was removed there are the images.
    if ((await this.#docker.run(['volume', 'ls', '--quiet', '--filter', `label=${LABEL}`], signal)) === '')
      return undefined
    return { isRunning: false, api: '', gateway: '', details: 'removed', repository: `volume ${VOLUME}` }
  }

  async #stateOf(container: Container, signal: AbortSignal): Promise<HostState> {
    const state = stateOf(container)
    if (!isYoung(container) || (await identityOf(endpointOf(state.api), signal)) !== undefined) return state
    return { ...state, isStarting: true }
  }

  async access(api: string, signal: AbortSignal): Promise<Access | undefined> {
    if (!(await isHeldBy([...USERS, getuid?.() ?? 0], api))) return undefined
    try {
      // A tar with one file in it.
      return accessOf(secretIn(await this.#docker.run(['container', 'cp', `${CONTAINER}:${SECRET}`, '-'], signal)))
    } catch {
      signal.throwIfAborted()
      return {}
    }
  }

  async start(options: NodeOptions, signal: AbortSignal, say: Say): Promise<HostState> {
    let [container] = await Promise.all([findContainer(this.#docker, signal), this.#mustBeLocal(signal)])
    const why = container && replacedFor(container, Object.keys(options).length > 0)
    if (container !== undefined && why !== undefined) {
      say(`Replacing the IPFS node of docker-ipfs; its images stay (${why})`)
      options = { ...container.options, ...options }
      await this.#getImage(signal, say)
      await this.#removeContainer(signal)
      container = undefined
    }
    const begun: Begun = { isOurs: false, isAsked: false, ends: why !== undefined && options.swarmKey === undefined }
    try {
      if (container === undefined) container = await this.#create(options, begun, signal, say)
      else {
        if (container.isRunning && (await this.#isLocked(container, signal))) await this.stop(signal)
        begun.ends = !container.isRunning
        // Also where it seems to run: the engine's list may be behind a container that has just ended.
        await this.#docker.run(['container', 'start', CONTAINER], signal)
      }
      return await this.#untilItAnswers({ ...container, isRunning: true, status: STARTED }, signal)
    } catch (error) {
      if (signal.aborted) await this.#endStart(begun, say).catch(() => undefined)
      // What cannot work here must not be found next time.
      else if (begun.isOurs) await this.#removeContainer(signal).catch(() => undefined)
      throw error
    }
  }

  /** Who has had enough of waiting wants no node that comes up afterwards. One that others started goes on. */
  async #endStart({ isOurs, isAsked, ends }: Begun, say: Say): Promise<void> {
    const limit = AbortSignal.timeout(END_MS)
    const look = () => findContainer(this.#docker, limit)
    // The engine makes it all the same when it is not heard out.
    const container = isAsked ? await until(look, LOOK_MS, limit) : await look()
    const isMade = isOurs || (isAsked && container?.status.startsWith('Created'))
    if (!isMade && !(ends && container?.isRunning)) return
    say(`Ending the container ${CONTAINER}, which had not started yet`)
    // Of one that was replaced the options are kept.
    await (ends ? this.stop(limit) : this.#removeContainer(limit))
  }

  async stop(signal: AbortSignal): Promise<void> {
    if ((await findContainer(this.#docker, signal))?.isRunning) {
      await this.#docker.run(['container', 'stop', '--time', STOP_S, CONTAINER], signal)
    }
  }

  async *logs({ follow, tail }: LogOptions, signal: AbortSignal): Bytes {
    if ((await findContainer(this.#docker, signal)) === undefined) {
      throw new DockerIpfsError('NODE_UNREACHABLE', `there is no container ${CONTAINER}`)
    }
    yield* this.#docker.follow(
      ['container', 'logs', ...(follow ? ['--follow'] : []), '--tail', tail, CONTAINER],
      signal,
    )
  }

  async remove(volumes: boolean, signal: AbortSignal): Promise<void> {
    await this.stop(signal)
    await this.#removeContainer(signal)
    await this.#unlessMissing(['network', 'rm', NETWORK], signal)
    if (volumes) await this.#unlessMissing(['volume', 'rm', VOLUME], signal)
  }

  async #removeContainer(signal: AbortSignal): Promise<void> {
    if ((await findContainer(this.#docker, signal)) === undefined) return
    await this.stop(signal)
    await this.#unlessMissing(['container', 'rm', '--force', CONTAINER], signal)
  }

  async #unlessMissing(args: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#docker.run(args, signal).catch((error: unknown) => {
      if (!/no such|not found|already in progress/i.test(messageOf(error))) throw error
    })
  }

  /** Ports are published on the machine of the engine. */
  async #mustBeLocal(signal: AbortSignal): Promise<void> {
    const host = await this.#docker.run(['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'], signal)
    if (/^(unix|npipe):/.test(host)) return
    throw new DockerIpfsError('NODE_UNREACHABLE', `the Docker engine (${host}) may be on another machine`)
  }

  async #create(options: NodeOptions, begun: Begun, signal: AbortSignal, say: Say): Promise<Container> {
    const [network] = await Promise.all([this.#getNetwork(signal), this.#getImage(signal, say)])
    say(`Starting an IPFS node of docker-ipfs in the container ${CONTAINER} ("docker ipfs node stop" ends it)`)
    const { swarmKey, ...given } = options
    const kept = { ...given, ...(swarmKey === undefined ? {} : { isPrivate: true }) }
    for (let tries = 1; ; tries++) {
      const ports = await freePorts()
      begun.isAsked = true
      const container = await this.#make(createArguments(ports, kept, network), { ports, options: kept }, signal)
      begun.isOurs = container.status === CREATED
      begun.isAsked = false
      if (swarmKey !== undefined) await copyKey(swarmKey, this.#docker, signal)
      try {
        await this.#docker.run(['container', 'start', CONTAINER], signal)
        return container
      } catch (error) {
        if (tries === TRIES || !/address already in use|port is already allocated/i.test(messageOf(error))) throw error
        await this.#unlessMissing(['container', 'rm', '--force', CONTAINER], signal)
      }
    }
  }

  /** Its name is what only one can have: whoever comes second finds what the first has made. */
  async #make(
    args: readonly string[],
    made: Pick<Container, 'ports' | 'options'>,
    signal: AbortSignal,
  ): Promise<Container> {
    try {
      await this.#docker.run(args, signal)
      return { ...made, isRunning: false, status: CREATED, image: IMAGE, isClosed: true }
    } catch (error) {
      ignoreExisting(error)
      // The name is taken a moment before the container can be seen.
      const seen = await until(
        async () => (await findContainer(this.#docker, signal)) ?? (await isSeen(this.#docker, signal)),
        SEEN_MS,
        signal,
      )
      const found = seen === 'seen' ? await findContainer(this.#docker, signal) : seen
      if (found !== undefined) return found
      throw new DockerIpfsError('ENGINE_FAILED', `the engine has a container ${CONTAINER} that is not docker-ipfs'`)
    }
  }

  async #getNetwork(signal: AbortSignal): Promise<Network> {
    const engine = await this.#docker.run(['info', '--format', ENGINE_FORMAT], signal)
    const network = networkFor(engine, { name: hostname(), kernel: release() })
    if (network === 'host') return network
    // Not docker's default one, where every container could call the node's API.
    await this.#docker.run(['network', 'create', '--label', LABEL, network], signal).catch(ignoreExisting)
    return network
  }

  async #getImage(signal: AbortSignal, say: Say): Promise<void> {
    try {
      await this.#docker.run(['image', 'inspect', '--format', '{{.Id}}', IMAGE], signal)
    } catch (error) {
      if (!hasCode(error, 'IMAGE_NOT_FOUND')) throw error
      say(`Pulling ${IMAGE}`)
      await this.#docker.run(['image', 'pull', '--quiet', IMAGE], signal)
    }
  }

  async #untilItAnswers(container: Container, signal: AbortSignal): Promise<HostState> {
    const { api } = stateOf(container)
    for (const end = Date.now() + START_MS; Date.now() < end; ) {
      const identity = await until(() => this.#identityAt(api, signal), LOOK_MS, signal)
      if (identity !== undefined && identity !== 'refused') return stateOf(container)
      const { status } = (await findContainer(this.#docker, signal)) ?? { status: 'Dead' }
      if (/^(Exited|Restarting|Dead)/.test(status)) throw this.#notStarted(await this.#lastWords(signal))
    }
    throw this.#notStarted(`it does not answer at ${api} from here`)
  }

  /** Nobody is told the secret before there is an answer that asks for one. */
  async #identityAt(api: string, signal: AbortSignal): Promise<Identity | undefined> {
    const stranger = await identityOf(endpointOf(api), signal)
    const access = stranger && (await this.access(api, signal))
    if (stranger !== 'refused' || access === undefined) return access && stranger
    return identityOf(endpointOf(api, access), signal)
  }

  /** Its secret was lost or changed: it makes one when it starts. */
  async #isLocked(container: Container, signal: AbortSignal): Promise<boolean> {
    return (await this.#identityAt(stateOf(container).api, signal)) === 'refused'
  }

  #notStarted(why: string): DockerIpfsError {
    return new DockerIpfsError('NODE_UNREACHABLE', `the container ${CONTAINER} did not start: ${why}`, {
      hint: 'With DOCKER_IPFS_NODE=binary an ipfs on PATH is used instead.',
    })
  }

  async #lastWords(signal: AbortSignal): Promise<string> {
    const parts: Uint8Array[] = []
    try {
      for await (const part of this.logs({ follow: false, tail: '1' }, signal)) parts.push(part)
    } catch {
      signal.throwIfAborted()
    }
    return Buffer.concat(parts).toString('utf8').trim() || 'it ended at once'
  }
}
