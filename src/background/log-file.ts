import { type FileHandle, open, readFile, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { DockerIpfsError } from '../errors.ts'
import type { Bytes } from '../streams.ts'

export interface LogOptions {
  readonly follow: boolean
  /** So many lines of the end, or "all". */
  readonly tail: string
}

interface FollowOptions extends LogOptions {
  /** Whose log it is, for the error: "the node". */
  readonly whose: string
}

const POLL_MS = 200
const PIECE = 64 * 1024

/**
 * The end of a log file, and with `follow` what comes after it, also in the file that takes its place.
 * @throws FILE_FAILED when there is none
 */
export async function* followFile(path: string, { follow, tail, whose }: FollowOptions, signal: AbortSignal): Bytes {
  let file = await open(path, 'r').catch((cause: unknown) => {
    throw new DockerIpfsError('FILE_FAILED', `${whose} has no log yet`, { cause })
  })
  try {
    // A log has at most some MB.
    const text = await file.readFile()
    yield endOf(text, tail)
    for (let at = text.length; follow; ) {
      // Asked before the last bytes of the old one are read: none of them is lost.
      const isReplaced = await hasSuccessor(file, path)
      const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE), 0, PIECE, at)
      at += bytesRead
      if (bytesRead > 0) yield buffer.subarray(0, bytesRead)
      else if (isReplaced) {
        const next = await open(path, 'r')
        await file.close()
        file = next
        at = 0
      } else await sleep(POLL_MS, undefined, { signal })
    }
  } finally {
    await file.close()
  }
}

async function hasSuccessor(file: FileHandle, path: string): Promise<boolean> {
  const [open, named] = await Promise.all([file.stat(), stat(path).catch(() => undefined)])
  return named !== undefined && named.ino !== open.ino
}

/** The last lines of a log file. */
export async function lastLines(path: string, count: number): Promise<string> {
  return (await readFile(path, 'utf8')).trimEnd().split('\n').slice(-count).join('\n')
}

function endOf(text: Buffer, tail: string): Buffer {
  if (tail === 'all') return text
  let at = text.length
  for (let lines = Number(tail); lines >= 0 && at > 0; lines--) at = text.lastIndexOf('\n', at - 1)
  return text.subarray(at + 1)
}
