import { afterEach, beforeEach } from 'bun:test'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBinaryHost } from '../../src/managed/binary.ts'
import type { Host, HostState } from '../../src/managed/host.ts'
import type { NodeOptions } from '../../src/managed/settings.ts'
import { collect } from '../../src/streams.ts'
import { installIpfs, STARTED, type Started } from './ipfs-program.ts'
import { peerAt } from './peer-at.ts'
import { type RpcServer, serveRpc } from './rpc-server.ts'

const never = new AbortController().signal

/** A node as a process of the `ipfs` of tests, in a folder that is a new one for each test. */
export class BinarySetup {
  #place = ''
  ipfs = ''
  host: Host = this.hostWith({})
  /** What users are told. */
  said: string[] = []
  readonly #pids = new Set<number>()
  readonly #taken: RpcServer[] = []
  readonly #children: ChildProcess[] = []

  renew(): void {
    this.#place = mkdtempSync(join(tmpdir(), 'docker-ipfs-binary-'))
    this.ipfs = installIpfs(this.#place)
    this.host = this.hostWith({})
    this.said = []
  }

  get folder(): string {
    return join(this.#place, 'node')
  }

  hostWith(env: Readonly<Record<string, string>>): Host {
    const { ipfs, folder } = this
    return createBinaryHost({ ipfs, folder, env: { PATH: process.env['PATH'], ...env } })
  }

  async start(options: NodeOptions = {}, by = this.host, signal = never): Promise<HostState> {
    try {
      return await by.start(options, signal, (text) => this.said.push(text))
    } finally {
      this.#note()
    }
  }

  /** Whatever is written down, what has the lock must not be left behind. */
  #note(): void {
    this.#pids.add(this.pid)
    if (existsSync(join(this.folder, 'repo', STARTED))) this.#pids.add(this.started.pid)
  }

  /** The ID that it answers whoever has its secret. */
  async peerAt(state: { readonly api: string }): Promise<string | undefined> {
    return peerAt(state, await this.host.access(state.api, never))
  }

  /** A file of the node. */
  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8')
  }

  /** The number that is written down; NaN where there is none. */
  get pid(): number {
    try {
      return Number(this.read('pid'))
    } catch {
      return Number.NaN
    }
  }

  get config() {
    return JSON.parse(this.read('repo/config'))
  }

  get started(): Started {
    return JSON.parse(this.read(`repo/${STARTED}`))
  }

  async logs(tail = 'all'): Promise<string> {
    return Buffer.from(await collect(this.host.logs({ follow: false, tail }, never), 1 << 24, 'the log')).toString()
  }

  /** Ends the daemon so that it can tidy up nothing. */
  async crash(): Promise<void> {
    process.kill(this.pid, 'SIGKILL')
    const api = `http://127.0.0.1:${this.read('repo/api').split('/').at(-1)}`
    while ((await this.peerAt({ api })) !== undefined) await Bun.sleep(5)
  }

  /** Takes a port of this machine until the end of a test. */
  take(port: number): void {
    this.#taken.push(serveRpc({ id: 'another' }, port))
  }

  /** Starts a process that is no node; gives its number once it can be seen what it is. */
  async another(): Promise<number> {
    const child = spawn('sleep', ['60'])
    this.#children.push(child)
    await untilFile(`/proc/${child.pid}/cmdline`, /sleep/)
    return child.pid ?? Number.NaN
  }

  /** A process that has ended, but whose parent does not ask; gives its number. */
  async zombie(): Promise<number> {
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'])
    this.#children.push(parent)
    const [line] = await once(parent.stdout, 'data')
    await untilFile(`/proc/${parent.pid}/comm`, /sleep/)
    process.kill(Number(line), 'SIGKILL')
    await untilFile(`/proc/${Number(line)}/stat`, /\) Z /)
    return Number(line)
  }

  close(): void {
    this.#note()
    for (const pid of this.#pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    this.#pids.clear()
    for (const server of this.#taken.splice(0)) server.close()
    for (const child of this.#children.splice(0)) child.kill('SIGKILL')
    rmSync(this.#place, { recursive: true })
  }
}

/** The same one in each test of a file, in a folder that is a new one. */
export function useBinary(): BinarySetup {
  const setup = new BinarySetup()
  beforeEach(() => setup.renew())
  afterEach(() => setup.close())
  return setup
}

export function isAlive(pid: number): boolean {
  // 0 would be all processes of the tests.
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    // One that has ended keeps its number until its parent asks.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function untilFile(path: string, text: RegExp): Promise<void> {
  while (!text.test(readFileSync(path, 'utf8'))) await Bun.sleep(1)
}
