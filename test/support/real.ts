import { afterAll, beforeAll, expect, setDefaultTimeout } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { archive20, archiveOci, digest, type TestImage } from './images.ts'
import { type Finished, Place, type Running, type StartOptions } from './place.ts'

const SCRIPTS = join(import.meta.dir, '../../scripts')

/**
 * The run folder of these tests, not that of engines and nodes that somebody works with: the tests
 * start from nothing and leave nothing, whatever an earlier run that was killed has left there.
 */
const RUN = join(
  process.env['DOCKER_IPFS_RUN'] ?? `/tmp/docker-ipfs-e2e-${process.getuid?.()}`,
  // Workers of `bun test --parallel` have engines and nodes of their own each.
  process.env['BUN_TEST_WORKER_ID'] ?? '',
)

/** The engines to test on. Names of scripts/engines.tsv. */
export const ENGINES = (process.env['E2E_ENGINES'] ?? 'docker20 docker26-ctr docker28 docker28-ctr')
  .split(/\s+/)
  .filter(Boolean)

/** 20.10 reads neither zstd layers nor OCI layouts. */
export const ENGINES_WITH_ZSTD = ENGINES.filter((name) => !isOld(name))

/** Those that need not be sent the layers that they have. */
export const ENGINES_LEAVING_OUT = ENGINES.filter((name) => !name.endsWith('-ctr') || majorOf(name) >= 28)

function majorOf(engine: string): number {
  return Number(/\d+/.exec(engine)?.[0])
}

export function isOld(engine: string): boolean {
  return majorOf(engine) < 23
}

export interface Needs {
  readonly engines?: readonly string[]
  readonly nodes?: readonly string[]
}

/** Starts engines and nodes for the tests of a file, without any content. Where one cannot start, the tests fail. */
export function useReal({ engines = [], nodes = [] }: Needs): Real {
  const real = new Real()
  setDefaultTimeout(120_000)
  beforeAll(async () => {
    await Promise.all([...engines.map((name) => real.startEngine(name)), ...nodes.map((name) => real.startNode(name))])
  })
  afterAll(() => real.close())
  return real
}

/** Engines that run, with what a run that was killed left in them thrown away. They stay for the next test file. */
const started = new Set<string>()

/** Ends the engines, and deletes what they had. `test/support/teardown.ts` calls it when all is over. */
export async function removeEngines(): Promise<void> {
  await Promise.all([...started].map((name) => script('engine', 'rm', name)))
  started.clear()
}

export class Real {
  readonly place = new Place()
  readonly #engines = new Map<string, Engine>()
  readonly #nodes = new Map<string, KuboNode>()

  engine(name: string): Engine {
    return this.#engines.get(name) ?? fail(`engine ${name} is not started`)
  }

