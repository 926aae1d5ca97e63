import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Docker } from '../../../src/engine/docker/command.ts'
import { engineError } from '../../../src/engine/docker/words.ts'
import type { Bytes } from '../../../src/streams.ts'
import { MemoryContainer, type Volume } from './container.ts'
import { daemonError, type Flags, formatted, labelled, pairs, parseCommand } from './docker-words.ts'

/**
 * The `docker` command over an engine in memory, for nodes in containers. It has containers, volumes, networks and images; a
 * container that runs listens on its ports of this machine and answers as Kubo does. It says what docker says.
 */
export class MemoryDocker implements Pick<Docker, 'run' | 'follow'> {
  /** Every command, as it would stand on a command line. */
  readonly calls: string[] = []
  readonly containers = new Map<string, MemoryContainer>()
  readonly volumes = new Map<string, Volume>()
  readonly networks = new Map<string, { readonly labels: ReadonlyMap<string, string> }>()
  readonly images: Set<string>
  /** Images that can be pulled. */
  readonly registry: Set<string>
  /** Where the engine is, as its context says. */
  host = 'unix:///var/run/docker.sock'
  machine = { name: 'engine', kernel: '6.1.0', security: '[name=seccomp,profile=builtin]' }
  isDown = false
  /** Containers whose name is taken, but which no list shows yet. */
  readonly unseen = new Set<string>()
  /** What Kubo says when it ends as soon as it is started; undefined where it goes on. */
  lastWords: string | undefined
  /** Its ports are published here. */
  isHere = true
  /** What others do before a command, e.g. before each `container start`. */
  meanwhile: (command: string) => void = () => undefined

  constructor(...images: string[]) {
    this.images = new Set(images)
    this.registry = new Set(images)
  }

  async run(args: readonly string[], signal: AbortSignal): Promise<string> {
    signal.throwIfAborted()
    this.calls.push(args.join(' '))
    const name = args[0] === 'info' ? 'info' : args.slice(0, 2).join(' ')
    this.meanwhile(name)
    signal.throwIfAborted()
    const command = this.#commands[name]
    if (command === undefined) throw new Error(`the docker of tests has no command ${name}`)
    // The only one that docker answers by itself.
    if (this.isDown && name !== 'context inspect') throw this.#down()
    const { flags, words } = parseCommand(args.slice(name === 'info' ? 1 : 2))
    return command(flags, words).trimEnd()
  }

  async *follow(args: readonly string[], signal: AbortSignal): Bytes {
    this.calls.push(args.join(' '))
    const { flags, words } = parseCommand(args.slice(2))
    if (args.slice(0, 2).join(' ') !== 'container logs') throw new Error(`no output of ${args.join(' ')}`)
    yield* this.#container(words[0]).log.read(flags('--tail')[0] ?? 'all', flags('--follow').length > 0, signal)
  }

  /** Ends whatever listens. */
  close(): void {
    for (const container of this.containers.values()) container.stop()
  }

