import { chmod, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { readText, replace } from '../background/files.ts'
import { isHeldBy } from '../background/listener.ts'
import { followFile, type LogOptions, lastLines } from '../background/log-file.ts'
import { runs } from '../background/process.ts'
import { until } from '../background/until.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Access } from '../store/kubo/access.ts'
import type { Bytes } from '../streams.ts'
import { type KuboConfig, parse, withSecret, withSettings } from './config-file.ts'
import { checkOwner, folderError } from './folder.ts'
import { CLOSING, type Host, type HostState, type Openness, type Say } from './host.ts'
import { type Daemon, IpfsCommand, type Start } from './ipfs-command.ts'
import { endProcess, isComingUp, ofAnother, orEnd } from './process.ts'
import { endpointOf, identityOf } from './ready.ts'
import { accessOf, keepSecret, readSecret, secretFile } from './secret.ts'
import {
  areFree,
  freePorts,
  type NodeOptions,
  PORT_TRIES,
  type Ports,
  saysTaken,
  settingsOf,
  stampOf,
} from './settings.ts'

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

/** Time in which one that had the lock answers, or has ended, in milliseconds. */
const LOCK_MS = 5000
/** Time in which all ports of a daemon are open whose API answers, in milliseconds. */
const READY_MS = 10_000
/** Time in which one ends that did not get the lock. */
const ENDING_MS = 1000
const START_MS = 60_000
/** Kubo waits 30 s for calls that hang, and then writes down what it has in memory. */
const STOP_MS = 60_000

class BinaryHost implements Host {
  readonly kind = 'binary'
  readonly name = 'background process'
  readonly #ipfs: IpfsCommand | undefined
  readonly #folder: string
  readonly #repo: string
  readonly #log: string
  readonly #secret: string
  readonly #pidFile: string
  readonly #env: BinaryOptions['env']

  constructor({ ipfs, folder, env }: BinaryOptions) {
    this.#folder = folder
    this.#repo = join(folder, 'repo')
    this.#log = join(folder, 'log')
    this.#secret = secretFile(folder)
    this.#pidFile = join(folder, 'pid')
    this.#env = env
    this.#ipfs = ipfs === undefined ? undefined : new IpfsCommand({ ipfs, env })
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
    say(`Starting an IPFS node of docker-ipfs (${this.#ipfs.path}; "docker ipfs node stop" ends it)`)
    try {
      await this.#init(this.#ipfs, signal)
      await this.#startWith(this.#ipfs, options, signal, say)
    } catch (error) {
      throw folderError(this.#folder, error)
    }
    const state = await this.state(signal)
    if (state?.openTo === 'everybody') await this.#refuse(this.#ipfs.path, signal)
    if (state?.isRunning) return state
    throw new DockerIpfsError('NODE_UNREACHABLE', 'the IPFS node of docker-ipfs went away again')
  }

  /** Starts it, on other ports where somebody takes those that were free a moment ago, until it answers. */
  async #startWith(ipfs: IpfsCommand, options: NodeOptions, signal: AbortSignal, say: Say): Promise<void> {
    let { ports, isPrivate } = await this.#configure(ipfs, options, { signal })
    for (let tries = 1; ; tries += 1) {
      const daemon = await this.#spawn(ipfs, isPrivate)
      const start = await orEnd(this.#untilItAnswers(daemon, ports, signal, tries < PORT_TRIES), daemon, signal, say)
      if (start === 'running') return
      if (start === 'taken') ({ ports, isPrivate } = await this.#configure(ipfs, {}, { signal, tries: tries + 1 }))
    }
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
  async #init(ipfs: IpfsCommand, signal: AbortSignal): Promise<void> {
    if ((await this.#readConfig()) !== undefined) return
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const made = join(this.#folder, `repo.${crypto.randomUUID()}`)
    try {
      await ipfs.init(made, signal)
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
        hint: 'Have a home that may be written to, or name another folder with XDG_DATA_HOME.',
      })
    } finally {
      await rm(made, { recursive: true, force: true }).catch(() => undefined)
    }
  }

  /** @param tries which try this is: from the second on the ports that it had are somebody else's */
  async #configure(
    ipfs: IpfsCommand,
    options: NodeOptions,
    { signal, tries = 1 }: { readonly signal: AbortSignal; readonly tries?: number },
  ): Promise<{ readonly ports: Ports; readonly isPrivate: boolean }> {
    const { swarmKey, ...given } = options
    if (swarmKey !== undefined) {
      await rm(join(this.#repo, 'swarm.key'), { force: true })
      await writeFile(join(this.#repo, 'swarm.key'), swarmKey, { mode: 0o400 })
    }
    const kept = await this.#kept()
    const wanted = { ...kept.options, ...given, ...(swarmKey === undefined ? {} : { isPrivate: true }) }
    const ports = (tries === 1 && (await this.#stillFree(kept.ports))) || (await freePorts(tries))
    const isOld = wanted.announce === true && !(await ipfs.knowsEntities(this.#repo, signal))
    const settings = settingsOf({ ports, isPublished: false, isOld }, wanted)
    const stamp = stampOf(settings)
    const before = (await this.#readConfig()) ?? {}
    const config = kept.stamp === stamp ? before : withSettings(before, settings)
    // In front of the secret, whatever the folder was before; one that is not ours stays as it is.
    await chmod(this.#folder, 0o700).catch(() => undefined)
    const closed = withSecret(config, await keepSecret(this.#secret))
    if (closed !== before) await replace(join(this.#repo, 'config'), JSON.stringify(closed, null, 2))
    if (kept.stamp !== stamp)
      await replace(join(this.#folder, 'kept.json'), JSON.stringify({ options: wanted, ports, stamp } satisfies Kept))
    return { ports, isPrivate: wanted.isPrivate ?? false }
  }

  async #stillFree(ports: Ports | undefined): Promise<Ports | undefined> {
    // Its own daemon may be about to answer: whoever starts it, too, joins it.
    return ports && ((await runs(await this.#pid(), this.#repo)) || (await areFree(ports))) ? ports : undefined
  }

  async #spawn(ipfs: IpfsCommand, isPrivate: boolean): Promise<Daemon> {
    const daemon = await ipfs.daemon(this.#repo, { folder: this.#folder, log: this.#log, isPrivate })
    // One that is there has the repository's lock: this one ends then, and its number would lead nowhere.
    if (!(await runs(await this.#pid(), this.#repo))) await replace(this.#pidFile, `${daemon.pid}\n`)
    return daemon
  }

  /** Of several that start at once one gets the repository's lock; the others end, and have found it. */
  async #untilItAnswers(daemon: Daemon, ports: Ports, signal: AbortSignal, mayRetry: boolean): Promise<Start> {
    const began = Date.now()
    const config = (await this.#readConfig()) ?? {}
    const answer = await until(
      async () => {
        if (daemon.hasEnded) {
          if (mayRetry && saysTaken(await daemon.said(), ports)) return 'taken'
          // Both write into the one log, so that this need not be its last line.
          if (!(await daemon.isLocked())) return 'failed'
          // Whoever had the lock was about to end.
          if (mayRetry && Date.now() - began > LOCK_MS) return 'again'
        }
        if ((await this.#runningAt(config, signal)) === undefined) return undefined
        // Its API answers before its gateway has a port.
        return daemon.hasEnded || (await daemon.isReady()) || Date.now() - began > READY_MS ? 'running' : undefined
      },
      START_MS,
      signal,
    )
    if (answer === 'running') {
      // Of two the one without the lock may be about to end.
      if (await daemon.isLocked()) await until(async () => daemon.hasEnded || undefined, ENDING_MS, signal)
      // Another may have written its number meanwhile.
      if (!daemon.hasEnded) await replace(this.#pidFile, `${daemon.pid}\n`)
    }
    if (answer !== undefined && answer !== 'failed') return answer
    const why = answer === undefined ? `no answer for ${START_MS / 1000} s` : await lastLines(this.#log, 1)
    const hint = 'Its log: docker ipfs node logs'
    throw new DockerIpfsError('NODE_UNREACHABLE', `the IPFS node of docker-ipfs did not start: ${why}`, { hint })
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
