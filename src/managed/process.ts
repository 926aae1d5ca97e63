import { stat } from 'node:fs/promises'
import { kill } from 'node:process'
import { readText } from '../background/files.ts'
import { isOfAnother, runs } from '../background/process.ts'
import { DockerIpfsError } from '../errors.ts'
import type { Say } from './host.ts'
import type { Daemon } from './ipfs-command.ts'

/** Whether the daemon of a repository runs and was started a moment ago: a later one that does not answer hangs, or is about to end. */
export async function isComingUp(pidFile: string, repo: string, withinMs: number): Promise<boolean> {
  const since = (await stat(pidFile).catch(() => undefined))?.mtimeMs ?? 0
  return Date.now() - since < withinMs && (await runs(Number(await readText(pidFile)), repo))
}

/**
 * Waits for a daemon to come up. Whoever has had enough of that wants none that comes up afterwards: then it is ended. Where another has
 * the lock, ours has ended already.
 */
export async function orEnd<T>(wait: Promise<T>, daemon: Daemon, signal: AbortSignal, say: Say): Promise<T> {
  try {
    return await wait
  } catch (error) {
    if (signal.aborted && !daemon.hasEnded) {
      say('Ending the IPFS node of docker-ipfs, which had not started yet')
      await daemon.end()
    }
    throw error
  }
}

/** Asks a process to end. @throws NODE_FAILED for one of another user */
export function endProcess(pid: number): void {
  try {
    kill(pid, 'SIGTERM')
  } catch (cause) {
    if (!isOfAnother(cause)) throw cause
    throw ofAnother(cause)
  }
}

/** @param cause what the system says; without it nothing is known of the process */
export function ofAnother(cause?: unknown): DockerIpfsError {
  const rest = cause === undefined ? ', or the number of its process is lost' : ''
  return new DockerIpfsError('NODE_FAILED', `the IPFS node of docker-ipfs is run by another user${rest}`, {
    hint: 'Stop it as the user who runs it.',
    cause,
  })
}
