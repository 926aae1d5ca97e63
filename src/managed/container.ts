import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Docker } from '../engine/docker/command.ts'
import { DockerIpfsError, hasCode, messageOf } from '../errors.ts'
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
  newerImage,
  STOP_S,
  VOLUME,
} from './container-arguments.ts'
import type { Host, HostState, LogOptions, Say } from './host.ts'
import { endpointOf, peerIdOf, until } from './ready.ts'
import { freePorts, type NodeOptions, type Ports } from './settings.ts'

/** All of docker that a container needs. */
type Commands = Pick<Docker, 'run' | 'follow'>

/** The released Kubo image as a container of the engine. */
export function createContainerHost(docker: Commands): Host {
  return new ContainerHost(docker)
}

/** A container as `docker container ls` tells of it. */
interface Container {
  readonly isRunning: boolean
  /** E.g. "Up 3 minutes (healthy)". */
  readonly status: string
  readonly image: string
  readonly ports: Ports
  readonly options: NodeOptions
}

/** Time in which a container that another is making appears. */
const SEEN_MS = 5000
const CREATED = 'made here'
const STARTED = 'just started'
const START_MS = 60_000
/** Time without an answer after which the engine is asked whether the container lives. */
const LOOK_MS = 1500
/** Tries to get ports: others may take those that were free a moment ago. */
const TRIES = 3

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
    const container = await this.#find(signal)
    if (container !== undefined) return stateOf(container)
    // Of a node that was removed there are the images.
    if ((await this.#docker.run(['volume', 'ls', '--quiet', '--filter', `label=${LABEL}`], signal)) === '')
      return undefined
    return { isRunning: false, api: '', gateway: '', details: 'removed', repository: `volume ${VOLUME}` }
  }

  async start(options: NodeOptions, signal: AbortSignal, say: Say): Promise<HostState> {
    let [container] = await Promise.all([this.#find(signal), this.#mustBeLocal(signal)])
    const isGiven = Object.keys(options).length > 0
    if (container !== undefined && (isGiven || newerImage(container.image))) {
      const why = container.image === IMAGE ? 'new options' : `${container.image} → ${IMAGE}`
      say(`Replacing the IPFS node of docker-ipfs; its images stay (${why})`)
      options = { ...container.options, ...options }
      await this.#getImage(signal, say)
      await this.#removeContainer(signal)
      container = undefined
    }
    const made = { isOurs: false }
    try {
      if (container === undefined) container = await this.#create(options, made, signal, say)
      // Also where it seems to run: the engine's list may be behind a container that has just ended.
      else await this.#docker.run(['container', 'start', CONTAINER], signal)
      return await this.#untilItAnswers({ ...container, isRunning: true, status: STARTED }, signal)
    } catch (error) {
      // What cannot work here must not be found next time.
      if (made.isOurs && !signal.aborted) await this.#removeContainer(signal).catch(() => undefined)
      throw error
    }
  }

  async stop(signal: AbortSignal): Promise<void> {
    if ((await this.#find(signal))?.isRunning) {
      await this.#docker.run(['container', 'stop', '--time', STOP_S, CONTAINER], signal)
    }
  }

  async *logs({ follow, tail }: LogOptions, signal: AbortSignal): Bytes {
    if ((await this.#find(signal)) === undefined) {
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
    if ((await this.#find(signal)) === undefined) return
    await this.stop(signal)
    await this.#unlessMissing(['container', 'rm', '--force', CONTAINER], signal)
  }

  async #unlessMissing(args: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#docker.run(args, signal).catch((error: unknown) => {
      if (!/no such|not found|already in progress/i.test(messageOf(error))) throw error
    })
  }

  async #find(signal: AbortSignal): Promise<Container | undefined> {
    const format = `{{.ID}}\t{{.State}}\t{{.Status}}\t{{.Image}}\t{{.Label "${LABEL}"}}`
    const args = ['container', 'ls', '--all', '--no-trunc', '--filter', `label=${LABEL}`, '--format', format]
    const [line = ''] = (await this.#docker.run(args, signal)).split('\n')
    const [id = '', state, status = '', image = '', label = ''] = line.split('\t')
    if (id === '') return undefined
    const { api, gateway, options } = readLabel(label)
    return { isRunning: state === 'running', status, image, ports: { api, gateway }, options }
  }

  /** Ports are published on the machine of the engine. */
  async #mustBeLocal(signal: AbortSignal): Promise<void> {
    const host = await this.#docker.run(['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'], signal)
    if (/^(unix|npipe):/.test(host)) return
    throw new DockerIpfsError('NODE_UNREACHABLE', `the Docker engine (${host}) may be on another machine`)
  }

  async #create(options: NodeOptions, made: { isOurs: boolean }, signal: AbortSignal, say: Say): Promise<Container> {
    const [network] = await Promise.all([this.#getNetwork(signal), this.#getImage(signal, say)])
    say(`Starting an IPFS node of docker-ipfs in the container ${CONTAINER} ("docker ipfs node stop" ends it)`)
    const { swarmKey, ...given } = options
    const kept = { ...given, ...(swarmKey === undefined ? {} : { isPrivate: true }) }
    for (let tries = 1; ; tries++) {
      const ports = await freePorts()
      const container = await this.#make(createArguments(ports, kept, network), { ports, options: kept }, signal)
      made.isOurs = container.status === CREATED
      if (swarmKey !== undefined) await this.#copyKey(swarmKey, signal)
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
      return { ...made, isRunning: false, status: CREATED, image: IMAGE }
    } catch (error) {
      ignoreExisting(error)
      // The name is taken a moment before the container can be seen.
      const seen = await until(async () => (await this.#find(signal)) ?? (await this.#seen(signal)), SEEN_MS, signal)
      const found = seen === 'seen' ? await this.#find(signal) : seen
      if (found !== undefined) return found
      throw new DockerIpfsError('ENGINE_FAILED', `the engine has a container ${CONTAINER} that is not docker-ipfs'`)
    }
  }

  /** Whether there is a container of the name, with our label or without. */
  async #seen(signal: AbortSignal): Promise<'seen' | undefined> {
    const names = await this.#docker.run(['container', 'ls', '--all', '--format', '{{.Names}}'], signal)
    return names.split('\n').includes(CONTAINER) ? 'seen' : undefined
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

  /** Not in the environment or on a command line, which others see. The container moves it into its repository. */
  async #copyKey(swarmKey: string, signal: AbortSignal): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'docker-ipfs-'))
    try {
      await writeFile(join(folder, 'swarm.key'), swarmKey, { mode: 0o644 })
      await this.#docker.run(['container', 'cp', join(folder, 'swarm.key'), `${CONTAINER}:/container-init.d/`], signal)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  async #untilItAnswers(container: Container, signal: AbortSignal): Promise<HostState> {
    const endpoint = endpointOf(stateOf(container).api)
    for (const end = Date.now() + START_MS; Date.now() < end; ) {
      if (await until(() => peerIdOf(endpoint, signal), LOOK_MS, signal)) return stateOf(container)
      const { status } = (await this.#find(signal)) ?? { status: 'Dead' }
      if (/^(Exited|Restarting|Dead)/.test(status)) throw this.#notStarted(await this.#lastWords(signal))
    }
    throw this.#notStarted(`it does not answer at ${endpoint.url} from here`)
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

function stateOf({ isRunning, status, image, ports }: Container): HostState {
  return {
    isRunning,
    api: `http://127.0.0.1:${ports.api}`,
    gateway: `http://127.0.0.1:${ports.gateway}`,
    details: `${image}, ${status}`,
    repository: `volume ${VOLUME}`,
  }
}

/** Whoever came first has made it. */
function ignoreExisting(error: unknown): void {
  if (!/already (in use|exists)/i.test(messageOf(error))) throw error
}

function readLabel(text: string): { readonly api: number; readonly gateway: number; readonly options: NodeOptions } {
  try {
    const { api, gateway, ...options } = JSON.parse(text)
    return { api: Number(api), gateway: Number(gateway), options }
  } catch {
    return { api: 0, gateway: 0, options: {} }
  }
}
