import { closeSync, fstatSync, openSync, renameSync, statSync, writeSync } from 'node:fs'

/** Bytes of a log after which it makes room for a new one; the one before it stays beside it. */
const MAX_LOG = 5 * 1024 * 1024

/** A log that a process writes for itself. */
export interface OwnLog {
  write(line: string): void
  close(): void
}

/**
 * The log at a path, where that is what a process has as its standard output; undefined where that is anything else: a terminal, a
 * pipe, a file of the user's, none of which is ours to rename.
 */
export function openOwnLog(path: string, stdout = 1, maxBytes = MAX_LOG): OwnLog | undefined {
  const named = statSync(path, { throwIfNoEntry: false })
  const given = fstatSync(stdout)
  return named?.isFile() && named.ino === given.ino && named.dev === given.dev
    ? new LimitedLog(path, maxBytes)
    : undefined
}

class LimitedLog implements OwnLog {
  readonly #path: string
  readonly #maxBytes: number
  #file: number
  #size: number

  constructor(path: string, maxBytes: number) {
    this.#path = path
    this.#maxBytes = maxBytes
    this.#file = openSync(path, 'a', 0o600)
    this.#size = fstatSync(this.#file).size
  }

  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`)
    try {
      if (this.#size > 0 && this.#size + bytes.length > this.#maxBytes) this.#beginAnew()
      this.#size += writeSync(this.#file, bytes)
    } catch {
      // A full disk must not end what the log is about.
    }
  }

  close(): void {
    closeSync(this.#file)
  }

  #beginAnew(): void {
    renameSync(this.#path, `${this.#path}.1`)
    const old = this.#file
    this.#file = openSync(this.#path, 'a', 0o600)
    this.#size = 0
    closeSync(old)
  }
}
