import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

/** The compiled plugin: what users run, so what these tests run. */
export const PLUGIN = join(import.meta.dir, '../../dist/docker-ipfs')

export interface Finished {
  /** As a shell shows it: 128 + n after signal n. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

export interface Running {
  readonly pid: number
  readonly finished: Promise<Finished>
  /** To the command and all that it started, as the terminal does on Ctrl-C. */
  signalAll(signal: NodeJS.Signals): void
  /** Makes sure that nothing of it goes on. */
  end(): void
  /** Writes to stdin; where that is a terminal, as a person does. */
  type(text: string): void
  /** The process of docker-ipfs itself, once it is there; undefined when the command ended before. */
  plugin(): Promise<number | undefined>
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: 'ignore' | 'pipe'
  /** Called with each piece of stdout. */
  readonly onStdout?: (text: string) => void
}

/**
 * Where commands run: a home, a temp folder and a docker config of their own, the latter with the built plugin. Nothing of
 * the user's is read, and what a command leaves behind can be told from all else on the machine.
 */
export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-place-'))
  readonly dockerConfig = join(this.folder, 'docker')
  readonly #temp = join(this.folder, 'tmp')
  readonly #home = join(this.folder, 'home')

  constructor() {
    if (!existsSync(PLUGIN)) throw new Error(`${PLUGIN} is missing: run \`npm run build\``)
    for (const folder of [this.#temp, this.#home, join(this.dockerConfig, 'cli-plugins')]) {
      mkdirSync(folder, { recursive: true })
    }
    symlinkSync(PLUGIN, join(this.dockerConfig, 'cli-plugins', 'docker-ipfs'))
  }

  start(
    command: string,
    args: readonly string[],
    { env = {}, stdin = 'ignore', onStdout }: StartOptions = {},
  ): Running {
    const began = performance.now()
    const child = spawn(command, args, {
      env: {
        PATH: process.env['PATH'],
        LANG: 'C.UTF-8',
        HOME: this.#home,
        TMPDIR: this.#temp,
        DOCKER_CONFIG: this.dockerConfig,
        ...env,
      },
      stdio: [stdin, 'pipe', 'pipe'],
      // A session and process group of its own, which can be sent a signal as a whole.
      detached: true,
    })
    const pid = child.pid ?? 0
    const out: Buffer[] = []
    const errors: Buffer[] = []
    child.stdout?.on('data', (bytes: Buffer) => {
      out.push(bytes)
      onStdout?.(bytes.toString())
    })
    child.stderr?.on('data', (bytes: Buffer) => errors.push(bytes))
    let ended = false
    const finished = new Promise<Finished>((resolve, reject) => {
      child.on('error', reject)
      // Not `close`: a child that is left behind would keep the pipes open.
      child.on('exit', (code, signal) => {
        ended = true
        setImmediate(() =>
          resolve({
            exitCode: code ?? 128 + (SIGNALS[signal ?? ''] ?? 0),
            stdout: Buffer.concat(out).toString(),
            stderr: Buffer.concat(errors).toString(),
            ms: performance.now() - began,
          }),
        )
      })
    })
    return {
      pid,
      finished,
      type: (text) => child.stdin?.write(text),
      end: () => {
        try {
          process.kill(-pid, 'SIGKILL')
        } catch {
          // It has ended.
        }
      },
      signalAll: (signal) => process.kill(-pid, signal),
      plugin: async () => {
        while (!ended) {
          const found = processes().find(({ parent, exe, args }) => parent === pid && exe === PLUGIN && isCall(args))
          if (found) return found.pid
          await Bun.sleep(5)
        }
        return undefined
      },
    }
  }

  run(command: string, args: readonly string[], options?: StartOptions): Promise<Finished> {
    return this.start(command, args, options).finished
  }

  /**
   * Processes that were started here and live, after `ms` milliseconds of grace. Not zombies: of what Ctrl-C ended together with its
   * parent, only the system's first process can take notice, which not every system has one for.
   */
  async processesLeft(ms = 0): Promise<string[]> {
    for (const until = performance.now() + ms; ; await Bun.sleep(20)) {
      const left = processes().filter(({ environment }) => environment.includes(`TMPDIR=${this.#temp}`))
      if (left.length === 0 || performance.now() >= until) {
        return left.map(({ pid, args }) => `${pid} ${args.join(' ')}`)
      }
    }
  }

  /** Files in the temp and home folders, which nothing should have touched. */
  filesLeft(): string[] {
    return [this.#temp, this.#home]
      .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
      .map((entry) => relative(this.folder, join(entry.parentPath, entry.name)))
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const SIGNALS: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15, SIGPIPE: 13 }

interface Process {
  readonly pid: number
  readonly parent: number
  readonly exe: string
  readonly args: readonly string[]
  readonly environment: readonly string[]
}

/** docker starts the plugin twice: first it asks for the metadata. */
function isCall(args: readonly string[]): boolean {
  return args.length > 0 && args[1] !== 'docker-cli-plugin-metadata'
}

function processes(): Process[] {
  const words = (file: string) =>
    readFileSync(file, 'utf8')
      .split('\0')
      .filter((word) => word !== '')
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return {
        pid: Number(name),
        parent: Number(parent),
        exe: readlinkSync(`/proc/${name}/exe`),
        args: words(`/proc/${name}/cmdline`),
        environment: words(`/proc/${name}/environ`),
      }
    } catch {
      // It has ended, or is a kernel thread.
      return []
    }
  })
}
