import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { kill } from 'node:process'
import { promisify } from 'node:util'
import { semver } from 'bun'
import { readText } from '../background/files.ts'
import { isOfAnother, runs } from '../background/process.ts'
import { DockerIpfsError } from '../errors.ts'
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

interface Asking {
  readonly repo: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
}

/** Whether an `ipfs` is older than a version. One that does not say which it has is believed to be new. */
export async function isOlder(ipfs: string, than: string, { repo, env, signal }: Asking): Promise<boolean> {
  const args = [`--repo-dir=${repo}`, 'version', '--number']
  const said = await promisify(execFile)(ipfs, args, { env, signal }).catch(() => undefined)
  signal.throwIfAborted()
  const version = /\d+\.\d+\.\d+/.exec(said?.stdout ?? '')?.[0]
  return version !== undefined && semver.order(version, than) < 0
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

/** @param cause what the system says, where it was asked */
export function ofAnother(cause?: unknown): DockerIpfsError {
  return new DockerIpfsError('NODE_FAILED', 'the IPFS node of docker-ipfs is run by another user', {
    hint: 'Stop it as that user.',
    cause,
  })
}
