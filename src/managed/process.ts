import { readdir } from 'node:fs/promises'
import { kill } from 'node:process'
import { readText } from './config-file.ts'

/** Whether this is the daemon of a repository, and runs. The number may have gone to another process since. */
export async function runs(pid: number, repo: string): Promise<boolean> {
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
  return !command || command.includes(repo)
}
