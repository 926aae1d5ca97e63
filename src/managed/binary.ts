import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { promisify } from 'node:util'
import { readText, replace } from '../background/files.ts'
import { isFree, isHeldBy } from '../background/listener.ts'
import { followFile, type LogOptions, lastLines } from '../background/log-file.ts'
import { runs } from '../background/process.ts'
import { until } from '../background/until.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Access } from '../store/kubo/access.ts'
import type { Bytes } from '../streams.ts'
import { type KuboConfig, parse, withSecret, withSettings } from './config-file.ts'
import { checkOwner, folderError } from './folder.ts'
import { CLOSING, type Host, type HostState, type Openness, type Say } from './host.ts'
import { endProcess, isComingUp, isOlder, ofAnother, orEnd } from './process.ts'
import { endpointOf, identityOf } from './ready.ts'
import { accessOf, keepSecret, readSecret, secretFile } from './secret.ts'
import { freePorts, type NodeOptions, type Ports, settingsOf, stampOf } from './settings.ts'

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
  readonly #secret: string
  readonly #pidFile: string
  readonly #env: Readonly<Record<string, string | undefined>>

  constructor({ ipfs, folder, env }: BinaryOptions) {
    this.#ipfs = ipfs
    this.#folder = folder
    this.#repo = join(folder, 'repo')
    this.#log = join(folder, 'log')
    this.#secret = secretFile(folder)
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
    const isStarting = running === undefined && (await isComingUp(this.#pidFile, this.#repo, START_MS))
    return {
      isRunning: running !== undefined,
      ...(isStarting ? { isStarting } : {}),
      ...(running === undefined ? {} : { openTo: running.openTo }),
      api: running?.api ?? `http://127.0.0.1:${ports?.api ?? 0}`,
      gateway: `http://127.0.0.1:${ports?.gateway ?? 0}`,
      details: running === undefined && !isStarting ? 'stopped' : `process ${await this.#pid()}`,
      repository: this.#repo,
    }
  }

  async access(api: string): Promise<Access | undefined> {
    return (await isHeldBy(await this.#users(), api)) ? accessOf(await readSecret(this.#secret)) : undefined
  }

  /** Who runs it, by number: whoever owns its folder, or started it. */
  async #users(): Promise<number[]> {
    const owner = (await stat(this.#folder).catch(() => undefined))?.uid
    return [owner, getuid?.()].filter((user) => user !== undefined)
  }

  async start(options: NodeOptions, signal: AbortSignal, say: Say): Promise<HostState> {
    const before = await this.state(signal)
    // One that an earlier docker-ipfs made is open to everybody; one whose secret was lost, not even to us.
    if (before?.openTo === 'owner' && Object.keys(options).length === 0) return before
    await checkOwner(this.#folder, this.#env)
    if (before?.isRunning) {
      if (before.openTo === 'everybody') say(CLOSING)
      await this.stop(signal)
    }
    if (this.#ipfs === undefined) throw new DockerIpfsError('NODE_UNREACHABLE', 'there is no ipfs on PATH')
    say(`Starting an IPFS node of docker-ipfs (${this.#ipfs}; "docker ipfs node stop" ends it)`)
    try {
      await this.#init(this.#ipfs, signal)
      await this.#configure(this.#ipfs, options, signal)
    } catch (error) {
      throw folderError(this.#folder, error)
    }
    const { isPrivate = false } = { ...(await this.#kept()).options }
    for (let tries = 1; ; tries += 1) {
      const child = await this.#spawn(this.#ipfs, isPrivate)
      if (await orEnd(this.#untilItAnswers(child, signal, tries < TRIES), child, signal, say)) break
    }
    const state = await this.state(signal)
    if (state?.openTo === 'everybody') await this.#refuse(this.#ipfs, signal)
    if (state?.isRunning) return state
    throw new DockerIpfsError('NODE_UNREACHABLE', 'the IPFS node of docker-ipfs went away again')
  }

  async stop(signal: AbortSignal): Promise<void> {
    const pid = await this.#pid()
    const isGone = async () => ((await runs(pid, this.#repo)) ? undefined : true)
    // Root may run it here, and keeps its number to itself.
    if (!(pid > 0) && (await this.state(signal))?.isRunning) throw ofAnother()
    if (await isGone()) return
    // Not the call `shutdown`: with the garbage collector on, the process stays (seen with Kubo 0.43).
    endProcess(pid)
    if (await until(isGone, STOP_MS, signal)) return
    throw new DockerIpfsError('NODE_FAILED', `the IPFS node of docker-ipfs does not stop (process ${pid})`)
  }

  /** Kubo before 0.25 does not know API.Authorizations. */
  async #refuse(ipfs: string, signal: AbortSignal): Promise<never> {
    await this.stop(signal)
    throw new DockerIpfsError('NODE_UNREACHABLE', `${ipfs} is too old: its API would be open to every user`, {
      hint: 'Install Kubo 0.25 or newer.',
    })
  }

  logs({ follow, tail }: LogOptions, signal: AbortSignal): Bytes {
    return followFile(this.#log, { follow, tail, whose: 'the node' }, signal)
  }

  async remove(volumes: boolean, signal: AbortSignal): Promise<void> {
    await this.stop(signal)
    const gone = volumes ? [this.#folder] : ['log', 'pid', 'kept.json'].map((name) => join(this.#folder, name))
    for (const path of gone) await rm(path, { recursive: true, force: true })
  }

  /** The address where this very node answers, and to whom: Kubo writes it down, and a crash leaves it behind. */
  async #runningAt(config: KuboConfig, signal: AbortSignal): Promise<{ api: string; openTo: Openness } | undefined> {
    const port = /^\/ip4\/127\.0\.0\.1\/tcp\/(\d{1,5})$/.exec((await readText(join(this.#repo, 'api'))).trim())?.[1]
    if (port === undefined) return undefined
    const api = `http://127.0.0.1:${port}`
    const isThis = (peerId: string) => peerId === config.Identity?.PeerID
    const access = await this.access(api)
    const stranger = access && (await identityOf(endpointOf(api), signal))
    if (stranger === undefined) return undefined
    if (stranger !== 'refused') return isThis(stranger.peerId) ? { api, openTo: 'everybody' } : undefined
    const owner = await identityOf(endpointOf(api, access), signal)
    if (owner === undefined) return undefined
    if (owner !== 'refused') return isThis(owner.peerId) ? { api, openTo: 'owner' } : undefined
    // What a crash left behind may be another node's by now, which refuses as well: not where our process is to listen.
    const isMeant = JSON.stringify(config.Addresses?.API ?? '').includes(`/tcp/${port}"`)
    return isMeant && (await runs(await this.#pid(), this.#repo)) ? { api, openTo: 'nobody' } : undefined
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
    // The user's `ipfs` may be of any version.
    const isOld =
      wanted.announce === true && (await isOlder(ipfs, KNOWS_ENTITIES, { repo: this.#repo, env: this.#env, signal }))
    const settings = settingsOf({ ports, isPublished: false, isOld }, wanted)
    const stamp = stampOf(settings)
    const before = (await this.#readConfig()) ?? {}
    const config = kept.stamp === stamp ? before : withSettings(before, settings)
    // In front of the secret, whatever the folder was before; one that is not ours stays as it is.
    await chmod(this.#folder, 0o700).catch(() => undefined)
    const closed = withSecret(config, await keepSecret(this.#secret))
    if (closed !== before) await replace(join(this.#repo, 'config'), JSON.stringify(closed, null, 2))
    if (kept.stamp === stamp) return
    await replace(join(this.#folder, 'kept.json'), JSON.stringify({ options: wanted, ports, stamp } satisfies Kept))
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
      if (!(await runs(before, this.#repo))) await replace(this.#pidFile, `${child.pid}\n`)
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

  async #readConfig(): Promise<KuboConfig | undefined> {
    return parse<KuboConfig>(await readText(join(this.#repo, 'config')))
  }

  /** Of the process that was started last; NaN or 0 where none was. */
  async #pid(): Promise<number> {
    return Number(await readText(this.#pidFile))
  }

  async #kept(): Promise<Partial<Kept>> {
    return parse<Partial<Kept>>(await readText(join(this.#folder, 'kept.json'))) ?? {}
  }
}
