import { spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { DockerIpfsError, type ErrorCode } from '../../errors.ts'
import type { Bytes } from '../../streams.ts'

/** Programs that unpack what we do not: docker asks xz, too. */
export type Program = 'xz' | 'bzip2'

const ARGUMENTS: Readonly<Record<Program, readonly string[]>> = {
  // A file may ask for 4 GiB.
  xz: ['-dc', '--memlimit-decompress=256MiB'],
  bzip2: ['-dc'],
}

/** Nothing of the user's environment, which may have secrets. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin' }
/** Characters of what it says, at most. */
const MAX_WORDS = 1000

/**
 * The bytes as a program unpacks them.
 * @throws `code` where there is no such program; an error with the words of one that fails
 */
export async function* throughProgram(name: Program, source: Bytes, code: ErrorCode): Bytes {
  const child = spawn(name, ARGUMENTS[name], { env: ENVIRONMENT })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(0, MAX_WORDS)
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (cause) => reject(missing(name, code, cause)))
    child.on('close', (status) => (status === 0 ? resolve() : reject(new Error(firstLine(words)))))
  })
  ended.catch(() => undefined)
  const input = Readable.from(source, { objectMode: false })
  input.on('error', () => child.kill())
  // A program that fails, or has seen enough, does not read on.
  child.stdin.on('error', () => undefined)
  input.pipe(child.stdin)
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>
    await ended
  } finally {
    input.destroy()
    child.kill()
  }
}

function firstLine(words: string): string {
  return words.trim().split('\n')[0] || 'it ended without a word'
}

function missing(name: Program, code: ErrorCode, cause: Error): DockerIpfsError {
  return new DockerIpfsError(code, `it is packed with ${name}, and there is no program ${name} here`, {
    cause,
    hint: `Install ${name}, or unpack it: ${name} -dc FILE`,
  })
}
