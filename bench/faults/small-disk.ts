import { mkdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../shell.ts'

/** Where the files are that disks are made of: in memory, so that syncing them takes no time. */
const HOME = '/dev/shm'

/** A small file system of its own, which can be filled up. Needs root. */
export class SmallDisk {
  readonly folder: string
  readonly #file: string

  private constructor(folder: string, file: string) {
    this.folder = folder
    this.#file = file
  }

  /** `name`: of its file, one for each disk at a time. What an earlier run left of it is thrown away. */
  static async mount(folder: string, name: string, megabytes: number): Promise<SmallDisk> {
    const disk = new SmallDisk(folder, join(HOME, `docker-ipfs-faults-${name}`))
    await disk.unmount()
    mkdirSync(folder, { recursive: true })
    await run(['truncate', '--size', `${megabytes}M`, disk.#file])
    await run(['mkfs.ext4', '-q', '-m', '0', disk.#file])
    // discard: memory of files that are deleted is given back.
    await run(['mount', '-o', 'loop,discard', disk.#file, folder])
    return disk
  }

  /** Takes all room but these bytes. */
  async fill(left: number): Promise<void> {
    const { bavail, bsize } = statfsSync(this.folder)
    const bytes = bavail * bsize - left
    if (bytes > 0) await run(['fallocate', '--length', `${bytes}`, this.#filler], { mayFail: true })
  }

  /** Gives the room back. */
  clear(): void {
    rmSync(this.#filler, { force: true })
  }

  get #filler(): string {
    return join(this.folder, '.filler')
  }

  async unmount(): Promise<void> {
    await run(['umount', '--lazy', this.folder], { mayFail: true })
    rmSync(this.#file, { force: true })
  }
}
