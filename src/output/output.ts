import { messageOf } from '../errors.ts'

/** Where results go. Only results: progress and words for people are on stderr. */
export interface Output {
  /**
   * Writes one line and waits until it has left. A reader that went away (`| head`) is no error.
   * @throws OutputError on a full disk and the like
   */
  line(text: string): Promise<void>
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
  write(text: string, done: (error?: Error | null) => void): unknown
}

/** True for the error of a pipe whose reader has gone. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE'
}

/** `before` runs ahead of each line, so that bars on the same terminal can get out of the way. */
export function createOutput(sink: LineSink, before: () => void = () => {}): Output {
  return {
    line(text) {
      before()
      return new Promise((resolve, reject) => {
        sink.write(`${text}\n`, (error) => {
          if (!error || isBrokenPipe(error)) resolve()
          else reject(new OutputError(error))
        })
      })
    },
  }
}
