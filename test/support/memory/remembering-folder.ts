import type { WritableFolder } from '../../../src/catalogue/folder.ts'
import type { CID } from '../../../src/dag/cid.ts'
import type { FolderEntry, PathStat } from '../../../src/store/folder.ts'

/** One of several that use a folder: it remembers what it saw until it writes or syncs, and counts what it has not synced. */
export class RememberingFolder implements WritableFolder {
  unsynced = 0
  readonly readAll: WritableFolder['readAll']
  readonly #folder: WritableFolder
  readonly #seen = new Map<string, Promise<unknown>>()

  constructor(folder: WritableFolder) {
    this.#folder = folder
    this.readAll = folder.readAll.bind(folder)
  }

  find(path: string, signal: AbortSignal): Promise<PathStat | undefined> {
    return this.#once(`find ${path}`, () => this.#folder.find(path, signal))
  }

  entries(path: string, signal: AbortSignal): Promise<FolderEntry[] | undefined> {
    return this.#once(`entries ${path}`, () => this.#folder.entries(path, signal))
  }

  read(path: string, limit: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#once(`read ${path} ${limit}`, () => this.#folder.read(path, limit, signal))
  }

  link(path: string, cid: CID, signal: AbortSignal): Promise<boolean> {
    return this.#change(() => this.#folder.link(path, cid, signal))
  }

  write(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.#change(() => this.#folder.write(path, bytes, signal))
  }

  remove(path: string, signal: AbortSignal): Promise<void> {
    return this.#change(() => this.#folder.remove(path, signal))
  }

  async sync(signal: AbortSignal): Promise<void> {
    this.unsynced = 0
    this.#seen.clear()
    await this.#folder.sync(signal)
  }

  #once<T>(question: string, ask: () => Promise<T>): Promise<T> {
    const seen = (this.#seen.get(question) as Promise<T> | undefined) ?? ask()
    this.#seen.set(question, seen)
    return seen
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    this.unsynced += 1
    this.#seen.clear()
    return change()
  }
}
