import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { semver } from 'bun'

/** Bytes of log after which it begins anew. */
const MAX_LOG = 10 * 1024 * 1024
/** The first Kubo whose `Provide.Strategy` may have `entities`; source: its changelog. */
const KNOWS_ENTITIES = '0.41.0'
/** Time for one that is coming up to end, in milliseconds; there are no calls yet that it could wait for. */
const END_MS = 10_000

export interface IpfsOptions {
  /** Path of the `ipfs` to run. */
  readonly ipfs: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * The user's `ipfs`, which may be of any version. It is always told which repository, also by its environment: with the argument alone Kubo
 * puts what it downloads of AutoConf into ~/.ipfs (seen with 0.43).
 */
export class IpfsCommand {
  readonly path: string
  readonly #env: IpfsOptions['env']

  constructor({ ipfs, env }: IpfsOptions) {
    this.path = ipfs
    // The user's settings for a Kubo of their own are none of ours.
    const own = Object.entries(env).filter(([name]) => !/^(IPFS|LIBP2P)_/.test(name))
    this.#env = { ...Object.fromEntries(own), IPFS_TELEMETRY: 'off' }
  }

  async init(repo: string, signal: AbortSignal): Promise<void> {
    const args = [`--repo-dir=${repo}`, 'init', '--empty-repo', '--profile=flatfs']
    await promisify(execFile)(this.path, args, { env: this.#envOf(repo), signal })
  }

  /** Whether its `Provide.Strategy` may have `entities`. One that does not say which version it is is believed to be new. */
  async knowsEntities(repo: string, signal: AbortSignal): Promise<boolean> {
    const args = [`--repo-dir=${repo}`, 'version', '--number']
    const said = await promisify(execFile)(this.path, args, { env: this.#envOf(repo), signal }).catch(() => undefined)
    signal.throwIfAborted()
    const own = /\d+\.\d+\.\d+/.exec(said?.stdout ?? '')?.[0]
    return own === undefined || semver.order(own, KNOWS_ENTITIES) >= 0
  }

  #envOf(repo: string): IpfsOptions['env'] {
    return { ...this.#env, IPFS_PATH: repo }
  }

  /** Starts a daemon in the background, which goes on without us. */
  async daemon(repo: string, { folder, log: path, isPrivate }: DaemonOptions): Promise<Daemon> {
    const args = [`--repo-dir=${repo}`, 'daemon', '--migrate=true', '--enable-gc', '--agent-version-suffix=docker-ipfs']
    const size = (await stat(path).catch(() => undefined))?.size ?? 0
    const log = await open(path, size > MAX_LOG ? 'w' : 'a', 0o600)
    try {
      // A session of its own: Ctrl-C in our terminal is not for it. In its own folder: ours may be deleted or unmounted.
      const env = { ...this.#envOf(repo), ...(isPrivate ? { LIBP2P_FORCE_PNET: '1' } : {}) }
      const options = { cwd: folder, env, detached: true } as const
      const child = spawn(this.path, args, { ...options, stdio: ['ignore', log.fd, log.fd] })
      child.unref()
      await once(child, 'spawn')
      return new Daemon(child, path, size > MAX_LOG ? 0 : size)
    } finally {
      await log.close()
    }
  }
}

export interface DaemonOptions {
  /** Where it runs. */
  readonly folder: string
  /** The file that it writes into. */
  readonly log: string
  /** Whether it is to end rather than be in the public network. */
  readonly isPrivate: boolean
}

/** What becomes of a daemon that was started: it, or another one that has the lock, answers; or it is to be started once more. */
export type Start = 'running' | 'again' | 'taken'

/** A daemon that was started here. */
export class Daemon {
  readonly #child: ChildProcess
  readonly #log: string
  readonly #from: number

  /** @param from bytes that were in the log before */
  constructor(child: ChildProcess, log: string, from: number) {
    this.#child = child
    this.#log = log
    this.#from = from
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Whether it has said that all its ports are open. */
  async isReady(): Promise<boolean> {
    return /^Daemon is ready/m.test(await this.said())
  }

  /** Whether it has found that another has the repository. */
  async isLocked(): Promise<boolean> {
    return /someone else has the lock/.test(await this.said())
  }

  /** What was written since it was started; another one may write into the same log. */
  async said(): Promise<string> {
    return (await readFile(this.#log)).subarray(this.#from).toString('utf8')
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.ref()
    this.#child.kill('SIGTERM')
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), END_MS)
    await ended
    clearTimeout(limit)
  }
}
