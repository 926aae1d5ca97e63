import { afterEach, beforeEach } from 'bun:test'
import { createContainerHost } from '../../src/managed/container.ts'
import { CONTAINER, IMAGE } from '../../src/managed/container-arguments.ts'
import type { Host, HostState } from '../../src/managed/host.ts'
import type { NodeOptions } from '../../src/managed/settings.ts'
import { MemoryDocker } from './memory/docker.ts'
import { peerAt } from './peer-at.ts'
import { type RpcServer, serveRpc } from './rpc-server.ts'

const never = new AbortController().signal

/** A node in a container of an engine in memory. */
class ContainerSetup {
  docker = new MemoryDocker(IMAGE)
  host: Host = createContainerHost(this.docker)
  /** What users are told. */
  said: string[] = []
  readonly #taken: RpcServer[] = []

  renew(): void {
    this.docker = new MemoryDocker(IMAGE)
    this.host = createContainerHost(this.docker)
    this.said = []
  }

  start(options: NodeOptions = {}, signal = never): Promise<HostState> {
    return this.host.start(options, signal, (text) => this.said.push(text))
  }

  /** The ID that it answers whoever has its secret. */
  async peerAt(state: { readonly api: string }): Promise<string | undefined> {
    return peerAt(state, await this.host.access(state.api, never))
  }

  /** Of the repository that the engine keeps. */
  get peer(): string | undefined {
    return this.docker.volumes.get(CONTAINER)?.files.get('id')
  }

  get container() {
    return this.docker.containers.get(CONTAINER)
  }

  get label(): Record<string, unknown> {
    return JSON.parse(this.container?.labels.get('docker-ipfs.node') ?? '')
  }

  /** The commands that begin so. */
  calls(command: string): string[] {
    return this.docker.calls.filter((call) => call.startsWith(command))
  }

  /** Has something happen before the n-th of these commands, counted from now. */
  before(command: string, act: (nth: number) => void): void {
    let nth = 0
    this.docker.meanwhile = (now) => {
      if (now === command) act(++nth)
    }
  }

  /** Takes a port of this machine until the end of a test; what is there is no node. */
  take(port: number): void {
    this.#taken.push(serveRpc({ id: '', refuses: 404 }, port))
  }

  close(): void {
    this.docker.close()
    for (const server of this.#taken.splice(0)) server.close()
  }
}

/** The same one in each test of a file, over an engine that is a new one. */
export function useContainer(): ContainerSetup {
  const setup = new ContainerSetup()
  beforeEach(() => setup.renew())
  afterEach(() => setup.close())
  return setup
}
