import { describe, expect, test } from 'bun:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { writeLayer } from '../../../../src/format/layer.ts'
import { writeBlob } from '../../../../src/registry/write/receive.ts'
import { bulk, digest, GOLDEN, noise } from '../../../support/images.ts'
import { stream } from '../../../support/memory/door.ts'
import { MemorySink } from '../../../support/memory-sink.ts'
import { randomEntries, tarOf } from '../../../support/tar.ts'

/** More runs where somebody has the time: PROPERTY_RUNS=10000. */
const { signal } = new AbortController()
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 60)

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size))
  return pieces
}

async function written(bytes: Uint8Array, pieceSize = 64 * 1024) {
  const sink = new MemorySink()
  const blob = await writeBlob(stream(cut(bytes, pieceSize)), sink, signal)
  return { ...blob, sink, back: sink.read(blob.file.cid) }
}

const bytesOf = ({ blocks }: MemorySink) => [...blocks.values()].reduce((sum, { length }) => sum + length, 0)

/** The blob that docker-ipfs makes of a tar. */
async function ours(tar: Uint8Array) {
  const sink = new MemorySink()
  const layer = await writeLayer(stream([tar]), sink)
  return { layer, blob: Buffer.from(sink.read(layer.blob.cid)) }
}

const [base = Buffer.alloc(0)] = GOLDEN.large().layers

describe('a blob that comes', () => {
  test('is kept byte for byte, whatever it is, and however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 5000 }),
          randomEntries().map((entries) => tarOf(entries)),
          randomEntries().map((entries) => gzipSync(tarOf(entries))),
          randomEntries().map((entries) => zstdCompressSync(tarOf(entries))),
          // Broken in the middle.
          randomEntries().map((entries) => gzipSync(tarOf(entries)).subarray(0, 300)),
          fc.uint8Array({ maxLength: 3000 }).map((rest) => Buffer.concat([Buffer.of(0x1f, 0x8b, 8), rest])),
          fc.uint8Array({ maxLength: 3000 }).map((rest) => Buffer.concat([Buffer.of(0x28, 0xb5, 0x2f, 0xfd), rest])),
        ),
        fc.integer({ min: 1, max: 4000 }),
        async (bytes, pieceSize) => {
          const { back, file } = await written(bytes, pieceSize)
          expect(digest(back)).toBe(digest(bytes))
          expect(file.fileSize).toBe(bytes.length)
        },
      ),
      { numRuns: RUNS },
    )
  })

  test.each([
    ['a tar', base],
    ['gzip', gzipSync(base)],
    ['zstd of another', zstdCompressSync(base)],
  ])('becomes the layer that a save makes too: %s', async (_, blob) => {
    const { layer } = await ours(base)
    expect((await written(blob)).layer).toEqual(layer)
  })

  test.each([
    ['JSON', Buffer.from('{"a":1}')],
    ['nothing', Buffer.alloc(0)],
    ['gzip of what is no tar', gzipSync(noise(100_000, 'x'))],
    ['gzip that is cut', gzipSync(base).subarray(0, 2_000_000)],
    ['gzip with a wrong byte', Buffer.from(gzipSync(base)).fill(0x55, 1_000_000, 1_000_100)],
    ['what begins as zstd', Buffer.concat([Buffer.of(0x28, 0xb5, 0x2f, 0xfd), noise(100_000, 'z')])],
    ['noise', noise(3_000_000, 'noise')],
  ])('becomes no layer where it is none, and is kept: %s', async (_, blob) => {
    const { layer, back } = await written(blob)
    expect(layer).toBeUndefined()
    expect(digest(back)).toBe(digest(blob))
  })

  test('is stored once where docker-ipfs packed it', async () => {
    const { layer, blob } = await ours(base)
    for (const pieceSize of [1000, 64 * 1024, blob.length]) {
      const { file, sink, layer: made } = await written(blob, pieceSize)
      expect(made).toEqual(layer)
      expect(file).toEqual(layer.blob)
      expect(bytesOf(sink)).toBeLessThan(blob.length * 1.01)
    }
  })

  test('shares the leaves up to the first that differs', async () => {
    const { blob } = await ours(base)
    const { blob: other } = await ours(tarOf([{ path: 'x', body: noise(50_000, 'x') }]))
    // A frame that is put in at another level: the same tar, other bytes from there.
    const mixed = Buffer.concat([blob, zstdCompressSync(Buffer.alloc(2_000_000))])
    const { back, layer } = await written(mixed)
    expect(digest(back)).toBe(digest(mixed))
    expect(layer?.blobDigest).not.toBe(digest(mixed))
    const two = Buffer.concat([blob, other])
    expect(digest((await written(two)).back)).toBe(digest(two))
  })

  test('fails with its stream, and with the place that takes it', async () => {
    const packed = gzipSync(bulk(8_000_000, 'b'))
    async function* broken() {
      yield packed.subarray(0, 3_000_000)
      throw new Error('the client has gone')
    }
    await expect(writeBlob(broken(), new MemorySink(), signal)).rejects.toThrow('the client has gone')
    let left = 3
    const full = {
      put: async () => {
        left -= 1
        if (left === 0) throw new Error('no space left')
      },
    }
    const tar = gzipSync(tarOf([{ path: 'a', body: bulk(8_000_000, 'b') }]))
    await expect(writeBlob(stream(cut(tar, 64 * 1024)), full, signal)).rejects.toThrow('no space left')
  })
})
