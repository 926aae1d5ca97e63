import { Readable, type Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { DockerIpfsError, messageOf } from '../errors.ts'
import { type Bytes, continued } from '../streams.ts'
import type { DocumentSource } from './documents.ts'
import { BLOCK, checksumOf } from './tar/fields.ts'
import { unpackFrames } from './zstd-frames.ts'

/** How bytes are packed. */
export type Packing = 'plain' | 'gzip' | 'zstd'

/** So many first bytes tell how bytes are packed. */
export const HEAD_BYTES = BLOCK

/**
 * How bytes are packed, told from the first `HEAD_BYTES` of them, or from all where there are fewer. Magic numbers: RFC 1952;
 * RFC 8878, of frames and of skippable ones. A tar may begin with them too, where its first entry has such a name.
 */
export function packingOf(head: Uint8Array): Packing {
  const packing = magicOf(head)
  return packing !== 'plain' && isTarHeader(head) ? 'plain' : packing
}

function magicOf([a = 0, b, c, d]: Uint8Array): Packing {
  if (a === 0x1f && b === 0x8b) return 'gzip'
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd'
  return (a & 0xf0) === 0x50 && b === 0x2a && c === 0x4d && d === 0x18 ? 'zstd' : 'plain'
}

/** Whether bytes begin with the checksum of a tar header: the sum of its bytes, the field itself taken as spaces. */
function isTarHeader(head: Uint8Array): boolean {
  if (head.length < HEAD_BYTES) return false
  const header = Buffer.from(head.subarray(0, HEAD_BYTES))
  const [, octal = ''] = /^[ \0]*([0-7]+)[ \0]*$/.exec(header.toString('latin1', 148, 156)) ?? []
  const unsigned = checksumOf(header)
  // Some old writers summed signed bytes. In the field itself are digits.
  const signed = unsigned - 256 * header.filter((byte) => byte > 127).length
  return [unsigned, signed].includes(Number.parseInt(octal, 8))
}

/** Bytes of the pieces that come out, at most. The 16 KiB that are usual cost 0.3 CPU seconds more for each 382 MB (measured). */
const chunkSize = 256 * 1024

/**
 * The bytes without their packing.
 * @throws the code of `of` when they cannot be unpacked; errors of `source` pass through
 */
export async function* unpack(
  source: Bytes,
  packing: Packing,
  of: DocumentSource = { what: `a ${packing} layer`, code: 'ARCHIVE_INVALID' },
): Bytes {
  if (packing === 'plain') {
    yield* source
    return
  }
  let sourceFailure: { readonly error: unknown } | undefined
  async function* watched(): Bytes {
    try {
      yield* source
    } catch (error) {
      sourceFailure = { error }
      throw error
    }
  }
  try {
    if (packing === 'gzip') yield* throughDecoder(watched(), createGunzip({ chunkSize }))
    else yield* unpackFrames(watched(), (rest) => throughDecoder(rest, createZstdDecompress({ chunkSize })))
  } catch (cause) {
    if (sourceFailure !== undefined) throw sourceFailure.error
    throw new DockerIpfsError(of.code, `${of.what} cannot be unpacked (${messageOf(cause)})`, { cause })
  }
}

async function* throughDecoder(source: Bytes, decoder: Transform): Bytes {
  const input = Readable.from(source, { objectMode: false })
  input.on('error', (error) => decoder.destroy(error))
  input.pipe(decoder)
  try {
    yield* decoder as AsyncIterable<Uint8Array>
  } finally {
    input.destroy()
    decoder.destroy()
  }
}

/** Reads the first bytes of a stream (fewer if it ends) and gives them with the whole stream. */
export async function peek(source: Bytes, length: number): Promise<{ head: Uint8Array; all: Bytes }> {
  const iterator = source[Symbol.asyncIterator]()
  let head: Uint8Array = new Uint8Array(0)
  let ended = false
  while (head.length < length && !ended) {
    const next = await iterator.next()
    if (next.done) ended = true
    else head = head.length === 0 ? next.value : Buffer.concat([head, next.value])
  }
  return { head: head.subarray(0, length), all: continued(head.length > 0 ? [head] : [], iterator) }
}
