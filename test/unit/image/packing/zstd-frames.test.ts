import { describe, expect, test } from 'bun:test'
import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { unpack } from '../../../../src/image/decompress.ts'
import { CUT, frameAt, unpackFrames } from '../../../../src/image/packing/zstd-frames.ts'
import type { Bytes } from '../../../../src/streams.ts'
import { bulk, noise } from '../../../support/images.ts'

async function* pieces(bytes: Uint8Array, size: number): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function all(source: Bytes): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of source) parts.push(part)
  return Buffer.concat(parts)
}

const none = (): Bytes => {
  throw new Error('others were asked')
}
const CHECKSUM = { params: { [constants.ZSTD_c_checksumFlag]: 1 } }

/** A frame whose header does not say how long its content is. */
async function unsized(bytes: Uint8Array): Promise<Buffer> {
  const encoder = createZstdCompress()
  const packed = all(encoder)
  // In two, or the encoder knows the size after all.
  encoder.write(bytes.subarray(0, 1))
  encoder.end(bytes.subarray(1))
  return packed
}

/** https://www.rfc-editor.org/rfc/rfc8878#name-skippable-frames */
const SKIPPABLE = Buffer.concat([Buffer.from('502a4d1803000000', 'hex'), Buffer.from('abc')])

/** A frame with blocks of 128 KiB, each of four bytes, that says its content is one byte. */
const bomb = (blocks: number) =>
  Buffer.concat([
    Buffer.from('28b52ffd2001', 'hex'),
    ...Array.from({ length: blocks }, (_, at) => {
      const block = Buffer.from('00000061', 'hex')
      block.writeUIntLE((128 * 1024 * 8) | 2 | (at === blocks - 1 ? 1 : 0), 0, 3)
      return block
    }),
  ])

describe('frames', () => {
  const content = fc
    .tuple(fc.nat(300_000), fc.boolean())
    .map(([size, isDull]) => (isDull ? Buffer.alloc(size, size) : noise(size, `${size}`)))

  test('are unpacked whatever is in them and wherever the stream is cut', async () => {
    const frame = fc.tuple(content, fc.constantFrom({}, CHECKSUM), fc.constantFrom(1, 6))
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { maxLength: 6 }),
        fc.integer({ min: 7, max: 400_000 }),
        async (frames, size) => {
          const packed = frames.map(([bytes, options]) => zstdCompressSync(bytes, options))
          const expected = Buffer.concat(frames.map(([bytes]) => bytes))
          const got = await all(unpackFrames(pieces(Buffer.concat(packed), size), none))
          expect(Buffer.compare(got, expected)).toBe(0)
        },
      ),
      { numRuns: 20 },
    )
  })

  test.each([0, 1, 255, 256, 65_791, 65_792, 131_072, 131_073, 4_194_304])(
    'of %d bytes are as long as libzstd makes them',
    (size) => {
      for (const bytes of [Buffer.alloc(size), bulk(size, 'frame')]) {
        const packed = zstdCompressSync(bytes, CHECKSUM)
        expect(frameAt(Buffer.concat([packed, Buffer.from('more')]))).toMatchObject({ length: packed.length })
        for (const end of [0, 3, 5, 8, packed.length - 1]) expect(frameAt(packed.subarray(0, end))).toBe(CUT)
        const { atMost } = frameAt(packed) as { atMost: number }
        expect(atMost).toBeGreaterThanOrEqual(size)
      }
    },
  )

  test('that do not say their size are left to others, with all behind them', async () => {
    const before = [noise(5000, 'a'), noise(90_000, 'b')]
    const after = [noise(1000, 'c'), noise(2000, 'd')]
    const packed = Buffer.concat([
      ...before.map((bytes) => zstdCompressSync(bytes)),
      await unsized(after[0] as Buffer),
      zstdCompressSync(after[1] as Buffer),
    ])
    for (const size of [1000, 1_000_000]) {
      expect(
        Buffer.compare(await all(unpack(pieces(packed, size), 'zstd')), Buffer.concat([...before, ...after])),
      ).toBe(0)
    }
  })

  test.each<[string, () => Buffer]>([
    ['are longer than 4 MiB', () => zstdCompressSync(bulk(4_194_305, 'long'))],
    ['are to be skipped', () => SKIPPABLE],
    ['bring more than they say', () => bomb(100)],
    ['are none', () => Buffer.from('no zstd at all')],
  ])('that %s are not unpacked in one go', (_, packed) => {
    expect(frameAt(packed())).toBeUndefined()
  })

  test.each<[string, Buffer]>([
    ['are cut', zstdCompressSync(noise(5000, 'x')).subarray(0, 4000)],
    ['end in their first bytes', Buffer.concat([zstdCompressSync(noise(5000, 'x')), Buffer.from('28b5', 'hex')])],
    [
      'have a wrong byte',
      (() => {
        const packed = zstdCompressSync(noise(5000, 'x'), CHECKSUM)
        packed[100] = (packed[100] as number) ^ 1
        return packed
      })(),
    ],
    [
      'are followed by something else',
      Buffer.concat([zstdCompressSync(noise(5000, 'x')), Buffer.from('something else')]),
    ],
    ['bring more than they say', bomb(8)],
    ['bring much more than they say', bomb(100_000)],
  ])('that %s are an error', async (_, packed) => {
    const of = { what: 'the layer', code: 'INTEGRITY' as const }
    await expect(all(unpack(pieces(packed, 3000), 'zstd', of))).rejects.toThrow('the layer cannot be unpacked')
  })

  test('an error of the source is what is told', async () => {
    async function* failing(): Bytes {
      yield zstdCompressSync(noise(5000, 'x'))
      throw new Error('the node has gone')
    }
    await expect(all(unpack(failing(), 'zstd'))).rejects.toThrow('the node has gone')
  })
})
