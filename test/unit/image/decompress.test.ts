import { describe, expect, test } from 'bun:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type Packing, packingOf, peek, unpack } from '../../../src/image/decompress.ts'
import { type Bytes, collect } from '../../../src/streams.ts'
import { noise } from '../../support/images.ts'

const PACK: Readonly<Record<Packing, (bytes: Uint8Array) => Uint8Array>> = {
  plain: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
}
const PACKINGS: readonly Packing[] = ['plain', 'gzip', 'zstd']

async function* pieces(bytes: Uint8Array, size = 1000): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const all = (source: Bytes) => collect(source, 1 << 24, 'it')

describe.each(PACKINGS)('what is packed as %s', (packing) => {
  test('comes out as it went in, in whatever pieces', async () => {
    const sizes = fc.integer({ min: 1, max: 5000 })
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 20_000 }), sizes, async (bytes, size) => {
        const out = await all(unpack(pieces(PACK[packing](bytes), size), packing))
        expect(Buffer.from(out).equals(bytes)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  test('is told by its first bytes', () => {
    expect(packingOf(PACK[packing](Buffer.from('text')))).toBe(packing)
  })

  test('fails with the error of its source', async () => {
    const packed = PACK[packing](noise(100_000, 'x'))
    async function* broken(): Bytes {
      yield packed.subarray(0, 50_000)
      throw new DockerIpfsError('NODE_UNREACHABLE', 'gone')
    }
    await expect(all(unpack(broken(), packing))).rejects.toMatchObject({ code: 'NODE_UNREACHABLE', message: 'gone' })
  })

  test('closes its source when nobody reads on', async () => {
    const packed = PACK[packing](noise(3_000_000, 'x'))
    const closed = Promise.withResolvers<void>()
    async function* watched(): Bytes {
      try {
        yield* pieces(packed, 10_000)
      } finally {
        closed.resolve()
      }
    }
    for await (const bytes of unpack(watched(), packing)) {
      expect(bytes.length).toBeGreaterThan(0)
      break
    }
    await closed.promise
  })
})

describe.each(['gzip', 'zstd'] as const)('%s that is damaged', (packing) => {
  const packed = PACK[packing](noise(50_000, 'x'))

  test.each<[string, Uint8Array]>([
    ['cut', packed.subarray(0, 30_000)],
    ['nothing of the kind', Buffer.from('no such packing at all')],
    ['changed', Buffer.from(packed).fill(0xff, 4, 40)],
  ])('is refused: %s', async (_, bytes) => {
    const of = { what: 'the blob', code: 'INTEGRITY' } as const
    await expect(all(unpack(pieces(bytes), packing, of))).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringMatching(/^the blob cannot be unpacked \(/),
    })
    await expect(all(unpack(pieces(bytes), packing))).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: expect.stringContaining(`a ${packing} layer cannot be unpacked`),
    })
  })
})

test('frames one behind the other are one stream', async () => {
  const parts = ['a', 'b', 'c'].map((name) => noise(5000, name))
  const packed = Buffer.concat(parts.map((part) => zstdCompressSync(part)))
  expect(Buffer.from(await all(unpack(pieces(packed, 777), 'zstd'))).equals(Buffer.concat(parts))).toBe(true)
})

test.each([
  [[], 'plain'],
  [[0x1f], 'plain'],
  [[0x1f, 0x8b], 'gzip'],
  [[0x28, 0xb5, 0x2f], 'plain'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd'],
] as const)('%j is %s', (head, packing) => {
  expect(packingOf(Uint8Array.from(head))).toBe(packing)
})

describe('the first bytes of a stream', () => {
  test('are given with the whole stream, however it comes', async () => {
    const bytes = noise(100, 'x')
    for (const size of [1, 3, 100]) {
      const { head, all: rest } = await peek(pieces(bytes, size), 4)
      expect(Buffer.from(head).equals(bytes.subarray(0, 4))).toBe(true)
      expect(Buffer.from(await all(rest)).equals(bytes)).toBe(true)
    }
  })

  test('are fewer where it ends before', async () => {
    const { head, all: rest } = await peek(pieces(Buffer.from('ab')), 4)
    expect([Buffer.from(head).toString(), Buffer.from(await all(rest)).toString()]).toEqual(['ab', 'ab'])
    expect((await peek(pieces(Buffer.alloc(0)), 4)).head).toHaveLength(0)
  })
})
