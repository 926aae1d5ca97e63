/*
 * The front door as a process of this machine: a registry over the images of the node (src/registry/), which outlives the command that
 * started it.
 *
 * This file starts, finds and ends it; `run.ts` is what runs in it, and in the foreground. A door writes down where it listens
 * (state-file.ts), so that whoever comes second joins it, whoever started it. `mirror/` has the settings of other programs that lead to it.
 *
 * To add an option: options.ts, and the flags of src/cli/commands/registry/.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { kill } from 'node:process'
import { isFree } from '../background/listener.ts'
import { followFile, type LogOptions } from '../background/log-file.ts'
import { isOfAnother } from '../background/process.ts'
import { until } from '../background/until.ts'
import { DockerIpfsError, type ErrorCode } from '../errors.ts'
import type { Bytes } from '../streams.ts'
import { answers } from './answers.ts'
import { HANDS_OVER } from './handed.ts'
import { addressOf, argumentsOf, DEFAULT_HOST, DEFAULT_PORT, type DoorOptions, isMeant, settingsOf } from './options.ts'
import { portTaken } from './port-taken.ts'
import { type DoorRecord, logFile, makeFolder, readRecord, readRunning } from './state-file.ts'

/** What starts a front door. */
export interface DoorProgram {
  /** Path of this very program. */
  readonly program: string
  /** What stands in front of `registry run`: docker's own flags. */
  readonly globals: readonly string[]
  /** The environment of the door. No secret is in it. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Settings of the user, by their names in the environment: they may be secrets, and go in by the standard input. */
  readonly handed: Readonly<Record<string, string>>
  /** Holds the log and what is known of the process. */
  readonly folder: string
}

export interface DoorState {
  readonly isRunning: boolean
  /** Of one that runs: `127.0.0.1:5300`, as it stands in the names of images. */
  readonly address?: string
  readonly isTls?: boolean
  /** It answers soon. */
  readonly answers?: boolean
  readonly pid?: number
  /** ISO 8601. */
  readonly startedAt?: string
  /** Who may ask: root and the door's own user, every user of the machine, or who has its token. */
  readonly openTo?: 'owner' | 'everybody' | 'token'
  readonly isReadOnly?: boolean
  readonly log: string
}

export interface Door {
  status(signal: AbortSignal): Promise<DoorState>
  /**
   * Starts it where none runs, and waits until it answers. One that runs is joined.
   * @throws REGISTRY_FAILED where it does not start, or runs with other options; NODE_UNREACHABLE
   */
  start(options: DoorOptions, signal: AbortSignal): Promise<DoorState>
  /** Ends it, and waits until it has ended; gives what it was. @throws REGISTRY_FAILED where none runs */
  stop(signal: AbortSignal): Promise<DoorState>
  /** With the options that it had, also where it was killed. @throws REGISTRY_FAILED */
  restart(signal: AbortSignal): Promise<DoorState>
  /** @throws FILE_FAILED where there is no log */
  logs(options: LogOptions, signal: AbortSignal): Bytes
}

/** Time in which a door answers, or has ended, in milliseconds. */
const START_MS = 60_000
/** Time for what it is asked for to end; then it is killed. */
const STOP_MS = 10_000
/** Time in which one ends that is killed, and in which one that listens is written down. */
const ENDING_MS = 5000
const APPEARS_MS = 1000
/** Exit code of a door that finds no node (src/cli/exit.ts). */
const UNREACHABLE = 3

/** As src/cli/exit.ts begins an error. */
const ERROR = /^ERROR: /

export function createDoor(program: DoorProgram): Door {
  return new DoorProcess(program)
}

class DoorProcess implements Door {
  readonly #program: DoorProgram
  readonly #folder: string
  readonly #log: string

  constructor(program: DoorProgram) {
    this.#program = program
    this.#folder = program.folder
    this.#log = logFile(program.folder)
  }

