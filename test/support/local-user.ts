import { chmodSync, chownSync, constants, copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from './engine.ts'
import { type Finished, PLUGIN, type Place, type Running, type StartOptions } from './place.ts'

/** An ordinary user of this machine, who is not root, with a home, a docker and the plugin. */
export class LocalUser {
  readonly home: string
  readonly #uid: number
  readonly #engine: Engine
  readonly #shared: string
  readonly #mayUseEngine: boolean

  /**
   * @param uid that nobody else has
   * @param ipfs path of an `ipfs` to have on PATH
   * @param mayUseEngine is in the group of the engine's socket
   */
  constructor(place: Place, engine: Engine, { uid, ipfs, mayUseEngine }: LocalUserOptions) {
    this.#uid = uid
    this.#engine = engine
    this.#mayUseEngine = mayUseEngine
    this.#shared = join(place.folder, 'shared')
    this.home = join(place.folder, `user-${uid}`)
    chmodSync(place.folder, 0o711)
    // The programs themselves may be where only root gets.
    const programs = [
      [PLUGIN, join(this.#shared, 'docker', 'cli-plugins', 'docker-ipfs')],
      [ipfs, join(this.#shared, 'bin', 'ipfs')],
    ] as const
    for (const [from, to] of programs) {
      mkdirSync(join(to, '..'), { recursive: true })
      if (!existsSync(to)) copyFileSync(from, to, constants.COPYFILE_FICLONE)
      chmodSync(to, 0o755)
    }
    for (const folder of [this.home, join(this.home, 'tmp')]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      chownSync(folder, uid, uid)
    }
  }

  /** Runs a command as this user, where the engine's ports are. */
  start(command: readonly string[], options: StartOptions = {}): Running {
    const group = this.#mayUseEngine ? [`--groups=${statSync(this.#engine.socket).gid}`] : ['--clear-groups']
    const as = ['setpriv', `--reuid=${this.#uid}`, `--regid=${this.#uid}`, ...group, '--']
    const env = {
      HOME: this.home,
      TMPDIR: join(this.home, 'tmp'),
      DOCKER_CONFIG: join(this.#shared, 'docker'),
      PATH: `${join(this.#shared, 'bin')}:${process.env['PATH']}`,
      ...options.env,
    }
    return this.#engine.inside([...as, ...command], { ...options, env })
  }

  run(command: readonly string[], options?: StartOptions): Promise<Finished> {
    return this.start(command, options).finished
  }

  ipfs(args: readonly string[], env?: Record<string, string>): Promise<Finished> {
    const command = ['docker', '-H', this.#engine.host, 'ipfs', ...args]
    return this.run(command, env === undefined ? {} : { env })
  }
}

interface LocalUserOptions {
  readonly uid: number
  readonly ipfs: string
  readonly mayUseEngine: boolean
}
