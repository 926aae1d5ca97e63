import { type CutParameters, FORMAT } from './numbers.ts'
import { BLOCK, decimal, paddingOf, paxValue, type RawHeader, readHeader, sparseGoesOn } from './tar-header.ts'

/*
 * FROZEN: where chunks end decides CIDs (numbers.ts says what that means). docs/format.md, "Chunks", has the same rules in words and
 * as a short program over a whole layer; here they run over a stream, so that what is under way is kept in a mode.
 */

/** What the next bytes are: header blocks, data of an extended header, a file's data, or anything at all. */
type Mode = 'header' | 'extended-data' | 'sparse' | 'small' | 'large-head' | 'large' | 'opaque'

/**
 * Cuts a layer tar into chunks at places that follow its entries (docs/format.md, "Chunks"). Feed it the bytes in pieces of
 * any size: the chunks depend on the bytes alone, and put together they are the bytes again, whatever they are.
 */
export class Chunker {
  readonly #cut: CutParameters
  readonly #chunks: Uint8Array[] = []
  /** Bytes of the chunk being collected. */
  #parts: Uint8Array[] = []
  #size = 0
  /** Headers of the entry being read; they join a chunk once the entry is known. */
  readonly #pending = new Pending()
  #mode: Mode = 'header'
  /** Bytes that are left of the present mode. Header and sparse: always BLOCK. */
  #left: number = BLOCK
  #header: RawHeader | undefined
  /** From extended headers in front of the entry. */
  #longName: Uint8Array | undefined
  #longSize: number | undefined
  /** The newest modification time so far. */
  #newest = 0
  /** Whether the chunk being collected holds a fresh entry. */
  #isFresh = false
  /** Bytes of a large file behind its head. */
  #behindHead = 0
  #started = false

  constructor(cut: CutParameters = FORMAT) {
    this.#cut = cut
  }

