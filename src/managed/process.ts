import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { readText } from '../background/files.ts'
import { runs } from '../background/process.ts'
import type { Say } from './host.ts'

/** Time for one that is coming up to end, in milliseconds; there are no calls yet that it could wait for. */
const END_MS = 10_000

/** Whether the daemon of a repository runs and was started a moment ago: a later one that does not answer hangs, or is about to end. */
export async function isComingUp(pidFile: string, repo: string, withinMs: number): Promise<boolean> {
  const since = (await stat(pidFile).catch(() => undefined))?.mtimeMs ?? 0
  return Date.now() - since < withinMs && (await runs(Number(await readText(pidFile)), repo))
}

/**
 * Waits for a daemon to come up. Whoever has had enough of that wants none that comes up afterwards: then it is ended. Where another has
 * the lock, ours has ended already.
 */
export async function orEnd<T>(wait: Promise<T>, child: ChildProcess, signal: AbortSignal, say: Say): Promise<T> {
  try {
    return await wait
  } catch (error) {
    if (signal.aborted && child.exitCode === null && child.signalCode === null) {
      say('Ending the IPFS node of docker-ipfs, which had not started yet')
      await end(child)
    }
    throw error
  }
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.ref()
  child.kill('SIGTERM')
  const limit = setTimeout(() => child.kill('SIGKILL'), END_MS)
  await ended
  clearTimeout(limit)
}
