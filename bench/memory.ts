/**
 * Peak memory of a command, by looking at its processes while they run. The kernel's own figure (ru_maxrss) is of no
 * use here: a child inherits the one of the process that forked it.
 */
import { readdirSync, readFileSync } from 'node:fs'

export interface Peak {
  /** The most that a single process had (VmHWM, which misses nothing between two looks). */
  readonly largest: number
  /** The most that all processes had together (VmRSS) at one look. */
  readonly together: number
}

const EVERY_MS = 25

/** Looks at a process and its descendants until it is stopped. */
export class MemoryWatch {
  readonly #root: number
  readonly #timer: Timer
  #largest = 0
  #together = 0

  constructor(root: number) {
    this.#root = root
    this.#timer = setInterval(() => this.#look(), EVERY_MS)
  }

  stop(): Peak {
    clearInterval(this.#timer)
    return { largest: this.#largest, together: this.#together }
  }

  #look(): void {
    let together = 0
    for (const pid of withDescendants(this.#root)) {
      const status = read(`/proc/${pid}/status`)
      together += kilobytes(status, 'VmRSS')
      this.#largest = Math.max(this.#largest, kilobytes(status, 'VmHWM'))
    }
    this.#together = Math.max(this.#together, together)
  }
}

function withDescendants(root: number): number[] {
  const found = [root]
  for (let at = 0; at < found.length; at += 1) {
    const folder = `/proc/${found[at]}/task`
    for (const thread of list(folder)) {
      const children = read(`${folder}/${thread}/children`).split(' ')
      found.push(...children.filter((pid) => pid !== '').map(Number))
    }
  }
  return found
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024
}

/** Empty for a process that ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
