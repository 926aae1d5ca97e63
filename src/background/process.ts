/*
 * The room of processes that outlive a command: whether one still runs (this file), who listens at its port (listener.ts), its log
 * (log-file.ts, own-log.ts), and the files that say where it is (files.ts).
 *
 * It knows neither Kubo nor registry. The node of our own (src/managed/) and the front door (src/door/) are made with it.
 */

import { readdir } from 'node:fs/promises'
import { kill } from 'node:process'
import { readText } from './files.ts'

/**
 * Whether the process of a number is the one that is meant, and runs. The number may have gone to another since.
 * @param mark what its command line has, and that of no other
 */
export async function runs(pid: number, mark: string): Promise<boolean> {
  try {
    if (!(pid > 0)) return false
    kill(pid, 0)
  } catch (error) {
    if (!isOfAnother(error)) return false
  }
  const [stat, command] = await Promise.all(['stat', 'cmdline'].map((file) => readText(`/proc/${pid}/${file}`)))
  // One that has ended keeps its number while its parent does not ask: in containers without an init, for ever.
  // Its other threads may need a moment more, and have the lock and the ports until then.
  if (/\) Z /.test(stat ?? '')) return (await readdir(`/proc/${pid}/task`).catch(() => [])).length > 1
  // Empty where there is no /proc.
  return !command || command.includes(mark)
}

/** Whether that is what the system has against a signal to the process of another user. */
export function isOfAnother(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPERM'
}
