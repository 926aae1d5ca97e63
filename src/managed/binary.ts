import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kill } from 'node:process'
import { promisify } from 'node:util'
import { semver } from 'bun'
import { DockerIpfsError, messageOf } from '../errors.ts'
import { parsedObject } from '../json.ts'
import type { Bytes } from '../streams.ts'
import type { Host, HostState, LogOptions, Say } from './host.ts'
import { followFile, lastLines } from './log-file.ts'
import { endpointOf, peerIdOf, until } from './ready.ts'
import { freePorts, isFree, type NodeOptions, type Ports, settingsOf, stampOf } from './settings.ts'

export interface BinaryOptions {
  /** Path of the `ipfs` to run; undefined where there is none. */
  readonly ipfs: string | undefined
  /** Holds the repository, the log and what is known of the process. */
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Kubo as a background process with a repository of its own. */
export function createBinaryHost(options: BinaryOptions): Host {
  return new BinaryHost(options)
}

/** The node's own files say what it is: written here, read here. */
interface Kept {
  readonly options: NodeOptions
  readonly ports: Ports
  /** The settings that were written into the config. */
  readonly stamp: string
}

/** Time in which one that had the lock answers, or has ended, in milliseconds; and how often it is tried then. */
const LOCK_MS = 5000
const TRIES = 4
/** Time in which one ends that did not get the lock. */
const ENDING_MS = 1000
const START_MS = 60_000
/** Kubo waits 30 s for calls that hang, and then writes down what it has in memory. */
const STOP_MS = 60_000
/** The first Kubo whose `Provide.Strategy` may have `entities`; source: its changelog. */
const KNOWS_ENTITIES = '0.41.0'
/** Bytes of log after which it begins anew. */
const MAX_LOG = 10 * 1024 * 1024

class BinaryHost implements Host {
  readonly kind = 'binary'
  readonly name = 'background process'
  readonly #ipfs: string | undefined
  readonly #folder: string
  readonly #repo: string
  readonly #log: string
  readonly #pidFile: string
  readonly #env: Readonly<Record<string, string | undefined>>

  constructor({ ipfs, folder, env }: BinaryOptions) {
    this.#ipfs = ipfs
    this.#folder = folder
    this.#repo = join(folder, 'repo')
    this.#log = join(folder, 'log')
    this.#pidFile = join(folder, 'pid')
    // The user's settings for a Kubo of their own are none of ours.
    const own = Object.entries(env).filter(([name]) => !/^(IPFS|LIBP2P)_/.test(name))
    this.#env = { ...Object.fromEntries(own), IPFS_TELEMETRY: 'off' }
  }

