import { Readable, type Transform } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import { DockerIpfsError, messageOf } from '../errors.ts'
import { type Bytes, continued } from '../streams.ts'
import type { DocumentSource } from './documents.ts'
import { unpackMembers } from './packing/gzip-members.ts'
import { type Program, throughProgram } from './packing/programs.ts'
import { unpackFrames } from './packing/zstd-frames.ts'
import { BLOCK, hasChecksum, isZero } from './tar/fields.ts'

/** How bytes are packed. */
export type Packing = 'plain' | 'gzip' | 'zstd' | Program

/** So many first bytes tell how bytes are packed. */
export const HEAD_BYTES = BLOCK

/**
 * How bytes are packed, told from the first `HEAD_BYTES` of them, or from all where there are fewer. Magic numbers: RFC 1952;
 * RFC 8878, of frames and of skippable ones; of xz and bzip2 those by which docker knows them. A tar may begin with them too, where
 * its first entry has such a name.
 */
export function packingOf(head: Uint8Array): Packing {
  const packing = magicOf(head)
  return packing !== 'plain' && isTarHeader(head) ? 'plain' : packing
}

function magicOf(head: Uint8Array): Packing {
  const [a = 0, b, c, d] = head
  if (a === 0x1f && b === 0x8b) return 'gzip'
  const text = Buffer.from(head.subarray(0, 6)).toString('latin1')
  if (text === '\xfd7zXZ\0') return 'xz'
  if (text.startsWith('BZh')) return 'bzip2'
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd'
  return (a & 0xf0) === 0x50 && b === 0x2a && c === 0x4d && d === 0x18 ? 'zstd' : 'plain'
}

/** Whether a tar begins so; an empty one has zeros there. */
export function isTar(head: Uint8Array): boolean {
  return isTarHeader(head) || (head.length === HEAD_BYTES && isZero(head))
}

function isTarHeader(head: Uint8Array): boolean {
  return head.length >= HEAD_BYTES && hasChecksum(head.subarray(0, HEAD_BYTES))
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
    if (packing === 'gzip') yield* unpackMembers(watched(), chunkSize)
    else if (packing === 'zstd')
      yield* unpackFrames(watched(), (rest) => throughDecoder(rest, createZstdDecompress({ chunkSize })))
    else yield* throughProgram(packing, watched(), of.code)
  } catch (cause) {
    if (sourceFailure !== undefined) throw sourceFailure.error
    if (cause instanceof DockerIpfsError) throw cause
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