  /** The only node, or the one of this name. */
  node(name = [...this.#nodes.keys()][0] ?? ''): KuboNode {
    return this.#nodes.get(name) ?? fail(`node ${name} is not started`)
  }

  async startEngine(name: string): Promise<Engine> {
    if (!started.has(name)) await script('engine', 'rm', name)
    started.add(name)
    const engine = new Engine(this.place, name, (await script('engine', 'start', name)).trim())
    this.#engines.set(name, engine)
    await engine.docker('container', 'prune', '--force')
    await engine.clear()
    return engine
  }

  async startNode(name: string): Promise<KuboNode> {
    const node = new KuboNode(name, await script('node', 'start', name, '--fresh'))
    this.#nodes.set(name, node)
    return node
  }

  /** Does something that must leave no trace: no process, no file, no pin, and the images that were there. */
  async leavingNothing<T>(action: () => Promise<T>): Promise<T> {
    // What came before may still be ending.
    const before = await this.traces(2000)
    expect(before).toMatchObject({ processes: [], files: [] })
    const result = await action()
    expect(await this.traces()).toEqual(before)
    return result
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes.keys()].map((name) => script('node', 'rm', name)))
    this.place.remove()
  }

  /** All that a command may leave behind: compare it from before and after. */
  async traces(graceMs = 0): Promise<Traces> {
    const processes = await this.place.processesLeft(graceMs)
    const list = async <T extends { readonly name: string }, R>(of: Iterable<T>, get: (item: T) => Promise<R>) =>
      Object.fromEntries(await Promise.all([...of].map(async (item) => [item.name, await get(item)] as const)))
    return {
      processes,
      files: this.place.filesLeft(),
      pins: await list(this.#nodes.values(), (node) => node.pins()),
      names: await list(this.#nodes.values(), (node) => node.names()),
      images: await list(this.#engines.values(), (engine) => engine.images()),
    }
  }
}

export interface Traces {
  readonly processes: readonly string[]
  readonly files: readonly string[]
  /** By node: CIDs. */
  readonly pins: Readonly<Record<string, readonly string[]>>
  /** By node: the CID of its folder of names. */
  readonly names: Readonly<Record<string, string>>
  /** By engine: ID and name. */
  readonly images: Readonly<Record<string, readonly string[]>>
}

/** Something with the address of a node's API: a node, or a relay in front of one. */
export interface Api {
  readonly api: string
}

/** An engine, or a relay in front of one. */
export class Engine {
  readonly #place: Place
  readonly name: string
  readonly host: string

  constructor(place: Place, name: string, host: string) {
    this.#place = place
    this.name = name
    this.host = host
  }

  get isOld(): boolean {
    return isOld(this.name)
  }

  get isContainerd(): boolean {
    return this.name.endsWith('-ctr')
  }

  get socket(): string {
    return this.host.slice('unix://'.length)
  }

  /** The same engine at another address. */
  behind(relay: { readonly host: string }): Engine {
    return new Engine(this.#place, this.name, relay.host)
  }

  /** Runs docker on this engine; gives its stdout without the last newline. */
  async docker(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#place.run('docker', ['-H', this.host, ...args])
    if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: exit code ${exitCode}\n${stdout}${stderr}`)
    return stdout.trimEnd()
  }

  /** Runs `docker ipfs` on this engine and a node. */
  ipfs(node: Api, ...args: string[]): Promise<Finished> {
    return this.startIpfs(node, args).finished
  }

  startIpfs(node: Api, args: readonly string[], options: StartOptions = {}): Running {
    const env = { DOCKER_IPFS_API: node.api, ...options.env }
    return this.#place.start('docker', ['-H', this.host, 'ipfs', ...args], { ...options, env })
  }

  /** Runs a command where the ports are that the containers of an engine called …-net publish. */
  inside(command: readonly string[], options: StartOptions = {}): Running {
    const network = `--net=/proc/${this.#pid()}/ns/net`
    return this.#place.start('nsenter', [network, '--', ...command], options)
  }

  /** Saves an image, with all the work, which must end without an error; gives its root CID. */
  async save(node: Api, image: string): Promise<string> {
    const run = await this.ipfs(node, 'save', '-q', '--no-cache', image)
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(run.stdout).toMatch(/^bafybei[a-z2-7]{52}\n$/)
    return run.stdout.trimEnd()
  }

  /** Gives the engine an image, as `docker load` of an archive in the engine's own form, and returns its ID here. */
  async give(image: TestImage, packing: 'plain' | 'gzip' = 'plain'): Promise<string> {
    const archive = this.isOld ? archive20(image) : archiveOci(image, packing)
    const file = join(this.#place.folder, `${crypto.randomUUID()}.tar`)
    await Bun.write(file, archive)
    const said = await this.docker('image', 'load', '-i', file)
    await Bun.file(file).delete()
    return /^Loaded image ID: (sha256:[0-9a-f]{64})$/m.exec(said)?.[1] ?? fail(`docker load said ${said}`)
  }

  /** Every image and name, sorted; those without a name as well. */
  async images(): Promise<string[]> {
    const format = '{{.ID}} {{.Repository}}:{{.Tag}}'
    const text = await this.docker('image', 'ls', '--all', '--no-trunc', '--format', format)
    return text.split('\n').filter(Boolean).sort()
  }

  async clear(): Promise<void> {
    const ids = new Set((await this.images()).map((line) => line.split(' ')[0] as string))
    if (ids.size > 0) await this.docker('image', 'rm', '--force', ...ids)
  }

  /** What an image is made of, read back from the engine: the digest of its config, and its diffIDs. */
  async contents(image: string): Promise<{ readonly config: string; readonly diffIds: readonly string[] }> {
    const folder = join(this.#place.folder, crypto.randomUUID())
    mkdirSync(folder)
    await this.docker('image', 'save', '-o', `${folder}/image.tar`, image)
    run('tar', ['-xf', `${folder}/image.tar`, '-C', folder])
    const [entry] = JSON.parse(readFileSync(`${folder}/manifest.json`, 'utf8')) as [
      { Config: string; Layers: string[] | null },
    ]
    const unpacked = (path: string) => {
      const bytes = readFileSync(`${folder}/${path}`)
      if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes)
      return bytes[0] === 0x28 && bytes[1] === 0xb5 ? zstdDecompressSync(bytes) : bytes
    }
    const contents = {
      config: digest(readFileSync(`${folder}/${entry.Config}`)),
      // null: of an image without layers.
      diffIds: (entry.Layers ?? []).map((path) => digest(unpacked(path))),
    }
    run('rm', ['-rf', folder])
    return contents
  }

  /** What is in the image that the engine has, with a name or without. */
  async onlyContents() {
    const images = await this.images()
    expect(images).toHaveLength(1)
    return this.contents(images[0]?.split(' ')[0] ?? '')
  }

  /** Ends the engine as a crash would. `restart` brings it back. */
  kill(): void {
    process.kill(this.#pid(), 'SIGKILL')
  }

  #pid(): number {
    return Number(readFileSync(join(RUN, 'engines', this.name, 'pid'), 'utf8'))
  }

  async restart(): Promise<void> {
    await script('engine', 'stop', this.name)
    await script('engine', 'start', this.name)
  }
}

export class KuboNode implements Api {
  readonly name: string
  readonly api: string
  readonly gateway: string
  readonly swarm: string
  readonly repo: string
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
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v0/${path}`, { method: 'POST', body: body ?? null })
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

/** Runs a script of the project on the run folder of these tests. */
export async function script(name: string, ...args: string[]): Promise<string> {
  const child = Bun.spawn([join(SCRIPTS, name), ...args], {
    env: { ...process.env, DOCKER_IPFS_RUN: RUN },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`scripts/${name} ${args.join(' ')}: exit code ${code}\n${stderr}`)
  return stdout
}

/** Where the scripts keep the state of a node; it need not be there yet. */
export function stateOfNode(name: string): string {
  return join(RUN, 'nodes', name)
}

/** Runs a command of the machine and gives its stdout. */
export function run(command: string, args: readonly string[]): Buffer {
  const { status, stdout, stderr, error } = spawnSync(command, args, { maxBuffer: 1 << 30 })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`)
  return stdout
}

function fail(message: string): never {
  throw new Error(message)
}
