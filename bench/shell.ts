/** Runs other programs to their end. */
import { join } from 'node:path'

export const ROOT: string = join(import.meta.dir, '..')

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** File for standard output; without it the output is the result. */
  readonly stdout?: string
  /** Exit codes other than 0 are all right, too. */
  readonly mayFail?: boolean
}

/** Runs a program and gives what it printed, without the last line end. Throws when it fails. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    stdin: 'ignore',
    stdout: options.stdout === undefined ? 'pipe' : Bun.file(options.stdout),
    stderr: 'pipe',
  })
  const [text, errors, code] = await Promise.all([
    child.stdout instanceof ReadableStream ? new Response(child.stdout).text() : '',
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code !== 0 && options.mayFail !== true) {
    throw new Error(`${command.join(' ')}: exit code ${code}\n${text.slice(-3000)}\n${errors.slice(-3000)}`)
  }
  return text.trimEnd()
}

export function say(text: string): void {
  console.error(text)
}
