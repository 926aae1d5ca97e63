import { join } from 'node:path'
import type { Place } from './place.ts'
import { script } from './scripts.ts'

export interface TerminalOptions {
  readonly columns?: number
  readonly rows?: number
  readonly env?: Readonly<Record<string, string>>
}

/** A command in a terminal, as a person has it: Debian's tmux. */
export class Terminal {
  readonly #place: Place
  readonly #tmux: string
  readonly #socket: string

  private constructor(place: Place, tmux: string) {
    this.#place = place
    this.#tmux = tmux
    this.#socket = join(place.folder, `${crypto.randomUUID()}.tmux`)
  }

  static async open(place: Place, command: readonly string[], options: TerminalOptions = {}): Promise<Terminal> {
    const { columns = 150, rows = 50, env = {} } = options
    const terminal = new Terminal(place, join((await script('shells')).trim(), 'tmux'))
    const size = ['-x', `${columns}`, '-y', `${rows}`]
    // After tmux, which sets its own TERM.
    const set = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    await terminal.#run('-f', '/dev/null', 'new-session', '-d', ...size, 'env', ...set, ...command)
    return terminal
  }

  async #run(...args: string[]): Promise<string> {
    const options = { env: { TERM: 'xterm' } }
    const { exitCode, stdout, stderr } = await this.#place.run(this.#tmux, ['-S', this.#socket, ...args], options)
    if (exitCode !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  /** Types a line and two tabs; gives the screen once it shows all of `texts`. Types again where an answer came too late. */
  async completes(line: string, ...texts: string[]): Promise<string> {
    return this.shows(() => this.#run('send-keys', 'C-u', 'C-l', line, 'Tab', 'Tab'), ...texts)
  }

  async shows(action: () => unknown, ...texts: string[]): Promise<string> {
    let screen = ''
    for (let round = 0; round < 300; round++) {
      if (round % 25 === 0) await action()
      screen = await this.screen()
      if (texts.every((text) => screen.includes(text))) return screen
      await Bun.sleep(100)
    }
    throw new Error(`the screen lacks one of ${texts.join(', ')}:\n${screen}`)
  }

  /** With what has gone by above it; the rows that a line takes are put together. */
  async screen(): Promise<string> {
    return (await this.#run('capture-pane', '-p', '-J', '-S', '-')).replace(/ +$/gm, '')
  }

  /** Writes all that is printed from now on to a file, escape codes too. */
  async record(file: string): Promise<void> {
    await this.#run('pipe-pane', `cat >'${file}'`)
  }

  async enter(): Promise<void> {
    await this.#run('send-keys', 'Enter')
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#run('resize-window', '-x', `${columns}`, '-y', `${rows}`)
  }

  async close(): Promise<void> {
    await this.#run('kill-server')
  }
}
