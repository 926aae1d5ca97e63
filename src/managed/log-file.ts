import { open, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { DockerIpfsError } from '../errors.ts'
import type { Bytes } from '../streams.ts'
import type { LogOptions } from './host.ts'

const POLL_MS = 200
const PIECE = 64 * 1024

/**
 * The end of a log file, and with `follow` what comes after it.
 * @throws FILE_FAILED when there is none
 */
export async function* followFile(path: string, { follow, tail }: LogOptions, signal: AbortSignal): Bytes {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new DockerIpfsError('FILE_FAILED', 'the node has no log yet', { cause })
  })
  try {
    // A log has at most some MB (see MAX_LOG of binary.ts).
    const text = await file.readFile()
    yield endOf(text, tail)
    for (let at = text.length; follow; ) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE), 0, PIECE, at)
      at += bytesRead
      if (bytesRead > 0) yield buffer.subarray(0, bytesRead)
      else await sleep(POLL_MS, undefined, { signal })
    }
  } finally {
    await file.close()
  }
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
