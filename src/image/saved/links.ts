import { posix } from 'node:path'

/** Links that lead to links, at most. */
const MAX_HOPS = 40

/** The links of an archive, to files and to folders, wherever they stand in it. */
export class Links {
  readonly #targets = new Map<string, string>()

  /** @param target path in the archive */
  add(path: string, target: string): void {
    this.#targets.set(path, target)
  }

  /** What comes later under the same path takes its place. */
  remove(path: string): void {
    this.#targets.delete(path)
  }

  /** Where a path leads; a circle leads to itself. */
  follow(path: string): string {
    let found = path
    for (let hops = 0; hops < MAX_HOPS; hops += 1) {
      const next = this.#step(found)
      if (next === undefined) return found
      found = next
    }
    return path
  }

  /** The first part of a path that is a link, followed. */
  #step(path: string): string | undefined {
    for (let end = path.indexOf('/'); ; end = path.indexOf('/', end + 1)) {
      const target = this.#targets.get(end < 0 ? path : path.slice(0, end))
      if (target !== undefined) return posix.join('/', target, end < 0 ? '' : path.slice(end)).slice(1)
      if (end < 0) return undefined
    }
  }
}
