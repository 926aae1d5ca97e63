import type { Bytes } from '../../../src/streams.ts'
import { never } from '../never.ts'
import { newPeerId, serveRpc } from '../rpc-server.ts'
import { daemonError, type Flags, pairs } from './docker-words.ts'

/** What a repository has. */
export interface Volume {
  readonly labels: ReadonlyMap<string, string>
  readonly files: Map<string, string>
  /** Kubo's config. Values are JSON. */
  readonly config: Map<string, string>
}

interface Parts {
  readonly name: string
  readonly image: string
  readonly command: readonly string[]
  readonly volumeName: string
  readonly volume: Volume
}

/** What becomes of Kubo in a container. */
interface Fate {
  /** What it says when it ends at once; undefined where it goes on. */
  readonly lastWords: string | undefined
  /** Its ports are those of this machine. */
  readonly isHere: boolean
}

const ENTRY = 'API.Authorizations.docker-ipfs'
const SECRET = 'docker-ipfs.secret'
const KEY = '/container-init.d/swarm.key'

/** A container of Kubo in memory. While it runs it has its ports of this machine. */
export class MemoryContainer {
  readonly id = `${crypto.randomUUID()}${crypto.randomUUID()}`.replaceAll('-', '')
  readonly name: string
  readonly image: string
  readonly command: readonly string[]
  readonly volumeName: string
  readonly labels: ReadonlyMap<string, string>
  readonly env: ReadonlyMap<string, string>
  readonly network: string
  /** As docker's --publish has them. */
  readonly published: readonly string[]
  /** Files that were copied into it, by path. */
  readonly files = new Map<string, string>()
  readonly log = new Log()
  state: 'created' | 'running' | 'exited' | 'restarting' = 'created'
  readonly #volume: Volume
  readonly #listening: { close(): void }[] = []

  constructor({ name, image, command, volumeName, volume }: Parts, flags: Flags) {
    this.name = name
    this.image = image
    this.command = command
    this.volumeName = volumeName
    this.#volume = volume
    this.labels = pairs(flags('--label'))
    this.env = pairs(flags('--env'))
    this.network = flags('--network')[0] ?? 'bridge'
    this.published = flags('--publish')
  }

  get isRunning(): boolean {
    return this.state === 'running'
  }

  /** As `docker container ls` has them. */
  get fields(): Readonly<Record<string, string>> {
    const status = {
      created: 'Created',
      running: 'Up Less than a second',
      exited: 'Exited (0) Less than a second ago',
      restarting: 'Restarting (1) Less than a second ago',
    }
    return { ID: this.id, Names: this.name, State: this.state, Status: status[this.state], Image: this.image }
  }

  /** @throws ENGINE_FAILED when a port that is to be published is taken */
  start({ lastWords, isHere }: Fate): void {
    if (this.isRunning) return
    if (this.network !== 'host') this.#publish()
    this.log.open()
    this.state = 'running'
    this.#init()
    this.log.write('Initializing daemon...')
    if (lastWords !== undefined) this.#end(lastWords)
    else if (isHere) this.#listen()
    if (this.isRunning) this.log.write('Daemon is ready')
  }

  stop(): void {
    this.#close()
    if (this.state !== 'created') this.state = 'exited'
    this.log.close()
  }

  #close(): void {
    for (const one of this.#listening.splice(0)) one.close()
  }

  /** It is started again for ever. */
  #end(words: string): void {
    this.#close()
    this.log.write(words)
    this.state = 'restarting'
  }

  /** The engine takes the ports before anything runs. */
  #publish(): void {
    for (const [host, port] of this.published.map((text) => text.split(':'))) {
      if (host !== '127.0.0.1') continue
      try {
        Bun.serve({ hostname: host, port: Number(port), fetch: () => new Response() }).stop(true)
      } catch {
        throw daemonError(
          `failed to set up container networking: driver failed programming external connectivity on endpoint ${this.name} (${this.id}): failed to bind host port for ${host}:${port}:172.18.0.2:${port}/tcp: address already in use`,
        )
      }
    }
  }

  /** A file of its volume; the engine copies those of a container that is stopped as well. */
  repositoryFile(path: string): string | undefined {
    return this.#volume.files.get(path.replace(/^\/data\/ipfs\//, ''))
  }

  /** What our script does in the image, before Kubo is started. */
  #init(): void {
    const { files, config } = this.#volume
    const key = this.files.get(KEY)
    if (key !== undefined) files.set('swarm.key', key)
    this.files.delete(KEY)
    if (!files.has('id')) files.set('id', newPeerId())
    const settings = (this.env.get('DOCKER_IPFS_INIT') ?? '').matchAll(/^ *ipfs config --json (\S+) '(.*)'$/gm)
    for (const [, name = '', value = ''] of settings) config.set(name, value)
    if (!config.has(ENTRY)) return
    if (!/^basic:docker-ipfs:[0-9a-f]{64}\n$/.test(files.get(SECRET) ?? '')) {
      files.set(SECRET, `basic:docker-ipfs:${crypto.randomUUID().replaceAll('-', '').repeat(2)}\n`)
    }
    config.set(ENTRY, (config.get(ENTRY) ?? '').replace('@SECRET@', (files.get(SECRET) ?? '').trim()))
  }

  /** Kubo listens where its config says, in the container; what is not open to the container's network nobody can reach. */
  #listen(): void {
    const { API = '', Gateway = '' } = JSON.parse(this.#volume.config.get('Addresses') ?? '{}')
    const isOpen = (address: string) => this.network === 'host' || address.startsWith('/ip4/0.0.0.0/')
    try {
      const secret = JSON.parse(this.#volume.config.get(ENTRY) ?? '{}').AuthSecret
      if (isOpen(API)) this.#listening.push(serveRpc({ id: this.#volume.files.get('id') ?? '', secret }, portIn(API)))
      if (!isOpen(Gateway)) return
      const gateway = { hostname: '127.0.0.1', port: portIn(Gateway), fetch: () => new Response('', { status: 404 }) }
      const server = Bun.serve(gateway)
      this.#listening.push({ close: () => void server.stop(true) })
    } catch {
      const what = this.#listening.length === 0 ? ['serveHTTPApi', API] : ['serveHTTPGateway', Gateway]
      this.#end(
        `Error: ${what[0]}: manet.Listen(${what[1]}) failed: listen tcp4 127.0.0.1:${portIn(what[1] ?? '')}: bind: address already in use`,
      )
    }
  }
}

function portIn(address: string): number {
  return Number(address.split('/').at(-1))
}

/** What a container says, in lines. */
class Log {
  #text = ''
  #isOpen = false
  #changed = Promise.withResolvers<void>()

  open(): void {
    this.#isOpen = true
  }

  write(line: string): void {
    this.#text += `${line}\n`
    this.#wake()
  }

  close(): void {
    this.#isOpen = false
    this.#wake()
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  async *read(tail: string, follows: boolean, signal: AbortSignal): Bytes {
    const lines = this.#text.split('\n').slice(0, -1)
    const shown = tail === 'all' ? lines : lines.slice(lines.length - Math.min(lines.length, Number(tail)))
    const end = this.#text.length
    yield Buffer.from(shown.map((line) => `${line}\n`).join(''))
    for (let at = end; follows; ) {
      const more = this.#text.slice(at)
      at += more.length
      if (more !== '') yield Buffer.from(more)
      else if (this.#isOpen) await Promise.race([this.#changed.promise, never(signal)])
      else return
    }
  }
}
