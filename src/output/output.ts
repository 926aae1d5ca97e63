// The room of words for people: results on stdout (this file, rows.ts, table.ts, template*.ts), progress on stderr (progress*.ts).
// It is told events and rows, and asks nobody. Nothing else prints but src/cli/.

import { messageOf } from '../errors.ts'

/** Where results go. Only results: progress and words for people are on stderr. */
export interface Output {
  /**
   * Writes one line and waits until it has left. A reader that went away (`| head`) is no error.
   * @throws OutputError on a full disk and the like
   */
  line(text: string): Promise<void>
  readonly isTerminal: boolean
  /** Who reads it may have only ASCII: `words` is for what people read. */
  readonly isAscii: boolean
  /**
   * Writes bytes, as fast as they are taken. False when the reader went away, which ends it: only the caller knows whether that matters.
   * @throws OutputError
   */
  bytes(source: AsyncIterable<Uint8Array>): Promise<boolean>
}

/** Standard output could not be written; `cause` is the stream's error. */
export class OutputError extends Error {
  constructor(cause: Error) {
    super(`cannot write to standard output: ${messageOf(cause)}`, { cause })
    this.name = new.target.name
  }
}

/** The part of a writable stream that is needed here. */
export interface LineSink {
  write(text: string | Uint8Array, done: (error?: Error | null) => void): unknown
  readonly isTTY?: boolean
}

/** True for the error of a pipe whose reader has gone. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE'
}

/** `before` runs ahead of each line, so that bars on the same terminal can get out of the way. */
export function createOutput(sink: LineSink, before: () => void = () => {}, isAscii = false): Output {
  /** False when the reader has gone. */
  const write = (data: string | Uint8Array) =>
    new Promise<boolean>((resolve, reject) => {
      sink.write(data, (error) => {
        if (!error || isBrokenPipe(error)) resolve(!error)
        else reject(new OutputError(error))
      })
    })
  return {
    isTerminal: sink.isTTY === true,
    isAscii,
    async line(text) {
      before()
      await write(`${text}\n`)
    },
    async bytes(source) {
      for await (const part of source) if (!(await write(part))) return false
      return true
    },
  }
}