  /** Takes the next bytes and gives the chunks that are complete by now. */
  write(bytes: Uint8Array): Uint8Array[] {
    let rest = bytes
    while (rest.length > 0) {
      const taken = Math.min(this.#left, rest.length)
      this.#take(rest.subarray(0, taken))
      rest = rest.subarray(taken)
    }
    return this.#chunks.splice(0)
  }

  /** Gives the last chunks. A layer without any byte is one empty chunk. */
  end(): Uint8Array[] {
    this.#append(this.#pending.take())
    if (this.#size > 0 || !this.#started) this.#endChunk()
    return this.#chunks.splice(0)
  }

  #take(bytes: Uint8Array): void {
    this.#left -= bytes.length
    if (this.#mode === 'header' || this.#mode === 'extended-data' || this.#mode === 'sparse') {
      this.#pending.add(bytes)
    } else {
      this.#append(bytes)
    }
    if (this.#left > 0) return
    if (this.#mode.startsWith('large') && this.#size > 0) this.#endChunk()
    if (this.#mode === 'large-head' && this.#behindHead > 0) this.#expect('large', this.#behindHead)
    else if (this.#mode === 'header') this.#headerRead()
    else if (this.#mode === 'extended-data') this.#extendedRead()
    else if (this.#mode === 'sparse') this.#sparseRead()
    else this.#expect('header', BLOCK)
  }

  #expect(mode: Mode, bytes: number): void {
    this.#mode = mode
    this.#left = bytes
  }

  #headerRead(): void {
    const block = this.#pending.last(BLOCK)
    if (this.#pending.size === BLOCK && block.every((byte) => byte === 0)) {
      this.#append(this.#pending.take())
      this.#expect('header', BLOCK)
      return
    }
    const header = readHeader(block)
    this.#header = header
    if (header === undefined) this.#giveUp()
    else if ('xgLK'.includes(header.type)) this.#expectExtended(header.size + paddingOf(header.size))
    else if (header.extended) this.#expect('sparse', BLOCK)
    else this.#entryRead()
  }

  #expectExtended(bytes: number): void {
    if (this.#pending.size + bytes > this.#cut.extendedMax) this.#giveUp()
    else if (bytes > 0) this.#expect('extended-data', bytes)
    else this.#expect('header', BLOCK)
  }

  #sparseRead(): void {
    if (this.#pending.size > this.#cut.extendedMax) this.#giveUp()
    else if (sparseGoesOn(this.#pending.last(BLOCK))) this.#expect('sparse', BLOCK)
    else this.#entryRead()
  }

  #extendedRead(): void {
    const { type, size } = this.#header as RawHeader
    const data = this.#pending.last(size + paddingOf(size)).subarray(0, size)
    if (type === 'L') {
      const end = data.indexOf(0)
      this.#longName = end < 0 ? data : data.subarray(0, end)
    } else if (type === 'x') {
      this.#longName = paxValue(data, 'path') ?? this.#longName
      const text = paxValue(data, 'size')
      if (text !== undefined) this.#longSize = decimal(text)
    }
    this.#expect('header', BLOCK)
  }

  /** All headers of an entry are known: decide where it goes. */
  #entryRead(): void {
    const header = this.#header as RawHeader
    const size = header.headerOnly ? 0 : (this.#longSize ?? header.size)
    if (!Number.isSafeInteger(size) || size < 0) {
      this.#giveUp()
      return
    }
    this.#newest = Math.max(this.#newest, header.mtime)
    const isFresh = header.mtime >= this.#newest - this.#cut.freshSeconds
    const isLarge = size >= (isFresh ? this.#cut.largeFreshFile : this.#cut.largeFile)
    const bytes = size + paddingOf(size)
    const head = isLarge ? Math.min(bytes, this.#cut.fileHead) : bytes
    if (this.#endsBefore(this.#longName ?? header.name, this.#pending.size + head, isFresh)) this.#endChunk()
    this.#isFresh ||= isFresh
    this.#append(this.#pending.take())
    this.#longName = undefined
    this.#longSize = undefined
    this.#behindHead = bytes - head
    if (isLarge) this.#expect('large-head', head)
    else if (bytes > 0) this.#expect('small', bytes)
    else this.#expect('header', BLOCK)
  }

  #endsBefore(name: Uint8Array, bytes: number, isFresh: boolean): boolean {
    if (this.#size === 0) return false
    if (this.#size + bytes > this.#cut.groupMax) return true
    if (this.#size >= this.#cut.groupSwitch && isFresh !== this.#isFresh) return true
    return this.#size >= this.#cut.groupMin && (nameHash(name) & this.#cut.nameMask) === 0
  }

  /** From here on it is no tar that can be followed. */
  #giveUp(): void {
    if (this.#size > 0) this.#endChunk()
    this.#expect('opaque', Number.MAX_SAFE_INTEGER)
    this.#append(this.#pending.take())
  }

  #append(bytes: Uint8Array): void {
    const limit = this.#mode === 'large' || this.#mode === 'opaque' ? this.#cut.pieceSize : this.#cut.groupMax
    let rest = bytes
    while (rest.length > 0) {
      const part = rest.subarray(0, limit - this.#size)
      this.#parts.push(part)
      this.#size += part.length
      rest = rest.subarray(part.length)
      if (this.#size === limit) this.#endChunk()
    }
  }

  #endChunk(): void {
    this.#started = true
    this.#chunks.push(
      this.#parts.length === 1 ? (this.#parts[0] as Uint8Array) : Buffer.concat(this.#parts, this.#size),
    )
    this.#parts = []
    this.#size = 0
    this.#isFresh = false
  }
}

/** Headers that wait for their entry. Small pieces are kept as they came and joined when asked for. */
class Pending {
  #bytes: Uint8Array[] = []
  size = 0

  add(bytes: Uint8Array): void {
    this.#bytes.push(bytes)
    this.size += bytes.length
  }

  /** The last `length` bytes in one piece. A header often came as one: a thousand of them are not joined for each. */
  last(length: number): Uint8Array {
    const newest = this.#bytes.at(-1)
    if (newest !== undefined && newest.length >= length) return newest.subarray(newest.length - length)
    return this.#join().subarray(this.size - length)
  }

  /** Everything, and forgets it. */
  take(): Uint8Array {
    const all = this.#join()
    this.#bytes = []
    this.size = 0
    return all
  }

  #join(): Uint8Array {
    const all = this.#bytes.length === 1 ? (this.#bytes[0] as Uint8Array) : Buffer.concat(this.#bytes, this.size)
    this.#bytes = [all]
    return all
  }
}

/** The top byte of FNV-1a (32 bits) over the bytes of a name; its low bits would only see the low bits of each byte. */
function nameHash(name: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of name) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 24
}
