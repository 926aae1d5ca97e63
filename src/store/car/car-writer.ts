import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { type Block, type BlockSink, blockKey, rawBlock } from '../../dag/blocks.ts'
import { carHeader, carSection, deltaMark } from '../../dag/car.ts'
import type { CID } from '../../dag/cid.ts'
import type { Bytes } from '../../streams.ts'
import { openTemp, writeAll } from './temp-file.ts'

export interface CarWriter extends BlockSink {
  readonly written: { readonly blocks: number; readonly bytes: number }
  /** Blocks that were left out. */
  readonly skipped: number
  /** Writes the root into the header and puts the file in its place. */
  finish(root: CID): Promise<void>
  /** The whole file; for one that has no place of its own. Only after `finish`. */
  bytes(): Bytes
  /** Lets go of the file; without `finish` before, nothing is left of it. */
  close(): Promise<void>
}

export interface CarOptions {
  /** Where the file is to be; without it the bytes are kept in a temp file that has no name. */
  readonly path?: string | undefined
  /** Blocks (keys of `blockKey`) that are left out, since the image `since` has them. */
  readonly known?: ReadonlySet<string>
  readonly since?: CID | undefined
}

/** The name of a file beside the one that it is to be. */
export const TEMP_NAME = /.\.[0-9a-f]{8}\.tmp$/

/** What a file begins with that is not finished: a header as long as every other, CIDv1 with sha2-256. */
export const UNFINISHED = carHeader([rawBlock(new Uint8Array(0)).cid])

/** Bytes that are written at once, about. */
const WRITE_BYTES = 1024 * 1024

/**
 * Writes a CARv1 file. Its header comes first and names the root, which is known last: so one of the same length stands there
 * until then, in a file beside the target that takes its place only when it is whole.
 */
export async function createCar(options: CarOptions): Promise<CarWriter> {
  if (options.path === undefined) return new FileCarWriter(await openTemp(), undefined, options)
  const temp = `${options.path}.${randomUUID().slice(0, 8)}.tmp`
  return new FileCarWriter(await open(temp, 'wx+', 0o600), temp, options)
}

class FileCarWriter implements CarWriter {
  readonly written = { blocks: 0, bytes: 0 }
  skipped = 0
  readonly #handle: FileHandle
  readonly #temp: string | undefined
  readonly #options: CarOptions
  readonly #seen = new Set<string>()
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #size = 0
  #inPlace = false

  constructor(handle: FileHandle, temp: string | undefined, options: CarOptions) {
    this.#handle = handle
    this.#temp = temp
    this.#options = options
    this.#push(UNFINISHED)
    if (options.since !== undefined) for (const part of carSection(deltaMark(options.since))) this.#push(part)
  }

  async put(block: Block): Promise<void> {
    const key = blockKey(block.cid)
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    if (this.#options.known?.has(key)) {
      this.skipped += 1
      return
    }
    this.written.blocks += 1
    this.written.bytes += block.bytes.length
    for (const part of carSection(block)) this.#push(part)
    if (this.#waitingBytes >= WRITE_BYTES) await this.#flush()
  }

  async finish(root: CID): Promise<void> {
    const header = carHeader([root])
    if (header.length !== UNFINISHED.length) throw new Error(`the root ${root} has an unusual length`)
    await this.#flush()
    await writeAll(this.#handle, header, 0)
    if (this.#temp === undefined || this.#options.path === undefined) return
    await this.#handle.sync()
    await rename(this.#temp, this.#options.path)
    this.#inPlace = true
  }

  bytes(): Bytes {
    return createReadStream('', { fd: this.#handle, start: 0, autoClose: false }) as AsyncIterable<Uint8Array>
  }

  async close(): Promise<void> {
    await this.#handle.close()
    if (this.#temp !== undefined && !this.#inPlace) await rm(this.#temp, { force: true })
  }

  #push(bytes: Uint8Array): void {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting, this.#waitingBytes)
    this.#waiting = []
    this.#waitingBytes = 0
    await writeAll(this.#handle, bytes, this.#size)
    this.#size += bytes.length
  }
}
