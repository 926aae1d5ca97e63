import { hasCode } from '../../errors.ts'
import type { Bytes } from '../../streams.ts'
import { formatAgainst } from '../../units.ts'
import { BlockStream } from './block-stream.ts'
import { BLOCK, checksumOf, hasChecksum, isZero, octal, padded, paxRecords, readNumber, writeNumber } from './fields.ts'
import { type SparseMap, sparseOfHeader, sparseOfPax } from './sparse.ts'

/** Bytes of an extended header that are looked into; longer ones are passed on as they are. */
const MAX_PAX = 1024 * 1024
/** Bytes of a sparse file with its holes. */
const MAX_SPARSE = 2 ** 40
const HOLE = new Uint8Array(64 * 1024)

/**
 * The same tar with sparse members written out, holes and all, and without what stands behind its end: as readers of docker's see it, and
 * any reader of plain tars can take it. Members are sparse in the form of old GNU tar, or in one of the three pax forms
 * (https://www.gnu.org/software/tar/manual/html_node/Sparse-Formats.html). Where no header can be read, all is passed on as it is.
 */
export async function* plainTar(source: Bytes): Bytes {
  const input = new BlockStream(source)
  try {
    yield* members(input)
  } finally {
    await input.close()
  }
}

async function* members(input: BlockStream): Bytes {
  let extended: Extended = { records: [], bytes: [] }
  for (let zeros = 0; ; ) {
    const header = tidied(await input.take(BLOCK))
    checkSize(header)
    if (header.length < BLOCK || (!isZero(header) && !isHeader(header))) {
      yield* extended.bytes
      yield header
      yield* input.rest()
      return
    }
    if (isZero(header)) {
      yield header
      zeros += 1
      if (zeros < 2) continue
      await drain(input)
      return
    }
    zeros = 0
    const type = String.fromCharCode(header[156] ?? 0)
    const size = readNumber(header, 124, 12)
    if (type === 'x' && size <= MAX_PAX) {
      const body = await input.take(padded(size))
      extended = { records: paxRecords(body.subarray(0, size)), bytes: [header, body] }
      continue
    }
    const own = 'gLKx'.includes(type) ? undefined : sizeOf(type, size, extended)
    if (own === undefined || !Number.isSafeInteger(own)) {
      yield header
      yield* input.pass(padded(size))
      continue
    }
    yield* member(header, own, extended, input)
    extended = { records: [], bytes: [] }
  }
}

/** An extended header, and its bytes as they are. */
interface Extended {
  readonly records: readonly (readonly [key: string, value: string])[]
  readonly bytes: readonly Uint8Array[]
}

function lastValue({ records }: Extended, key: string): string | undefined {
  return records.findLast(([name]) => name === key)?.[1]
}

async function* member(header: Uint8Array, size: number, extended: Extended, input: BlockStream): Bytes {
  const sparse =
    header[156] === 0x53
      ? await sparseOfHeader(header, size, input)
      : await sparseOfPax(new Map(extended.records), extended.records, size, input)
  if (sparse === undefined) {
    yield* extended.bytes
    yield header
    yield* wholeOf(size, input)
    return
  }
  if (sparse.size > MAX_SPARSE) {
    const [size, most] = formatAgainst(sparse.size, MAX_SPARSE)
    throw new Error(`a sparse file of ${size}, and those of at most ${most} are read`)
  }
  yield* extendedOf(extended, sparse)
  yield headerOf(header, sparse.size)
  yield* contentsOf(sparse, input)
  yield new Uint8Array(padded(sparse.size) - sparse.size)
}

/** The contents of a member, padded: of the last one the padding may be missing. */
async function* wholeOf(size: number, input: BlockStream): Bytes {
  let left = size
  for await (const part of input.pass(size)) {
    left -= part.length
    yield part
  }
  if (left > 0) return
  const padding = padded(size) - size
  await input.take(padding)
  yield new Uint8Array(padding)
}

/** Holes are zeros; then the data's own padding is left out. */
async function* contentsOf({ parts, size, stored }: SparseMap, input: BlockStream): Bytes {
  let [at, read] = [0, 0]
  for (const { offset, length } of parts) {
    if (offset < at || offset + length > size || read + length > stored) throw new Error('a sparse map is not in order')
    yield* zerosOf(offset - at)
    yield* input.pass(length)
    at = offset + length
    read += length
  }
  yield* zerosOf(size - at)
  for await (const _ of input.pass(padded(stored) - read));
}

function* zerosOf(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= HOLE.length) yield HOLE.subarray(0, Math.min(left, HOLE.length))
}

/** What else the extended header says, with the name and size that the file has without its holes being told. */
function extendedOf(extended: Extended, { name, size }: SparseMap): Uint8Array[] {
  const [header] = extended.bytes
  if (header === undefined) return []
  const others = extended.records.filter(([key]) => !key.startsWith('GNU.sparse.') && key !== 'size')
  const named = name === undefined ? others : [...others.filter(([key]) => key !== 'path'), ['path', name] as const]
  const body = Buffer.concat([...named, ['size', String(size)] as const].map(([key, value]) => record(key, value)))
  return [headerOf(header, body.length), body, new Uint8Array(padded(body.length) - body.length)]
}

/** `<length> key=value\n`, where the length counts itself (POSIX pax). */
function record(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`)
  let length = rest.length
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

/** A header with another size, of a plain file unless it is an extended header. */
function headerOf(header: Uint8Array, size: number): Uint8Array {
  const copy = Buffer.from(header)
  if (copy[156] === 0x53) {
    copy[156] = 0x30
    // Where old GNU tar has its map; elsewhere a part of the name may stand.
    copy.fill(0, 345)
  }
  writeNumber(copy, 124, 12, size)
  return summed(copy)
}

function summed(header: Buffer): Buffer {
  header.write(`${octal(checksumOf(header), 6)}\0 `, 148, 'latin1')
  return header
}

function isHeader(header: Uint8Array): boolean {
  return Number.isSafeInteger(readNumber(header, 124, 12)) && hasChecksum(header)
}

/** tar-stream would wait for ever for the contents of a file whose size is none. */
function checkSize(header: Uint8Array): void {
  if (header.length < BLOCK || Number.isSafeInteger(readNumber(header, 124, 12)) || !hasChecksum(header)) return
  throw new Error('a header has no size')
}

/** Links, devices and folders have no contents, whatever their headers say of it. */
const WITHOUT_CONTENTS = '123456'

function sizeOf(type: string, size: number, extended: Extended): number {
  return WITHOUT_CONTENTS.includes(type) ? 0 : Number(lastValue(extended, 'size') ?? size)
}

/** A header as readers of plain tars take it: with a sum of unsigned bytes, and a size only where there are contents. */
function tidied(header: Uint8Array): Uint8Array {
  if (header.length < BLOCK || !isHeader(header)) return header
  const isEmpty = WITHOUT_CONTENTS.includes(String.fromCharCode(header[156] ?? 0))
  const isSized = isEmpty && readNumber(header, 124, 12) !== 0
  if (!isSized && readNumber(header, 148, 8) === checksumOf(header)) return header
  const copy = Buffer.from(header)
  if (isSized) writeNumber(copy, 124, 12, 0)
  return summed(copy)
}

/**
 * An engine writes what went wrong behind the end: whoever watches the source must see it. What stands there and cannot be unpacked is
 * not docker's matter either.
 */
async function drain(input: BlockStream): Promise<void> {
  try {
    for await (const _ of input.rest());
  } catch (error) {
    if (!hasCode(error, 'ARCHIVE_INVALID')) throw error
  }
}
