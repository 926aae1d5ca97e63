import { crc32, createInflateRaw } from 'node:zlib'
import type { Bytes } from '../../streams.ts'
import { BlockStream } from '../tar/block-stream.ts'

const MAGIC = [0x1f, 0x8b] as const
const DEFLATE = 8
/** Flags of a header (RFC 1952, section 2.3.1). */
const [HAS_CHECK, HAS_EXTRA, HAS_NAME, HAS_COMMENT, UNKNOWN] = [2, 4, 8, 16, 0xe0] as const
/** Bytes of a name or a comment. */
const MAX_TEXT = 64 * 1024

/**
 * The content of gzip members, one behind the other. What follows and begins like no member is read past, as gzip and docker do;
 * node's own decoder takes zeros there alone. It cannot be asked where a member ended either, so members are taken apart here.
 * @throws what is wrong with them, in zlib's words; errors of `source`
 */
export async function* unpackMembers(source: Bytes, chunkSize: number): Bytes {
  const input = new BlockStream(source)
  try {
    for (let count = 0; await startMember(input, count === 0); count += 1) yield* content(input, chunkSize)
    for await (const _ of input.rest());
  } finally {
    await input.close()
  }
}

/** Reads a header; false where there is none. */
async function startMember(input: BlockStream, isFirst: boolean): Promise<boolean> {
  const start = await input.take(2)
  if (start[0] !== MAGIC[0] || start[1] !== MAGIC[1]) {
    if (isFirst) throw new Error('incorrect header check')
    return false
  }
  const fixed = await taken(input, 8)
  const [method, flags = 0] = fixed
  if (method !== DEFLATE) throw new Error('unknown compression method')
  if ((flags & UNKNOWN) !== 0) throw new Error('unknown header flags set')
  const all = [start, fixed]
  if ((flags & HAS_EXTRA) !== 0) {
    const length = await taken(input, 2)
    all.push(length, await taken(input, Buffer.from(length).readUInt16LE()))
  }
  if ((flags & HAS_NAME) !== 0) all.push(await textOf(input))
  if ((flags & HAS_COMMENT) !== 0) all.push(await textOf(input))
  if ((flags & HAS_CHECK) === 0) return true
  const told = Buffer.from(await taken(input, 2)).readUInt16LE()
  if (told !== (crc32(Buffer.concat(all)) & 0xffff)) throw new Error('header crc mismatch')
  return true
}

/** Bytes up to a zero, and that. */
async function textOf(input: BlockStream): Promise<Uint8Array> {
  const bytes: number[] = []
  for (let byte: number | undefined; byte !== 0; bytes.push(byte as number)) {
    byte = (await taken(input, 1))[0]
    if (bytes.length > MAX_TEXT) throw new Error('a name in its header does not end')
  }
  return Uint8Array.from(bytes)
}

async function taken(input: BlockStream, count: number): Promise<Uint8Array> {
  const bytes = await input.take(count)
  if (bytes.length < count) throw new Error('unexpected end of file')
  return bytes
}

/** The content of one member, held against its length and checksum. */
async function* content(input: BlockStream, chunkSize: number): Bytes {
  let [crc, length] = [0, 0]
  for await (const bytes of inflated(input, chunkSize)) {
    crc = crc32(bytes, crc)
    length += bytes.length
    yield bytes
  }
  const trailer = Buffer.from(await taken(input, 8))
  if (trailer.readUInt32LE() !== crc) throw new Error('incorrect data check')
  if (trailer.readUInt32LE(4) !== length % 2 ** 32) throw new Error('incorrect length check')
}

/** What is behind the end of the deflated bytes is left in the input. */
async function* inflated(input: BlockStream, chunkSize: number): Bytes {
  const decoder = createInflateRaw({ chunkSize })
  let last: Uint8Array = new Uint8Array(0)
  let given = 0
  const feed = async () => {
    // Behind the end nothing more is taken.
    while (!decoder.destroyed && decoder.bytesWritten === given) {
      const piece = await input.next()
      if (piece === undefined) {
        decoder.end()
        return
      }
      last = piece
      given += piece.length
      await new Promise<void>((taken) => decoder.write(piece, () => taken()))
    }
  }
  feed().catch((error: Error) => decoder.destroy(error))
  try {
    yield* decoder as AsyncIterable<Uint8Array>
  } finally {
    decoder.destroy()
  }
  input.unread(last.subarray(last.length - (given - decoder.bytesWritten)))
}