  async status(signal: AbortSignal): Promise<DoorState> {
    const record = await readRunning(this.#folder)
    return record === undefined ? { isRunning: false, log: this.#log } : this.#stateOf(record, signal)
  }

  async start(options: DoorOptions, signal: AbortSignal): Promise<DoorState> {
    const running = await readRunning(this.#folder)
    if (running !== undefined) return this.#join(running, options, signal)
    const { port = DEFAULT_PORT, host = DEFAULT_HOST } = options
    if (port !== 0 && !(await isFree(port, host))) {
      // One that starts at this moment has the port before it is written down.
      const other = await this.#appearing(signal)
      if (other === undefined) throw await portTaken(host, port)
      return this.#join(other, options, signal)
    }
    await makeFolder(this.#folder)
    const record = await this.#spawn(options, signal)
    return record.pid === undefined ? this.#join(record.other, options, signal) : this.#stateOf(record, signal)
  }

  async stop(signal: AbortSignal): Promise<DoorState> {
    const record = await readRunning(this.#folder)
    if (record === undefined) {
      throw new DockerIpfsError('REGISTRY_FAILED', 'no registry of docker-ipfs runs here', {
        hint: 'Start one with "docker ipfs registry start".',
      })
    }
    await this.#end(record, signal)
    return { isRunning: false, address: addressOf(record), pid: record.pid, log: this.#log }
  }

  async restart(signal: AbortSignal): Promise<DoorState> {
    const record = await readRecord(this.#folder)
    if ((await readRunning(this.#folder)) !== undefined && record !== undefined) await this.#end(record, signal)
    // At the port that it had, also where any was good enough: names of images have it.
    return this.start(record === undefined ? {} : { ...record.options, port: record.port }, signal)
  }

  logs({ follow, tail }: LogOptions, signal: AbortSignal): Bytes {
    return followFile(this.#log, { follow, tail, whose: 'the registry' }, signal)
  }

  async #join(running: DoorRecord, options: DoorOptions, signal: AbortSignal): Promise<DoorState> {
    if (Object.keys(options).length === 0 || isMeant(options, running.options)) return this.#stateOf(running, signal)
    const message = `the registry runs already at ${addressOf(running)}, with other options`
    throw new DockerIpfsError('REGISTRY_FAILED', message, {
      hint: 'End it with "docker ipfs registry stop", and start it again.',
    })
  }

  async #stateOf(record: DoorRecord, signal: AbortSignal): Promise<DoorState> {
    const { pid, startedAt, isTls, options } = record
    const openTo = options.tokenFile === undefined ? (options.isOpen ? 'everybody' : 'owner') : 'token'
    return {
      isRunning: true,
      address: addressOf(record),
      isTls,
      answers: await answers(record, signal),
      pid,
      startedAt,
      openTo,
      isReadOnly: options.isReadOnly === true,
      log: this.#log,
    }
  }

  /** A door that another has started and that is about to be written down. */
  #appearing(signal: AbortSignal): Promise<DoorRecord | undefined> {
    return until(() => readRunning(this.#folder), APPEARS_MS, signal)
  }

  /** A door of ours that answers, or the one that was quicker. */
  async #spawn(options: DoorOptions, signal: AbortSignal): Promise<DoorRecord | { pid?: never; other: DoorRecord }> {
    const { child, from } = await this.#launch(options)
    const ended = () => child.exitCode !== null || child.signalCode !== null
    try {
      const found = await until(
        async () => {
          const record = await readRunning(this.#folder)
          if (record !== undefined && record.pid === child.pid)
            return (await answers(record, signal)) ? record : undefined
          return ended() ? 'ended' : undefined
        },
        START_MS,
        signal,
      )
      if (found === undefined) throw failed(`no answer for ${START_MS / 1000} s`)
      if (found !== 'ended') return found
      const other = await this.#appearing(signal)
      if (other !== undefined) return { other }
      throw await this.#whyEnded(child, from)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  async #launch(options: DoorOptions): Promise<{ child: ChildProcess; from: number }> {
    const { program, globals, env, handed } = this.#program
    const log = await open(this.#log, 'a', 0o600)
    try {
      const from = (await log.stat()).size
      const args = [...globals, 'registry', 'run', ...argumentsOf(options)]
      // A session of its own: Ctrl-C in our terminal is not for it. In its own folder: ours may be deleted or unmounted.
      const child = spawn(program, args, {
        cwd: this.#folder,
        env: { ...env, ...HANDS_OVER },
        detached: true,
        stdio: ['pipe', log.fd, log.fd],
      })
      child.unref()
      // One that ended at once has not read it.
      child.stdin?.on('error', () => undefined)
      await once(child, 'spawn')
      child.stdin?.end(JSON.stringify({ ...handed, ...settingsOf(options) }))
      return { child, from }
    } finally {
      await log.close()
    }
  }

  /** What it wrote as its last words, in the words of src/cli/exit.ts. */
  async #whyEnded(child: ChildProcess, from: number): Promise<DockerIpfsError> {
    const file = await open(this.#log, 'r')
    try {
      const { size } = await file.stat()
      const { buffer } = await file.read(Buffer.alloc(Math.max(0, size - from)), 0, Math.max(0, size - from), from)
      const lines = buffer.toString().trimEnd().split('\n')
      const at = lines.findLastIndex((line) => ERROR.test(line))
      const why = (lines[at < 0 ? lines.length - 1 : at] ?? '').replace(ERROR, '')
      return failed(why, child.exitCode === UNREACHABLE ? 'NODE_UNREACHABLE' : 'REGISTRY_FAILED', lines[at + 1])
    } finally {
      await file.close()
    }
  }

  async #end({ pid }: DoorRecord, signal: AbortSignal): Promise<void> {
    const isGone = async () => ((await readRunning(this.#folder))?.pid === pid ? undefined : true)
    for (const [name, limit] of [
      ['SIGTERM', STOP_MS],
      ['SIGKILL', ENDING_MS],
    ] as const) {
      if (await isGone()) return
      endProcess(pid, name)
      if (await until(isGone, limit, signal)) return
    }
    throw new DockerIpfsError('REGISTRY_FAILED', `the registry of docker-ipfs does not stop (process ${pid})`)
  }
}

function endProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    kill(pid, signal)
  } catch (cause) {
    if (!isOfAnother(cause)) throw cause
    throw new DockerIpfsError('REGISTRY_FAILED', 'the registry of docker-ipfs is run by another user', {
      hint: 'Stop it as the user who runs it.',
      cause,
    })
  }
}

function failed(why: string, code: ErrorCode = 'REGISTRY_FAILED', hint = LOOK): DockerIpfsError {
  return new DockerIpfsError(code, `the registry of docker-ipfs did not start: ${why}`, { hint })
}

const LOOK = 'Its log: docker ipfs registry logs'
