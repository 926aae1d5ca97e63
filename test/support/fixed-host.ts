import type { LogOptions } from '../../src/background/log-file.ts'
import type { Host, HostState, Say } from '../../src/managed/host.ts'
import type { NodeOptions } from '../../src/managed/settings.ts'
import type { Bytes } from '../../src/streams.ts'

/**
 * Something that runs a node of our own, for tests of what is printed: its address and its words are always the same. It remembers
 * what it was told, writes a log, and what it keeps outlives it. Nobody answers at its address, unless a test gives another.
 */
export class FixedHost implements Host {
  readonly kind = 'container'
  readonly name = 'container docker-ipfs-node'
  /** Undefined where there is no node. */
  options: NodeOptions | undefined
  isRunning = false
  /** Whether the repository is there. */
  hasRepository = false
  readonly #api: string
  readonly #log: string[] = []

  constructor(api = 'http://127.0.0.1:1') {
    this.#api = api
  }

  async state(): Promise<HostState | undefined> {
    return this.options === undefined ? undefined : this.#state()
  }

  async access() {
    return {}
  }

  #state(): HostState {
    return {
      isRunning: this.isRunning,
      api: this.#api,
      gateway: 'http://127.0.0.1:2',
      details: this.isRunning ? 'ipfs/kubo:v0.43.0, Up 3 minutes' : 'ipfs/kubo:v0.43.0, Exited (0)',
      repository: 'volume docker-ipfs-node',
    }
  }

  async start(options: NodeOptions, _signal: AbortSignal, say: Say): Promise<HostState> {
    if (!this.isRunning) say(`Starting ${this.name}`)
    this.options = { ...this.options, ...options }
    this.isRunning = true
    this.hasRepository = true
    this.#log.push('Daemon is ready\n')
    return this.#state()
  }

  async stop(): Promise<void> {
    this.isRunning = false
    this.#log.push('Daemon is gone\n')
  }

  async *logs({ tail }: LogOptions): Bytes {
    for (const line of tail === 'all' ? this.#log : this.#log.slice(-Number(tail))) yield Buffer.from(line)
  }

  async remove(volumes: boolean): Promise<void> {
    await this.stop()
    this.options = undefined
    if (volumes) this.hasRepository = false
  }
}