  async state(signal: AbortSignal): Promise<HostState | undefined> {
    const config = await this.#readConfig()
    if (config === undefined) return undefined
    const running = await this.#runningAt(config, signal)
    const { ports } = await this.#kept()
    const pid = await readText(this.#pidFile)
    return {
      isRunning: running !== undefined,
      api: running ?? `http://127.0.0.1:${ports?.api ?? 0}`,
      gateway: `http://127.0.0.1:${ports?.gateway ?? 0}`,
      details: running === undefined ? 'stopped' : `process ${pid.trim()}`,
      repository: this.#repo,
    }
  }

  async start(options: NodeOptions, signal: AbortSignal, say: Say): Promise<HostState> {
    const before = await this.state(signal)
    if (before?.isRunning) {
      if (Object.keys(options).length === 0) return before
      await this.stop(signal)
    }
    if (this.#ipfs === undefined) throw new DockerIpfsError('NODE_UNREACHABLE', 'there is no ipfs on PATH')
    say(`Starting an IPFS node of docker-ipfs (${this.#ipfs}; "docker ipfs node stop" ends it)`)
    await this.#init(this.#ipfs, signal)
    await this.#configure(this.#ipfs, options, signal)
    const { isPrivate = false } = { ...(await this.#kept()).options }
    for (let tries = 1; ; tries += 1) {
      const child = await this.#spawn(this.#ipfs, isPrivate)
      if (await this.#untilItAnswers(child, signal, tries < TRIES)) break
    }
    const state = await this.state(signal)
    if (state?.isRunning) return state
    throw new DockerIpfsError('NODE_UNREACHABLE', 'the IPFS node of docker-ipfs went away again')
  }

  async stop(signal: AbortSignal): Promise<void> {
    const pid = Number(await readText(this.#pidFile))
    const isGone = async () => ((await this.#isOurs(pid)) ? undefined : true)
    if (await isGone()) return
    // Not the call `shutdown`: with the garbage collector on, the process stays (seen with Kubo 0.43).
    kill(pid, 'SIGTERM')
    if (await until(isGone, STOP_MS, signal)) return
    throw new DockerIpfsError('NODE_FAILED', `the IPFS node of docker-ipfs does not stop (process ${pid})`)
  }

  logs({ follow, tail }: LogOptions, signal: AbortSignal): Bytes {
    return followFile(this.#log, { follow, tail }, signal)
  }

  async remove(volumes: boolean, signal: AbortSignal): Promise<void> {
    await this.stop(signal)
    const gone = volumes ? [this.#folder] : ['log', 'pid', 'kept.json'].map((name) => join(this.#folder, name))
    for (const path of gone) await rm(path, { recursive: true, force: true })
  }

  /** The address where this very node answers: Kubo writes it down, and a crash leaves it behind. */
  async #runningAt(config: KuboConfig, signal: AbortSignal): Promise<string | undefined> {
    const port = /^\/ip4\/127\.0\.0\.1\/tcp\/(\d{1,5})$/.exec((await readText(join(this.#repo, 'api'))).trim())?.[1]
    if (port === undefined) return undefined
    const api = `http://127.0.0.1:${port}`
    const peer = await peerIdOf(endpointOf(api), signal)
    return peer !== undefined && peer === config.Identity?.PeerID ? api : undefined
  }

  /** Makes the repository beside its place: whoever comes second finds it whole, and throws away what it made. */
  async #init(ipfs: string, signal: AbortSignal): Promise<void> {
    if ((await this.#readConfig()) !== undefined) return
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const made = join(this.#folder, `repo.${crypto.randomUUID()}`)
    try {
      const args = [`--repo-dir=${made}`, 'init', '--empty-repo', '--profile=flatfs']
      await promisify(execFile)(ipfs, args, { env: this.#env, signal })
      await rename(made, this.#repo).catch(async (error: unknown) => {
        if ((await this.#readConfig()) === undefined) throw error
      })
    } catch (cause) {
      signal.throwIfAborted()
      const why = messageOf(cause)
        .split('\n')
        .findLast((line) => line.trim() !== '')
      throw new DockerIpfsError('NODE_UNREACHABLE', `cannot make an IPFS repository in ${this.#folder}: ${why}`, {
        cause,
      })
    } finally {
      await rm(made, { recursive: true, force: true })
    }
  }

  async #configure(ipfs: string, options: NodeOptions, signal: AbortSignal): Promise<void> {
    const { swarmKey, ...given } = options
    if (swarmKey !== undefined) {
      await rm(join(this.#repo, 'swarm.key'), { force: true })
      await writeFile(join(this.#repo, 'swarm.key'), swarmKey, { mode: 0o400 })
    }
    const kept = await this.#kept()
    const wanted = { ...kept.options, ...given, ...(swarmKey === undefined ? {} : { isPrivate: true }) }
    const { api, gateway } = kept.ports ?? { api: 0, gateway: 0 }
    const ports = api !== 0 && (await isFree(api)) && (await isFree(gateway)) ? { api, gateway } : await freePorts()
    const isOld = wanted.announce === true && (await this.#isOld(ipfs, signal))
    const settings = settingsOf({ ports, isPublished: false, isOld }, wanted)
    const stamp = stampOf(settings)
    if (kept.stamp === stamp) return
    const config: Record<string, unknown> = { ...(await this.#readConfig()) }
    for (const [key, value] of settings) set(config, key.split('.'), value)
    await replace(join(this.#repo, 'config'), JSON.stringify(config, null, 2))
    await replace(join(this.#folder, 'kept.json'), JSON.stringify({ options: wanted, ports, stamp } satisfies Kept))
  }

  /** The user's `ipfs` may be of any version. One that does not say which is believed to be new. */
  async #isOld(ipfs: string, signal: AbortSignal): Promise<boolean> {
    const args = [`--repo-dir=${this.#repo}`, 'version', '--number']
    const said = await promisify(execFile)(ipfs, args, { env: this.#env, signal }).catch(() => undefined)
    signal.throwIfAborted()
    const version = /\d+\.\d+\.\d+/.exec(said?.stdout ?? '')?.[0]
    return version !== undefined && semver.order(version, KNOWS_ENTITIES) < 0
  }

  async #spawn(ipfs: string, isPrivate: boolean): Promise<ChildProcess> {
    const size = (await stat(this.#log).catch(() => undefined))?.size ?? 0
    const log = await open(this.#log, size > MAX_LOG ? 'w' : 'a', 0o600)
    try {
      const args = [
        `--repo-dir=${this.#repo}`,
        'daemon',
        '--migrate=true',
        '--enable-gc',
        '--agent-version-suffix=docker-ipfs',
      ]
      const env = isPrivate ? { ...this.#env, LIBP2P_FORCE_PNET: '1' } : this.#env
      // A session of its own: Ctrl-C in our terminal is not for it. In its own folder: ours may be deleted or unmounted.
      const child = spawn(ipfs, args, { cwd: this.#folder, env, detached: true, stdio: ['ignore', log.fd, log.fd] })
      child.unref()
      await once(child, 'spawn')
      // One that is there has the repository's lock: this one ends then, and its number would lead nowhere.
      const before = Number(await readText(this.#pidFile))
      if (!(await this.#isOurs(before))) await replace(this.#pidFile, `${child.pid}\n`)
      return child
    } finally {
      await log.close()
    }
  }

  /** Of several that start at once one gets the repository's lock; the others end, and have found it. */
  async #untilItAnswers(child: ChildProcess, signal: AbortSignal, mayRetry: boolean): Promise<boolean> {
    const began = Date.now()
    const config = (await this.#readConfig()) ?? {}
    const ended = () => child.exitCode !== null || child.signalCode !== null
    const isLocked = async () => /someone else has the lock/.test(await lastLines(this.#log, 20))
    const answer = await until(
      async () => {
        // Both write into the one log, so that this need not be its last line.
        if (ended() && !(await isLocked())) return 'failed'
        const running = await this.#runningAt(config, signal)
        // Whoever had the lock was about to end.
        return running === undefined && mayRetry && ended() && Date.now() - began > LOCK_MS ? 'again' : running
      },
      START_MS,
      signal,
    )
    if (answer === 'again') return false
    if (answer !== undefined && answer !== 'failed') {
      // Of two the one without the lock may be about to end.
      if (await isLocked()) await until(async () => ended() || undefined, ENDING_MS, signal)
      // Another may have written its number meanwhile.
      if (!ended()) await replace(this.#pidFile, `${child.pid}\n`)
      return true
    }
    const why = answer === undefined ? `no answer for ${START_MS / 1000} s` : await lastLines(this.#log, 1)
    throw new DockerIpfsError('NODE_UNREACHABLE', `the IPFS node of docker-ipfs did not start: ${why}`, {
      hint: 'Its log: docker ipfs node logs',
    })
  }

  /** Whether this is our daemon, and runs. The number may have gone to another process since. */
  async #isOurs(pid: number): Promise<boolean> {
    try {
      if (!(pid > 0)) return false
      kill(pid, 0)
    } catch {
      return false
    }
    const [stat, command] = await Promise.all(['stat', 'cmdline'].map((file) => readText(`/proc/${pid}/${file}`)))
    // One that has ended keeps its number while its parent does not ask: in containers without an init, for ever.
    // Its other threads may need a moment more, and have the lock and the ports until then.
    if (/\) Z /.test(stat ?? '')) return (await readdir(`/proc/${pid}/task`).catch(() => [])).length > 1
    // Empty where there is no /proc.
    return !command || command.includes(this.#repo)
  }

  async #readConfig(): Promise<KuboConfig | undefined> {
    return parse<KuboConfig>(await readText(join(this.#repo, 'config')))
  }

  async #kept(): Promise<Partial<Kept>> {
    return parse<Partial<Kept>>(await readText(join(this.#folder, 'kept.json'))) ?? {}
  }
}

interface KuboConfig {
  readonly Identity?: { readonly PeerID?: string }
}

/** Undefined when the text is no JSON object. */
function parse<T extends object>(text: string): T | undefined {
  return parsedObject(text) as T | undefined
}

function set(object: Record<string, unknown>, [first = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    object[first] = value
    return
  }
  const inner = { ...(object[first] as Record<string, unknown> | undefined) }
  set(inner, rest, value)
  object[first] = inner
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

/** In one step: readers and crashes find the old text or the new one. */
async function replace(path: string, text: string): Promise<void> {
  const made = `${path}.${crypto.randomUUID()}`
  await writeFile(made, text, { mode: 0o600 })
  await rename(made, path)
}
