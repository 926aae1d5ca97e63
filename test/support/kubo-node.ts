import { rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fail, script } from './scripts.ts'

/** Something with the address of a node's API: a node, or a relay in front of one. */
export interface Api {
  readonly api: string
}

export class KuboNode implements Api {
  readonly name: string
  readonly api: string
  readonly gateway: string
  readonly swarm: string
  readonly repo: string
  /** What tests themselves are let in with, where the node is not open to everybody. */
  authorization: string | undefined
  #pid: number

  /** `printed`: what `scripts/node start` prints, `key=value` lines. */
  constructor(name: string, printed: string) {
    const value = (key: string) =>
      new RegExp(`^${key}=(.+)$`, 'm').exec(printed)?.[1] ?? fail(`no ${key}= in ${printed}`)
    this.name = name
    this.api = value('api')
    this.gateway = value('gateway')
    this.swarm = value('swarm')
    this.repo = value('repo')
    this.#pid = Number(value('pid'))
  }

  get port(): number {
    return Number(/\/tcp\/(\d+)$/.exec(this.api)?.[1])
  }

  /** While this runs, nobody finds the node's repository: a load reads what the node has from its gateway, and not from its disk. */
  withoutDisk<T>(act: () => Promise<T>): Promise<T> {
    return this.#withDisk('/nowhere', act)
  }

  /** While this runs, the node says that its repository is where another one's is. */
  withDiskOf<T>(other: KuboNode, act: () => Promise<T>): Promise<T> {
    return this.#withDisk(other.repo, act)
  }

  async #withDisk<T>(repo: string, act: () => Promise<T>): Promise<T> {
    const link = join(dirname(this.repo), 'ipfs-path')
    const lead = (to: string) => {
      rmSync(link)
      symlinkSync(to, link)
    }
    lead(repo)
    try {
      return await act()
    } finally {
      lead(this.repo)
    }
  }

  /** While this runs, a load reads all by the API: what the node has comes from its disk or gateway else, past whoever stands in front of its API. */
  async byApiAlone<T>(act: () => Promise<T>): Promise<T> {
    const { Value } = JSON.parse(await this.rpc('config?arg=Addresses.Gateway')) as { Value: string }
    await this.rpc('config?arg=Addresses.Gateway&arg=')
    try {
      return await this.withoutDisk(act)
    } finally {
      await this.rpc(`config?arg=Addresses.Gateway&arg=${Value}`)
    }
  }

  /** Calls the node's RPC API, by itself and not through the plugin. */
  async rpc(path: string, body?: FormData): Promise<string> {
    const headers = this.authorization === undefined ? {} : { authorization: this.authorization }
    const url = `http://127.0.0.1:${this.port}/api/v0/${path}`
    const response = await fetch(url, { method: 'POST', headers, body: body ?? null })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${text}`)
    return text
  }

  /** Bytes of blocks that the node has got from others since it was started. */
  async fetched(): Promise<number> {
    return (JSON.parse(await this.rpc('bitswap/stat')) as { DataReceived: number }).DataReceived
  }

  /** What is pinned with all that belongs to it; not the empty folder that every new node has. */
  async pins(): Promise<string[]> {
    const { Keys = {} } = JSON.parse(await this.rpc('pin/ls?type=recursive')) as { Keys?: object }
    return Object.keys(Keys)
      .filter((cid) => cid !== EMPTY_FOLDER)
      .sort()
  }

  /** The CID of the folder of names, so of the catalogue: it changes with any of it. */
  async names(): Promise<string> {
    return (JSON.parse(await this.rpc('files/stat?arg=/&hash=true')) as { Hash: string }).Hash
  }

  /** Takes all away that was pinned or named, and the blocks. */
  async empty(): Promise<void> {
    for (const pin of await this.pins()) await this.rpc(`pin/rm?arg=${pin}`)
    const { Entries } = JSON.parse(await this.rpc('files/ls?arg=/')) as { Entries: { Name: string }[] | null }
    for (const { Name } of Entries ?? []) await this.rpc(`files/rm?arg=/${Name}&recursive=true&force=true`)
    // Kubo writes the new root of its folders down a little later; killed before, but after a GC, it never starts again.
    await this.rpc('files/flush?arg=/')
    await this.rpc('repo/gc')
  }

  async connect(other: KuboNode): Promise<void> {
    await script('node', 'connect', this.name, other.name)
  }

  /**
   * Takes all away, and connects to the other node anew: asked again for blocks that it has just sent, that one now and then does not
   * answer for a minute (measured with Kubo 0.43: in 3 loads of 40; over a new connection in none of 80).
   */
  async emptyAndMeet(other: KuboNode): Promise<void> {
    await this.empty()
    const { Peers } = JSON.parse(await this.rpc('swarm/peers')) as { Peers: { Peer: string }[] | null }
    for (const { Peer } of Peers ?? []) await this.rpc(`swarm/disconnect?arg=/p2p/${Peer}`)
    await this.connect(other)
  }

  async stop(): Promise<void> {
    await script('node', 'stop', this.name)
  }

  /** Ends the node as a crash would. `restart` brings it back. */
  kill(): void {
    process.kill(this.#pid, 'SIGKILL')
  }

  async restart(): Promise<void> {
    this.#pid = Number(/^pid=(\d+)$/m.exec(await script('node', 'start', this.name))?.[1])
  }

  /** Changes the configuration; takes effect with the next `restart`. */
  async configure(change: (config: Record<string, Record<string, unknown>>) => void): Promise<void> {
    const file = Bun.file(join(this.repo, 'config'))
    const config = (await file.json()) as Record<string, Record<string, unknown>>
    change(config)
    await Bun.write(file, JSON.stringify(config))
  }
}

const EMPTY_FOLDER = 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn'
