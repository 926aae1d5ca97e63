import { describe, expect, test } from 'bun:test'
import { zstdDecompressSync } from 'node:zlib'
import { FORMAT } from '../../../src/format/numbers.ts'
import { compressFrame } from '../../../src/format/zstd.ts'
import { bulk, digest } from '../../support/images.ts'

describe('a frame', () => {
  test('of no bytes is nine bytes', async () => {
    expect(Buffer.from(await compressFrame(new Uint8Array(0))).toString('hex')).toBe('28b52ffd2000010000')
  })

  test.each([1, 255, 256, 65_792, FORMAT.groupMax])('of %d bytes says so, and has no checksum', async (size) => {
    const chunk = bulk(size, 'chunk')
    const frame = Buffer.from(await compressFrame(chunk))
    const descriptor = frame[4] as number
    // RFC 8878, 3.1.1.1.1: bit 2 is the checksum, bits 0 and 1 are the dictionary.
    expect([frame.readUInt32LE(0), descriptor & 0b111]).toEqual([0xfd2fb528, 0])
    const isSingle = (descriptor & 0x20) !== 0
    const at = isSingle ? 5 : 6
    const contents = [() => frame[at], () => frame.readUInt16LE(at) + 256, () => frame.readUInt32LE(at)]
    expect(contents[descriptor >> 6]?.()).toBe(size)
    expect(zstdDecompressSync(frame).equals(chunk)).toBe(true)
  })

  test('that does not compress is little larger than its chunk', async () => {
    // What docs/format.md calls the largest block of a layer.
    expect((await compressFrame(bulk(FORMAT.groupMax, 'largest'))).length).toBe(1_048_610)
  })

  test('has the same bytes, however many are made at once', async () => {
    const chunk = Buffer.from('some text that comes again, some text that comes again. '.repeat(5000))
    const frames = await Promise.all(Array.from({ length: 20 }, () => compressFrame(chunk)))
    expect(new Set(frames.map(digest)).size).toBe(1)
  })

  test('of another level has other bytes', async () => {
    const chunk = Buffer.from('some text that comes again, some text that comes again. '.repeat(5000))
    expect(digest(await compressFrame(chunk, 19))).not.toBe(digest(await compressFrame(chunk)))
  })
})
