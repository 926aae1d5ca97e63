import { bytesReader, readHeader } from '@ipld/car/decoder'
import { CID } from 'multiformats/cid'
import { DockerIpfsError } from '../errors.ts'
import { formatAgainst } from '../units.ts'
import type { Block } from './blocks.ts'

const MAX_HEADER = 1024 * 1024

export interface CarInput {
  /** For messages. */
  readonly name: string
  /** Bytes of one CID and block, at most. */
  readonly maxSection: number
  /** The next bytes, as many as there are; none only at the end. */
  more(): Promise<Uint8Array>
}

/** Reads a CARv1 from its beginning, a block at a time. Blocks are not held against their CIDs here. */
export class CarSections {
  readonly #input: CarInput
  #bytes: Uint8Array = new Uint8Array(0)
  #read = 0

  constructor(input: CarInput) {
    this.#input = input
  }

  /** Where the next byte is taken from. */
  get position(): number {
    return this.#read - this.#bytes.length
  }

  /**
   * To be called once, before `next`.
   * @throws ARCHIVE_INVALID
   */
  async roots(): Promise<CID[]> {
    const length = await this.#varint()
    if (length === undefined || length === 0 || length > MAX_HEADER) throw this.#invalid('it has no CAR header')
    const body = await this.#take(length)
    // The library reads the length once more, to know where the header ends.
    const prefix = Buffer.alloc(length < 128 ? 1 : length < 16384 ? 2 : 3)
    for (let at = 0, rest = length; at < prefix.length; at += 1, rest >>>= 7) {
      prefix[at] = (rest & 0x7f) | (at < prefix.length - 1 ? 0x80 : 0)
    }
    try {
      const header = await readHeader(bytesReader(Buffer.concat([prefix, body])), 1)
      return header.roots.map((root) => CID.decode(root.bytes))
    } catch (cause) {
      throw this.#invalid('its header is not that of a CARv1 file', cause)
    }
  }

  /**
   * The next block, whose bytes end at `position`; undefined at the end. `expected`: the one that it should be, whose CID is then not
   * read anew, since that takes as long as the hash of a small block.
   * @throws ARCHIVE_INVALID
   */
  async next(expected?: CID): Promise<Block | undefined> {
    const length = await this.#varint()
    if (length === undefined) return undefined
    const { maxSection } = this.#input
    if (length > maxSection) {
      const [size, most] = formatAgainst(length, maxSection)
      throw this.#invalid(`a block of ${size} is announced, and those of at most ${most} are read`)
    }
    const section = await this.#take(length)
    if (expected !== undefined && startsWith(section, expected.bytes)) {
      return { cid: expected, bytes: section.subarray(expected.bytes.length) }
    }
    try {
      const [cid, bytes] = CID.decodeFirst(section)
      // decodeFirst takes a version byte of 0, which no CID has.
      if (Buffer.compare(cid.bytes, section.subarray(0, section.length - bytes.length)) !== 0)
        throw new RangeError('no CID')
      return { cid, bytes }
    } catch (cause) {
      throw this.#invalid('a block in it has no CID', cause)
    }
  }

  /** An unsigned varint of at most 5 bytes; undefined at the end. */
  async #varint(): Promise<number | undefined> {
    let value = 0
    for (let at = 0; at < 5; at += 1) {
      if (this.#bytes.length === 0 && !(await this.#more())) {
        if (at === 0) return undefined
        throw this.#invalid('it is cut short')
      }
      const byte = this.#bytes[0] as number
      this.#bytes = this.#bytes.subarray(1)
      value += (byte & 0x7f) * 2 ** (7 * at)
      if (byte < 0x80) return value
    }
    throw this.#invalid('a length in it cannot be read')
  }

  /** Copies only what comes in pieces. */
  async #take(length: number): Promise<Uint8Array> {
    if (this.#bytes.length >= length) return this.#cut(length)
    const taken = new Uint8Array(length)
    for (let at = 0; at < length; ) {
      if (this.#bytes.length === 0 && !(await this.#more())) throw this.#invalid('it is cut short')
      const part = this.#cut(Math.min(this.#bytes.length, length - at))
      taken.set(part, at)
      at += part.length
    }
    return taken
  }

  #cut(length: number): Uint8Array {
    const part = this.#bytes.subarray(0, length)
    this.#bytes = this.#bytes.subarray(length)
    return part
  }

  /** To be called when all that came is used up. */
  async #more(): Promise<boolean> {
    this.#bytes = await this.#input.more()
    this.#read += this.#bytes.length
    return this.#bytes.length > 0
  }

  #invalid(why: string, cause?: unknown): DockerIpfsError {
    return invalidCar(this.#input.name, why, cause)
  }
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && Buffer.compare(bytes.subarray(0, prefix.length), prefix) === 0
}

export function invalidCar(name: string, why: string, cause?: unknown): DockerIpfsError {
  return new DockerIpfsError('ARCHIVE_INVALID', `${name} is no CAR file, or damaged: ${why}`, {
    cause,
    hint: 'CAR files are made with "docker ipfs save -o"; archives of "docker save" are for "docker load".',
  })
}
