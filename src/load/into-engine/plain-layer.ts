import { crc32 } from 'node:zlib'
import { peek, unpack } from '../../image/decompress.ts'
import { ofSize } from '../../image/verified.ts'
import type { ImageLayer } from '../../read/layers.ts'
import type { LayerReader } from '../../read/read-ahead.ts'
import type { Bytes } from '../../streams.ts'

/** A layer as a file that an engine reads, and its bytes. */
export interface LayerFile {
  readonly size: number
  readonly body: Bytes
}

/** The engine holds each tar against its diffID itself: only that it is as long as its header says is left to see to. */
export function tarOfLayer(layer: ImageLayer, reader: LayerReader): Bytes {
  const tar = unpack(reader.blob(layer), 'zstd', { what: `layer ${layer.digest}`, code: 'INTEGRITY' })
  return ofSize(tar, { size: layer.tarSize, what: `the tar of layer ${layer.digest}` })
}

/**
 * The tar as it is; or in a gzip that does not compress, where its first file has a name that an engine takes for the beginning of
 * something packed. `size`: bytes of the tar.
 */
export async function plainFile(tar: Bytes, size: number): Promise<LayerFile> {
  const { head, all } = await peek(tar, MAGIC_BYTES)
  return looksPacked(head) ? { size: storedSize(size), body: stored(all) } : { size, body: all }
}

/** What moby takes for bzip2, gzip, xz and zstd (go-archive `compression`); a skippable frame of zstd has sixteen. */
const MAGIC = ['BZh', '\x1f\x8b\x08', '\xfd7zXZ\0', '(\xb5/\xfd']
const SKIPPABLE = '*M\x18'
const MAGIC_BYTES = 6

function looksPacked(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes).toString('latin1')
  return MAGIC.some((magic) => head.startsWith(magic)) || (/^[P-_]/.test(head) && head.startsWith(SKIPPABLE, 1))
}

/** Bytes of a stored block, at most (RFC 1951), and of what is in front of one. */
const BLOCK = 65_535
const BLOCK_HEADER = 5
/** Of gzip (RFC 1952): deflate, no name, no time, an unknown system; behind the blocks a CRC-32 and the size. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
const TRAILER = 8

/** An empty block is the last one: so no block need be held back. */
function storedSize(size: number): number {
  return HEADER.length + size + (Math.ceil(size / BLOCK) + 1) * BLOCK_HEADER + TRAILER
}

async function* stored(source: Bytes): Bytes {
  yield HEADER
  let [sum, size, held] = [0, 0, Buffer.alloc(0)]
  for await (const bytes of source) {
    sum = crc32(bytes, sum)
    size += bytes.length
    held = Buffer.concat([held, bytes])
    for (; held.length >= BLOCK; held = held.subarray(BLOCK)) yield* block(held.subarray(0, BLOCK))
  }
  if (held.length > 0) yield* block(held)
  yield* block(Buffer.alloc(0), true)
  const trailer = Buffer.alloc(TRAILER)
  trailer.writeUInt32LE(sum)
  trailer.writeUInt32LE(size % 2 ** 32, 4)
  yield trailer
}

function* block(bytes: Uint8Array, isLast = false): Generator<Uint8Array> {
  const header = Buffer.alloc(BLOCK_HEADER)
  header[0] = isLast ? 1 : 0
  header.writeUInt16LE(bytes.length, 1)
  header.writeUInt16LE(BLOCK - bytes.length, 3)
  yield header
  yield bytes
}
