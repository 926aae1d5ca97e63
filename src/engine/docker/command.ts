import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { DockerIpfsError } from '../../errors.ts'
import type { Bytes } from '../../streams.ts'
import { textOf } from './answers.ts'
import { engineError } from './words.ts'

/** The `docker` command, with docker's own global flags in front of every subcommand. */
export interface Docker {
  /**
   * Runs it and gives what it printed.
   * @throws ENGINE_UNREACHABLE, ENGINE_FAILED, IMAGE_NOT_FOUND; the signal's reason
   */
  run(args: readonly string[], signal: AbortSignal): Promise<string>
  /** What it prints, on stdout and stderr, as it comes. Fails when docker fails. */
  follow(args: readonly string[], signal: AbortSignal): Bytes
  /** Its stdin and stdout are the two directions of a connection to the engine. It is killed, not asked to end. */
  dial(signal: AbortSignal): Child
}

export interface DockerOptions {
  /** The docker command, e.g. `docker`. */
  readonly docker: string
  /** docker's own global flags. */
  readonly globals: readonly string[]
  /** The environment of docker. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A started docker. Its result rejects when docker fails. */
export type Child = ReturnType<typeof execa<{ encoding: 'buffer'; stdin: 'pipe'; buffer: { stdout: false } }>>

/** Bytes of stdout or stderr that are kept of one docker call. */
const MAX_ANSWER = 16 * 1024 * 1024

/** How long a child may take to end after SIGTERM, in milliseconds. */
const GRACE_MS = 5000

export function createDocker(options: DockerOptions): Docker {
  return new DockerCommand(options)
}

class DockerCommand implements Docker {
  readonly #docker: string
  readonly #globals: readonly string[]
  readonly #env: DockerOptions['env']

  constructor({ docker, globals, env }: DockerOptions) {
    this.#docker = docker
    this.#globals = globals
    this.#env = env
  }

  async run(args: readonly string[], signal: AbortSignal): Promise<string> {
    const child = execa(this.#docker, [...this.#globals, ...args], this.#reading(signal))
    const failure = await settle(child, signal)
    if (failure !== undefined) throw failure
    return textOf((await child).stdout)
  }

  async *follow(args: readonly string[], signal: AbortSignal): Bytes {
    const options = { ...this.#reading(signal), all: true, buffer: false } as const
    const child = execa(this.#docker, [...this.#globals, ...args], options)
    yield* outputOf(child, child.all as Bytes, signal)
  }

  #reading(cancelSignal: AbortSignal) {
    return {
      env: this.#env,
      extendEnv: false,
      stdin: 'ignore',
      encoding: 'buffer',
      cancelSignal,
      forceKillAfterDelay: GRACE_MS,
      maxBuffer: MAX_ANSWER,
    } as const
  }

  dial(signal: AbortSignal): Child {
    return execa(this.#docker, [...this.#globals, 'system', 'dial-stdio'], {
      env: this.#env,
      extendEnv: false,
      stdin: 'pipe',
      encoding: 'buffer',
      buffer: { stdout: false },
      cancelSignal: signal,
      // Nothing that was begun may end as if it were whole.
      killSignal: 'SIGKILL',
      maxBuffer: MAX_ANSWER,
    })
  }
}

/**
 * What a child writes on `stream`; fails when the child fails. A reader that stops early must not leave docker behind.
 * @throws what `settle` gives
 */
async function* outputOf(child: PromiseLike<unknown> & { kill(): unknown }, stream: Bytes, signal: AbortSignal): Bytes {
  const ended = settle(child, signal)
  try {
    for await (const bytes of stream) yield bytes
    const failure = await ended
    if (failure) throw failure
  } finally {
    child.kill()
    await ended
  }
}

/** Of what execa says of a child that failed. */
interface ChildError {
  readonly stderr?: unknown
  readonly code?: unknown
  readonly exitCode?: number
  readonly signal?: string
}

/** Exit code of a program that caught Ctrl-C. */
const INTERRUPTED = 130

/** Within this time, in milliseconds, a signal that docker got is heard here too. */
const HEARD_MS = 500

/** Waits for the end of a child; gives what went wrong, in our words, or undefined. Never rejects. */
export async function settle(child: PromiseLike<unknown>, signal: AbortSignal): Promise<unknown> {
  try {
    await child
    return undefined
  } catch (error) {
    const { stderr, code, exitCode, signal: endedBy } = error as ChildError
    // Ctrl-C reaches docker too, which may be gone before it is heard here.
    if (endedBy === 'SIGINT' || exitCode === INTERRUPTED)
      await sleep(HEARD_MS, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return signal.reason
    if (code === 'ENOENT') {
      return noDocker(error)
    }
    return engineError(textOf(stderr), error)
  }
}

/** The error where there is no docker command. */
export function noDocker(cause: unknown): DockerIpfsError {
  return new DockerIpfsError('ENGINE_UNREACHABLE', 'cannot find the docker command', {
    cause,
    hint: 'Install Docker, or put it on PATH.',
  })
}
