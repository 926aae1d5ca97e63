import { type FileHandle, open } from 'node:fs/promises'
import { bytesReader, readHeader } from '@ipld/car/decoder'
import { CID } from 'multiformats/cid'
import { DockerIpfsError } from '../errors.ts'
import { abortable, type Bytes } from '../streams.ts'
import { blockKey, checkBlock } from './blocks.ts'
import { deltaBase } from './car.ts'
import { openTemp, writeAll } from './files.ts'

/** A CAR file whose blocks can be had one by one. */
export interface CarFile {
  readonly name: string
  readonly roots: readonly CID[]
  /** Where it holds only what another image lacks: that image's root. */
  readonly since: CID | undefined
  /** @throws INTEGRITY when the file has changed meanwhile */
  block(cid: CID): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

const MAX_HEADER = 1024 * 1024
/** Bytes of one CID and block; nodes exchange none larger than 2 MiB. */
const MAX_SECTION = 4 * 1024 * 1024
/** Blocks of one file: a place in memory is kept for each. */
const MAX_BLOCKS = 4_000_000
const READ_BYTES = 1024 * 1024

/**
 * Reads a CARv1 file through once: every block in it must match its CID. Kept in memory is where each of them is. What is
 * no regular file goes into a temp file without a name first.
 * @throws ARCHIVE_INVALID, INTEGRITY, and what opening a file throws
 */
export async function openCar(path: string, signal: AbortSignal): Promise<CarFile> {
  const handle = await open(path, 'r')
  let keep = false
  try {
    if (!(await handle.stat()).isFile()) {
      return await spoolCar(handle.createReadStream({ autoClose: false }), path, signal)
    }
    const car = await readCar(handle, path, signal)
    keep = true
    return car
  } finally {
    if (!keep) await handle.close()
  }
}

/** The same for what comes through a pipe. */
export async function spoolCar(bytes: Bytes, name: string, signal: AbortSignal): Promise<CarFile> {
  const handle = await openTemp()
  try {
    let size = 0
    for await (const part of abortable(bytes, signal)) {
      await writeAll(handle, part, size)
      size += part.length
    }
    return await readCar(handle, name, signal)
  } catch (error) {
    await handle.close()
    throw error
  }
}

interface Place {
  readonly offset: number
  readonly length: number
}

async function readCar(handle: FileHandle, name: string, signal: AbortSignal): Promise<CarFile> {
  const reader = new Window(handle, name)
  const roots = await rootsOf(reader, name)
  const places = new Map<string, Place>()
  let since: CID | undefined
  for (;;) {
    signal.throwIfAborted()
    const length = await reader.varint()
    if (length === undefined) break
    if (length > MAX_SECTION) throw invalid(name, `a block of ${length} bytes is announced`)
    const section = await reader.take(length)
    const { cid, bytes } = readSection(section, name)
    check(cid, bytes, name)
    if (places.size === 0) since = deltaBase({ cid, bytes })
    places.set(blockKey(cid), { offset: reader.position - bytes.length, length: bytes.length })
    if (places.size > MAX_BLOCKS) throw invalid(name, `it has more than ${MAX_BLOCKS} blocks`)
  }
  return {
    name,
    roots,
    since,
    async block(cid) {
      const place = places.get(blockKey(cid))
      if (place === undefined) return undefined
      const bytes = Buffer.allocUnsafe(place.length)
      const { bytesRead } = await handle.read(bytes, 0, place.length, place.offset)
      check(cid, bytes.subarray(0, bytesRead), name)
      return bytes
    },
    close: () => handle.close(),
  }
}

async function rootsOf(reader: Window, name: string): Promise<CID[]> {
  const length = await reader.varint()
  if (length === undefined || length === 0 || length > MAX_HEADER) throw invalid(name, 'it has no CAR header')
  const body = await reader.take(length)
  // The library reads the length once more, to know where the header ends.
  const prefix = Buffer.alloc(length < 128 ? 1 : length < 16384 ? 2 : 3)
  for (let at = 0, rest = length; at < prefix.length; at += 1, rest >>>= 7) {
    prefix[at] = (rest & 0x7f) | (at < prefix.length - 1 ? 0x80 : 0)
  }
  try {
    const header = await readHeader(bytesReader(Buffer.concat([prefix, body])), 1)
    return header.roots.map((root) => CID.decode(root.bytes))
  } catch (cause) {
    throw invalid(name, 'its header is not that of a CARv1 file', cause)
  }
}

function readSection(section: Uint8Array, name: string): { cid: CID; bytes: Uint8Array } {
  try {
    const [cid, bytes] = CID.decodeFirst(section)
    // decodeFirst takes a version byte of 0, which no CID has.
    if (Buffer.compare(cid.bytes, section.subarray(0, section.length - bytes.length)) !== 0)
      throw new RangeError('no CID')
    return { cid, bytes }
  } catch (cause) {
    throw invalid(name, 'a block in it has no CID', cause)
  }
}

function check(cid: CID, bytes: Uint8Array, name: string): void {
  try {
    checkBlock({ cid, bytes })
  } catch (cause) {
    throw new DockerIpfsError('INTEGRITY', `${name}: the block ${cid} does not match its CID`, {
      cause,
      hint: 'The file is damaged: copy it again, and compare its checksum.',
    })
  }
}

/** Reads a file from its beginning, a piece at a time. */
class Window {
  readonly #handle: FileHandle
  readonly #name: string
  #bytes: Buffer = Buffer.alloc(0)
  #fileOffset = 0

  constructor(handle: FileHandle, name: string) {
    this.#handle = handle
    this.#name = name
  }

  /** Where the next byte is taken from. */
  get position(): number {
    return this.#fileOffset - this.#bytes.length
  }

  /** An unsigned varint of at most 5 bytes; undefined at the end of the file. */
  async varint(): Promise<number | undefined> {
    let value = 0
    for (let at = 0; at < 5; at += 1) {
      if (this.#bytes.length === 0 && !(await this.#more(1))) {
        if (at === 0) return undefined
        throw invalid(this.#name, 'it is cut short')
      }
      const byte = this.#bytes[0] as number
      this.#bytes = this.#bytes.subarray(1)
      value += (byte & 0x7f) * 2 ** (7 * at)
      if (byte < 0x80) return value
    }
    throw invalid(this.#name, 'a length in it cannot be read')
  }

  async take(length: number): Promise<Buffer> {
    while (this.#bytes.length < length) {
      if (!(await this.#more(length - this.#bytes.length))) throw invalid(this.#name, 'it is cut short')
    }
    const taken = this.#bytes.subarray(0, length)
    this.#bytes = this.#bytes.subarray(length)
    return taken
  }

  async #more(wanted: number): Promise<boolean> {
    const next = Buffer.allocUnsafe(Math.max(wanted, READ_BYTES))
    const { bytesRead } = await this.#handle.read(next, 0, next.length, this.#fileOffset)
    this.#fileOffset += bytesRead
    const fresh = next.subarray(0, bytesRead)
    this.#bytes = this.#bytes.length === 0 ? fresh : Buffer.concat([this.#bytes, fresh])
    return bytesRead > 0
  }
}

function invalid(name: string, why: string, cause?: unknown): DockerIpfsError {
  return new DockerIpfsError('ARCHIVE_INVALID', `${name} is no CAR file, or damaged: ${why}`, {
    cause,
    hint: 'CAR files are made with "docker ipfs save -o"; archives of "docker save" are for "docker load".',
  })
}
