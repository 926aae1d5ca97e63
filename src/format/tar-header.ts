/**
 * Reads and writes single tar headers. FROZEN (see numbers.ts): what counts as a header decides where chunks end, and image.tar
 * has the headers that are written here. Layouts: POSIX.1-2024 pax (ustar interchange format) and the GNU tar manual,
 * "Basic Tar Format".
 */

export const BLOCK = 512

/** What the walk through a layer needs of a header block. */
export interface RawHeader {
  /** Name field, with the ustar prefix if there is one, as raw bytes. */
  readonly name: Uint8Array
  readonly type: string
  /** Bytes of data behind the header, without padding. */
  readonly size: number
  /** Modification time, seconds since 1970; 0 when it cannot be read. A pax record with a finer time is not looked at. */
  readonly mtime: number
  /** True for types that have no data, whatever a size field or pax record says. */
  readonly headerOnly: boolean
  /** True when an old GNU sparse header goes on in further blocks. */
  readonly extended: boolean
}

/** Types whose size field does not announce data: links, devices, directories, FIFOs (as Go's archive/tar reads them). */
const HEADER_ONLY = new Set(['1', '2', '3', '4', '5', '6'])

/** Reads a header block; undefined when it is none (bad checksum, unreadable size). */
export function readHeader(block: Uint8Array): RawHeader | undefined {
  if (!checksumMatches(block)) return undefined
  const size = readNumber(block, 124, 12)
  if (size === undefined) return undefined
  const typeByte = block[156] as number
  const type = typeByte === 0 ? '0' : String.fromCharCode(typeByte)
  const isUstar = hasText(block, 257, 'ustar\0')
  const isGnu = hasText(block, 257, 'ustar ')
  const prefix = isUstar ? field(block, 345, 155) : new Uint8Array(0)
  const base = field(block, 0, 100)
  return {
    name: prefix.length > 0 ? Buffer.concat([prefix, SLASH, base]) : base,
    type,
    size: HEADER_ONLY.has(type) ? 0 : size,
    headerOnly: HEADER_ONLY.has(type),
    mtime: readNumber(block, 136, 12) ?? 0,
    extended: isGnu && type === 'S' && block[482] !== 0,
  }
}

/** True when an old GNU sparse extension block is followed by another. */
export function sparseGoesOn(block: Uint8Array): boolean {
  return block[504] !== 0
}

/** Bytes of padding behind `size` bytes of data. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}

/**
 * One value of a pax extended header ("<length> <key>=<value>\n" records), as raw bytes; undefined when it is
 * not there or the records cannot be read.
 */
export function paxValue(data: Uint8Array, key: string): Uint8Array | undefined {
  let found: Uint8Array | undefined
  let at = 0
  while (at < data.length && data[at] !== 0) {
    const space = data.indexOf(0x20, at)
    if (space < 0 || space - at > 20) return undefined
    const length = decimal(data.subarray(at, space))
    if (Number.isNaN(length) || length < space - at + 3 || at + length > data.length) return undefined
    const record = data.subarray(space + 1, at + length - 1)
    const equals = record.indexOf(0x3d)
    if (equals < 0) return undefined
    if (Buffer.from(record.subarray(0, equals)).toString('latin1') === key) found = record.subarray(equals + 1)
    at += length
  }
  return found
}

/** A decimal number of ASCII digits; NaN for anything else. */
export function decimal(text: Uint8Array): number {
  const digits = Buffer.from(text).toString('latin1')
  return /^[0-9]+$/.test(digits) ? Number(digits) : Number.NaN
}

/**
 * The header of one regular file in image.tar and in what is sent to the engine: ustar, mode 0644, owner 0, time 0.
 * A size of 8 GiB and more is written as a pax record in front, as POSIX says.
 */
export function fileHeader(name: string, size: number): Uint8Array {
  if (size < 8 * 1024 ** 3) return ustar(name, size, '0')
  const record = paxRecord('size', String(size))
  const padding = new Uint8Array(paddingOf(record.length))
  return Buffer.concat([ustar(name, record.length, 'x'), record, padding, ustar(name, 0, '0')])
}

/** Two zero blocks, the end of a tar archive. */
export const END_OF_ARCHIVE: Uint8Array = new Uint8Array(2 * BLOCK)

const SLASH = Buffer.from('/')

function ustar(name: string, size: number, type: string): Uint8Array {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`name too long for a tar header: ${name}`)
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0)
  block.write('0000644\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write('        ', 148)
  block.write(type, 156)
  block.write('ustar\x0000', 257)
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function paxRecord(key: string, value: string): Uint8Array {
  const rest = ` ${key}=${value}\n`
  let length = rest.length
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length
  return Buffer.from(`${length}${rest}`)
}

/** The sum over all bytes with the checksum field as spaces; some old writers summed signed bytes. */
function checksumMatches(block: Uint8Array): boolean {
  const stored = readNumber(block, 148, 8)
  if (stored === undefined) return false
  let unsigned = 8 * 0x20
  let signed = unsigned
  for (let i = 0; i < BLOCK; i += 1) {
    if (i === 148) i = 156
    const byte = block[i] as number
    unsigned += byte
    signed += byte > 127 ? byte - 256 : byte
  }
  return stored === unsigned || stored === signed
}

/** Octal text, or base-256 when the first bit is set; undefined for anything else, negative or over 2^53. */
function readNumber(block: Uint8Array, at: number, length: number): number | undefined {
  const first = block[at] as number
  if (first === 0x80) {
    let value = 0
    for (let i = at + 1; i < at + length; i += 1) value = value * 256 + (block[i] as number)
    return Number.isSafeInteger(value) ? value : undefined
  }
  if (first > 0x80) return undefined
  const text = Buffer.from(block.subarray(at, at + length))
    .toString('latin1')
    .replace(/^[ \0]+|[ \0]+$/g, '')
  if (text === '') return 0
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined
}

function field(block: Uint8Array, at: number, length: number): Uint8Array {
  const end = block.indexOf(0, at)
  return block.subarray(at, end < 0 || end > at + length ? at + length : end)
}

function hasText(block: Uint8Array, at: number, text: string): boolean {
  return Buffer.from(block.subarray(at, at + text.length)).toString('latin1') === text
}
