import type { LogOptions } from '../../../src/background/log-file.ts'
import type { Host, HostState } from '../../../src/managed/host.ts'
import type { NodeOptions } from '../../../src/managed/settings.ts'
import type { Bytes } from '../../../src/streams.ts'
import { headerOf, newPeerId, type RpcNode, type RpcServer, serveRpc } from '../rpc-server.ts'

/** A way of running a node that has it in this process: while it runs, it answers at a port of this machine. */
export class MemoryHost implements Host {
  readonly kind: Host['kind']
  readonly name: string
  readonly node: RpcNode
  /** Why it cannot be started; undefined where it can. */
  failure: Error | undefined
  options: NodeOptions = {}
  /** Whether there is a node, running or not, and whether it has a repository. */
  exists = false
  hasRepository = false
  readonly #log: string[] = []
  #server: RpcServer | undefined
  #api = ''
  readonly #port: number

  /** @param port where it listens; 0 for any */
  constructor(kind: Host['kind'], node: Partial<RpcNode> = {}, port = 0) {
    this.#port = port
    this.kind = kind
    this.name = `${kind} in memory`
    this.node = { id: newPeerId(), storage: { used: 0, limit: 50e9 }, ...node }
  }

  async state(): Promise<HostState | undefined> {
    if (!this.exists) return undefined
    const isRunning = this.#server !== undefined
    return { isRunning, api: this.#api, gateway: '', details: isRunning ? 'up' : 'stopped', repository: 'memory' }
  }

  async access() {
    const { secret } = this.node
    return secret === undefined ? {} : { authorization: headerOf(secret) }
  }

  async start(options: NodeOptions, _: AbortSignal, say: (text: string) => void): Promise<HostState> {
    if (this.failure !== undefined) throw this.failure
    this.options = { ...this.options, ...options }
    this.exists = true
    this.hasRepository = true
    if (this.#server === undefined) {
      say(`Starting ${this.name}`)
      this.#log.push('started')
      this.#server = serveRpc(this.node, this.#port)
      this.#api = this.#server.url
    }
    return (await this.state()) as HostState
  }

  async stop(): Promise<void> {
    if (this.#server !== undefined) this.#log.push('stopped')
    this.close()
  }

  async *logs({ tail }: LogOptions): Bytes {
    const lines = tail === 'all' ? this.#log : this.#log.slice(-Number(tail))
    yield Buffer.from(lines.map((line) => `${line}\n`).join(''))
  }

  async remove(volumes: boolean): Promise<void> {
    await this.stop()
    this.options = {}
    this.exists = false
    if (volumes) this.hasRepository = false
  }

  /** As when its process dies, or the machine is turned off. */
  close(): void {
    this.#server?.close()
    this.#server = undefined
  }
}
