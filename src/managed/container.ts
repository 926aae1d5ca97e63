import { getuid } from 'node:process'
import { isHeldBy } from '../background/listener.ts'
import type { LogOptions } from '../background/log-file.ts'
import { until } from '../background/until.ts'
import type { Docker } from '../engine/docker/command.ts'
import { DockerIpfsError, hasCode, messageOf } from '../errors.ts'
import type { Access } from '../store/kubo/access.ts'
import type { Identity } from '../store/kubo/version.ts'
import type { Bytes } from '../streams.ts'
import { withTempFile } from './config-file.ts'
import {
  CONTAINER,
  createArguments,
  getImage,
  getNetwork,
  IMAGE,
  ignoreExisting,
  LABEL,
  mustBeLocal,
  NETWORK,
  SECRET,
  STOP_S,
  USERS,
  VOLUME,
} from './container-arguments.ts'
import {
  type Container,
  findContainer,
  isReady,
  isSeen,
  isYoung,
  lastWords,
  replacedFor,
  stateOf,
  unlessMissing,
} from './container-list.ts'
import type { Host, HostState, Say } from './host.ts'
import { endpointOf, identityOf } from './ready.ts'
import { accessOf, secretIn } from './secret.ts'
import { freePorts, type NodeOptions, PORT_TRIES, saysTaken } from './settings.ts'

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
/** Time for the gateway, once the API answers, in milliseconds. */
const READY_MS = 5000

/** What a start has done so far. */
interface Begun {
  /** Of the container that it made. */
  id?: string | undefined
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
    const { swarmKey } = options
    if (swarmKey === undefined) return this.#start(options, undefined, signal, say)
    return withTempFile('swarm.key', swarmKey, (keyFile) => this.#start(options, keyFile, signal, say))
  }

  async #start(options: NodeOptions, keyFile: string | undefined, signal: AbortSignal, say: Say): Promise<HostState> {
    let [container] = await Promise.all([findContainer(this.#docker, signal), mustBeLocal(this.#docker, signal)])
    const why = container && replacedFor(container, Object.keys(options).length > 0)
    if (container !== undefined && why !== undefined) {
      say(`Replacing the IPFS node of docker-ipfs; its images stay (${why})`)
      options = { ...container.options, ...options }
      await getImage(this.#docker, signal, say)
      await this.#removeContainer(signal)
      container = undefined
    }
    const begun: Begun = {
      isAsked: false,
      ends: container === undefined ? why !== undefined && keyFile === undefined : !container.isRunning,
    }
    for (let tries = 1; ; tries += 1) {
      let made = container
      try {
        made ??= await this.#create(options, { tries, begun }, signal, say)
        return await this.#run(made, keyFile, signal)
      } catch (error) {
        if (signal.aborted) await this.#endStart(begun, say).catch(() => undefined)
        signal.throwIfAborted()
        if (made === undefined) throw error
        const isTaken = tries < PORT_TRIES && saysTaken(messageOf(error), made.ports)
        // What cannot work here must not be found next time. By its ID: another may stand in its place by now.
        if (isTaken || made.status === CREATED) await this.#removeById(made.id, signal).catch(() => undefined)
        if (!isTaken) throw error
        say("A port of the IPFS node of docker-ipfs is somebody else's: it gets others")
        options = { ...made.options, ...options }
        begun.ends ||= container !== undefined
        container = undefined
      }
    }
  }

  async #run(container: Container, keyFile: string | undefined, signal: AbortSignal): Promise<HostState> {
    // Not in the environment or on a command line, which others see. The container moves it into its repository.
    if (container.status === CREATED && keyFile !== undefined)
      await this.#docker.run(['container', 'cp', keyFile, `${CONTAINER}:/container-init.d/`], signal)
    if (container.isRunning && (await this.#isLocked(container, signal))) await this.stop(signal)
    // Also where it seems to run: the engine's list may be behind a container that has just ended.
    await this.#docker.run(['container', 'start', CONTAINER], signal)
    return this.#untilItAnswers({ ...container, isRunning: true, status: STARTED }, container.isRunning, signal)
  }

  /** Who has had enough of waiting wants no node that comes up afterwards. One that others started goes on. */
  async #endStart({ id, isAsked, ends }: Begun, say: Say): Promise<void> {
    const limit = AbortSignal.timeout(END_MS)
    const look = () => findContainer(this.#docker, limit)
    // The engine makes it all the same when it is not heard out.
    const container = isAsked ? await until(look, LOOK_MS, limit) : await look()
    if (container === undefined) return
    const isMade = container.id === id || (isAsked && container.status.startsWith('Created'))
    if (!isMade && !(ends && container.isRunning)) return
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
    await unlessMissing(this.#docker, ['network', 'rm', NETWORK], signal)
    if (volumes) await unlessMissing(this.#docker, ['volume', 'rm', VOLUME], signal)
  }

  async #removeContainer(signal: AbortSignal): Promise<void> {
    if ((await findContainer(this.#docker, signal)) === undefined) return
    await this.stop(signal)
    await this.#removeById(CONTAINER, signal)
  }

  async #removeById(id: string, signal: AbortSignal): Promise<void> {
    await unlessMissing(this.#docker, ['container', 'rm', '--force', id], signal)
  }

  async #create(
    options: NodeOptions,
    { tries, begun }: { readonly tries: number; readonly begun: Begun },
    signal: AbortSignal,
    say: Say,
  ): Promise<Container> {
    const [network] = await Promise.all([getNetwork(this.#docker, signal), getImage(this.#docker, signal, say)])
    if (tries === 1)
      say(`Starting an IPFS node of docker-ipfs in the container ${CONTAINER} ("docker ipfs node stop" ends it)`)
    const { swarmKey, ...given } = options
    const kept = { ...given, ...(swarmKey === undefined ? {} : { isPrivate: true }) }
    const ports = await freePorts(tries)
    begun.isAsked = true
    const container = await this.#make(createArguments(ports, kept, network), { ports, options: kept }, signal)
    begun.isAsked = false
    begun.id = container.status === CREATED ? container.id : undefined
    return container
  }

  /** Its name is what only one can have: whoever comes second finds what the first has made. */
  async #make(
    args: readonly string[],
    made: Pick<Container, 'ports' | 'options'>,
    signal: AbortSignal,
  ): Promise<Container> {
    try {
      const id = await this.#docker.run(args, signal)
      return { ...made, id, isRunning: false, status: CREATED, image: IMAGE, isClosed: true }
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

  async #untilItAnswers(container: Container, wasRunning: boolean, signal: AbortSignal): Promise<HostState> {
    let readyBy = Number.POSITIVE_INFINITY
    for (const end = Date.now() + START_MS; Date.now() < end; ) {
      const { api } = stateOf(container)
      const identity = await until(() => this.#identityAt(api, signal), LOOK_MS, signal)
      if (identity !== undefined && identity !== 'refused') {
        readyBy = Math.min(readyBy, Date.now() + READY_MS)
        // The API answers before the gateway has its port.
        if (wasRunning || Date.now() >= readyBy || (await isReady(this.#docker, signal))) return stateOf(container)
      }
      // Another start may put one with other ports into its place.
      const found = await until(() => findContainer(this.#docker, signal), SEEN_MS, signal)
      if (found === undefined || /^(Exited|Restarting|Dead)/.test(found.status))
        throw this.#notStarted(await lastWords(this.#docker, signal))
      if (found.id !== container.id) container = { ...found, isRunning: true }
    }
    throw this.#notStarted(`it does not answer at ${stateOf(container).api} from here`)
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
}
