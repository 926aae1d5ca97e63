import { DockerIpfsError, type ErrorCode, hasCode, messageOf } from '../errors.ts'
import { OutputError } from '../output/output.ts'
import { UsageError } from './usage.ts'

/** A fault of the program itself (EX_SOFTWARE of sysexits.h). */
const BUG = 70

/** Characters of one line of a cause. */
const MAX_LINE = 200

const EXIT_CODES: Readonly<Record<Exclude<ErrorCode, 'CANCELLED'>, number>> = {
  USAGE: 1,
  BAD_FLAG: 125,
  REFERENCE_INVALID: 1,
  ENGINE_UNREACHABLE: 3,
  ENGINE_FAILED: 1,
  ENGINE_FULL: 1,
  NODE_UNREACHABLE: 3,
  NODE_FAILED: 1,
  NODE_DENIED: 1,
  IMAGE_NOT_FOUND: 4,
  PLATFORM_NOT_FOUND: 4,
  CONTENT_NOT_FOUND: 4,
  NOT_AN_IMAGE: 1,
  PUBLICATION_INVALID: 1,
  PUBLICATION_OLDER: 1,
  ARCHIVE_INVALID: 1,
  FILE_FAILED: 1,
  CATALOGUE_STALE: 1,
  INTEGRITY: 5,
  UNHEALTHY: 1,
  NOT_ANNOUNCED: 6,
  REGISTRY_FAILED: 1,
  PLACE_NOT_FOUND: 4,
  PLACE_UNREACHABLE: 3,
  PLACE_FAILED: 1,
  COPIES_MISSING: 1,
}

/** What is wrong with one of several things: the others are done all the same. */
const OF_ONE: readonly ErrorCode[] = [
  'REFERENCE_INVALID',
  'IMAGE_NOT_FOUND',
  'PLATFORM_NOT_FOUND',
  'CONTENT_NOT_FOUND',
  'NOT_AN_IMAGE',
  'PUBLICATION_INVALID',
  'INTEGRITY',
  'PLACE_NOT_FOUND',
  'COPIES_MISSING',
  'USAGE',
]

/**
 * Does something for each of several things, as docker does: what is wrong with one of them does not keep it from the next.
 * @throws what was thrown for one, or for several as `SeveralErrors`
 */
export async function forEachOf(words: readonly string[], work: (word: string) => Promise<void>): Promise<void> {
  const errors: DockerIpfsError[] = []
  for (const word of words) {
    try {
      await work(word)
    } catch (error) {
      if (!hasCode(error, ...OF_ONE)) throw error
      errors.push(error)
    }
  }
  if (errors.length > 1) throw new SeveralErrors(errors)
  if (errors[0] !== undefined) throw errors[0]
}

class SeveralErrors extends Error {
  readonly errors: readonly DockerIpfsError[]

  constructor(errors: readonly DockerIpfsError[]) {
    super(errors.map(messageOf).join('; '))
    this.errors = errors
  }
}

/** The end of a command that ran another in its place, whose exit code is its own. That one has said all there is to say. */
export class EndsWith extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`ended with exit code ${exitCode}`)
    this.exitCode = exitCode
  }
}

export interface Ending {
  readonly exitCode: number
  /** What goes to stderr, without the last newline; empty where all is said. */
  readonly text: string
}

/**
 * Turns whatever was thrown into words and an exit code: `ERROR: <message>`, the hint on the next line, and with `debug`
 * the chain of causes. Nothing else maps errors to exit codes.
 */
export function endingOf(error: unknown, debug: boolean): Ending {
  if (error instanceof EndsWith) return { exitCode: error.exitCode, text: '' }
  if (error instanceof SeveralErrors) {
    const [first, ...more] = error.errors.map((each) => endingOf(each, debug))
    return { exitCode: first?.exitCode ?? 1, text: [first, ...more].map((each) => each?.text).join('\n') }
  }
  const causes = debug ? causesOf(error) : []
  if (error instanceof UsageError) return { exitCode: exitCodeOf(error), text: error.message }
  if (error instanceof OutputError) return { exitCode: 1, text: [`ERROR: ${error.message}`, ...causes].join('\n') }
  if (!(error instanceof DockerIpfsError)) return bug(error, debug, causes)
  const first = error.code === 'CANCELLED' ? error.message : `ERROR: ${error.message}`
  const hint = hintOf(error)
  return { exitCode: exitCodeOf(error), text: [first, ...hint, ...causes].join('\n') }
}

const DOCTOR = '"docker ipfs doctor" says more.'

/** Where the node has something against a call, the doctor knows more than the error: what it may do, and its storage. */
function hintOf({ code, hint }: DockerIpfsError): string[] {
  const text = hint ?? (code === 'NODE_FAILED' ? DOCTOR : undefined)
  return text === undefined ? [] : [text]
}

function exitCodeOf(error: DockerIpfsError): number {
  return error.code === 'CANCELLED' ? 128 + (error.signal ?? 2) : EXIT_CODES[error.code]
}

function bug(error: unknown, debug: boolean, causes: readonly string[]): Ending {
  const hint = debug
    ? 'This is a bug in docker-ipfs; please report it with the lines below.'
    : 'This is a bug in docker-ipfs; run it again with `docker -D ipfs …` for the details to report.'
  const stack = debug && error instanceof Error && error.stack !== undefined ? [error.stack] : []
  return { exitCode: BUG, text: [`ERROR: ${messageOf(error)}`, hint, ...stack, ...causes].join('\n') }
}

function causesOf(error: unknown): string[] {
  const lines: string[] = []
  const seen = new Set<unknown>([error])
  for (let at = causeOf(error); at !== undefined && !seen.has(at); at = causeOf(at)) {
    seen.add(at)
    lines.push(`Caused by: ${shortened(messageOf(at))}`)
  }
  return lines
}

/** Messages of failed children carry all that those printed, which may be pages. */
function shortened(message: string): string {
  const lines = message.split('\n').filter((line) => line.trim() !== '')
  return lines.map((line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line)).join('\n  ')
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? (error.cause ?? undefined) : undefined
}