  readonly #commands: Readonly<Record<string, Command>> = {
    info: (flags) => {
      const { name: Name, kernel: KernelVersion, security: SecurityOptions } = this.machine
      return formatted(flags, { Name, KernelVersion, SecurityOptions })
    },
    'context inspect': (flags) => formatted(flags, { 'Endpoints.docker.Host': this.host }),
    'container ls': (flags) => {
      const shown = labelled([...this.containers.values()], flags).filter(({ name }) => !this.unseen.has(name))
      return shown.map((container) => formatted(flags, container.fields, container.labels)).join('\n')
    },
    'container create': (flags, words) => this.#create(flags, words),
    'container start': (_, [name]) => {
      const container = this.#container(name)
      if (!BUILT_IN.has(container.network) && !this.networks.has(container.network))
        throw daemonError(`network ${container.network} not found`)
      container.start({ lastWords: this.lastWords, isHere: this.isHere })
      return container.name
    },
    'container stop': (_, [name]) => {
      this.#container(name).stop()
      return name ?? ''
    },
    'container rm': (flags, [name]) => {
      const container = this.#container(name)
      if (container.isRunning && flags('--force').length === 0)
        throw daemonError(`cannot remove container "${name}": container is running: stop the container before removing`)
      container.stop()
      this.containers.delete(container.name)
      return container.name
    },
    'container cp': (_, [from = '', to = '']) => {
      if (to === '-') return this.#copied(from)
      const [name, folder = ''] = to.split(':')
      this.#container(name).files.set(`${folder}${basename(from)}`, readFileSync(from, 'utf8'))
      return ''
    },
    'network create': (flags, [name = '']) => {
      if (this.networks.has(name)) throw daemonError(`network with name ${name} already exists`)
      this.networks.set(name, { labels: pairs(flags('--label')) })
      return name
    },
    'network rm': (_, [name = '']) => {
      if (!this.networks.delete(name)) throw daemonError(`network ${name} not found`)
      return name
    },
    'volume ls': (flags) => {
      const volumes = [...this.volumes].map(([name, { labels }]) => ({ name, labels }))
      return labelled(volumes, flags)
        .map(({ name }) => name)
        .join('\n')
    },
    'volume rm': (_, [name = '']) => {
      const users = [...this.containers.values()].filter(({ volumeName }) => volumeName === name).map(({ id }) => id)
      if (users.length > 0) throw daemonError(`remove ${name}: volume is in use - [${users.join(', ')}]`)
      if (!this.volumes.delete(name)) throw daemonError(`get ${name}: no such volume`)
      return name
    },
    'image inspect': (_, [name = '']) => {
      if (!this.images.has(name)) throw daemonError(`No such image: ${name}`)
      return 'sha256:0'
    },
    'image pull': (_, [name = '']) => this.#pull(name),
  }

  /** Something like a tar: the name of the file, and what is in it. */
  #copied(from: string): string {
    const [name, path = ''] = from.split(':')
    const text = this.#container(name).repositoryFile(path)
    if (text === undefined) throw daemonError(`Could not find the file ${path} in container ${name}`)
    return `${basename(path)}\0\0${text}\0\0`
  }

  #pull(name: string): string {
    if (!this.registry.has(name))
      throw daemonError(`manifest for ${name} not found: manifest unknown: manifest unknown`)
    this.images.add(name)
    return name
  }

  #create(flags: Flags, [image = '', ...command]: readonly string[]): string {
    const [name = ''] = flags('--name')
    const taken = this.containers.get(name)
    if (taken !== undefined) {
      throw daemonError(
        `Conflict. The container name "/${name}" is already in use by container "${taken.id}". You have to remove (or rename) that container to be able to reuse that name.`,
      )
    }
    if (!this.images.has(image)) this.#pull(image)
    const mount = pairs(flags('--mount').flatMap((text) => text.split(',')))
    const volumeName = mount.get('source') ?? ''
    const labels = pairs([mount.get('volume-label') ?? ''])
    const volume: Volume = this.volumes.get(volumeName) ?? { labels, files: new Map(), config: new Map() }
    if (volumeName !== '') this.volumes.set(volumeName, volume)
    const container = new MemoryContainer({ name, image, command, volumeName, volume }, flags)
    this.containers.set(name, container)
    return container.id
  }

  #container(name = ''): MemoryContainer {
    const container = this.containers.get(name) ?? [...this.containers.values()].find(({ id }) => id === name)
    if (container === undefined) throw daemonError(`No such container: ${name}`)
    return container
  }

  #down(): Error {
    return engineError(`Cannot connect to the Docker daemon at ${this.host}. Is the docker daemon running?`, undefined)
  }
}

/** Networks that every engine has. */
const BUILT_IN = new Set(['bridge', 'host'])

type Command = (flags: Flags, words: readonly string[]) => string
