import type { WritableFolder } from '../../../src/catalogue/folder.ts'
import type { CID } from '../../../src/dag/cid.ts'

/** What is called before a change, or before all are written out; `'lost'`: the change is not made, and nobody is told. */
export type Disturbance = (change: 'link' | 'write' | 'remove' | 'sync', path: string) => Promise<'lost' | undefined>

/** A folder that others use at the same time: they come between, and MFS loses what two write at once without a word. */
export class DisturbedFolder implements WritableFolder {
  readonly find: WritableFolder['find']
  readonly entries: WritableFolder['entries']
  readonly read: WritableFolder['read']
  readonly readAll: WritableFolder['readAll']
  readonly #folder: WritableFolder
  readonly #before: Disturbance

  constructor(folder: WritableFolder, before: Disturbance) {
    this.#folder = folder
    this.#before = before
    this.find = folder.find.bind(folder)
    this.entries = folder.entries.bind(folder)
    this.read = folder.read.bind(folder)
    this.readAll = folder.readAll.bind(folder)
  }

  async link(path: string, cid: CID, signal: AbortSignal): Promise<boolean> {
    return (await this.#before('link', path)) === 'lost' ? true : this.#folder.link(path, cid, signal)
  }

  async write(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if ((await this.#before('write', path)) !== 'lost') await this.#folder.write(path, bytes, signal)
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    if ((await this.#before('remove', path)) !== 'lost') await this.#folder.remove(path, signal)
  }

  async sync(signal: AbortSignal): Promise<void> {
    await this.#before('sync', '')
    await this.#folder.sync(signal)
  }
}

/** Loses some changes, counted from 1. */
export function losing(isLost: (change: number) => boolean): Disturbance {
  let changes = 0
  return async (change) => {
    if (change !== 'sync') changes += 1
    return isLost(changes) ? 'lost' : undefined
  }
}
