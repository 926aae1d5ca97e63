import { describe, expect, test } from 'bun:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { HEAD_BYTES, type Packing, packingOf, peek, unpack } from '../../../src/image/decompress.ts'
import { type Bytes, collect } from '../../../src/streams.ts'
import { noise } from '../../support/images.ts'
import { tarOf } from '../../support/tar.ts'

async function* pieces(bytes: Uint8Array, size: number): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const GZIP = '\x1f\x8b\x08'
const named = (path: string) => tarOf([{ path, body: Buffer.from('x') }])

describe('how bytes are packed', () => {
  test.each<[string, Uint8Array, Packing]>([
    ['a gzip file', gzipSync(noise(2000, 'a')), 'gzip'],
    ['a short gzip file', gzipSync(''), 'gzip'],
    ['a zstd file', zstdCompressSync(noise(2000, 'a')), 'zstd'],
    ['a skippable frame', Buffer.from('5f2a4d1800000000', 'hex'), 'zstd'],
    ['what is nearly one', Buffer.from('602a4d1800000000', 'hex'), 'plain'],
    ['an xz file', Buffer.from('fd377a585a000004', 'hex'), 'xz'],
    ['a bzip2 file', Buffer.from('BZh91AY&SY'), 'bzip2'],
    ['a tar with a name that begins like bzip2', named('BZh9'), 'plain'],
    ['a tar with a name that begins like xz', named('\xfd7zXZ\0'), 'plain'],
    ['a tar', named('file'), 'plain'],
    ['a tar with a name that begins like gzip', named(GZIP), 'plain'],
    ['a tar with a name that begins like zstd', named('\x28\xb5\x2f\xfd'), 'plain'],
    ['such a tar that is cut in its header', named(GZIP).subarray(0, HEAD_BYTES - 1), 'gzip'],
    ['such a header with a wrong sum', named(GZIP).fill('y', 20, 21), 'gzip'],
    ['such a header without a sum', named(GZIP).fill(0, 148, 156), 'gzip'],
    ['nothing', new Uint8Array(0), 'plain'],
  ])('%s', (_, bytes, packing) => {
    expect(packingOf(bytes.subarray(0, HEAD_BYTES))).toBe(packing)
  })

  test('is told of a header with the sum of signed bytes', () => {
    const tar = named(GZIP)
    const stored = Number.parseInt(tar.toString('latin1', 148, 154), 8)
    tar.write((stored - 256).toString(8).padStart(6, '0'), 148)
    expect(packingOf(tar.subarray(0, HEAD_BYTES))).toBe('plain')
  })
})

describe('the first bytes', () => {
  test.each([1, 100, 511, 512, 5000])('are seen in pieces of %d, and are not lost', async (size) => {
    const bytes = noise(3000, 'peek')
    const { head, all } = await peek(pieces(bytes, size), HEAD_BYTES)
    expect(Buffer.compare(head, bytes.subarray(0, HEAD_BYTES))).toBe(0)
    expect(Buffer.compare(await collect(all, 3000, 'all'), bytes)).toBe(0)
  })

  test('are all where there are fewer', async () => {
    const { head, all } = await peek(pieces(Buffer.from('abc'), 1), HEAD_BYTES)
    expect(Buffer.from(head).toString()).toBe('abc')
    expect(Buffer.from(await collect(all, 3, 'all')).toString()).toBe('abc')
  })
})

describe('what is packed', () => {
  const bytes = noise(100_000, 'unpack')

  test.each<[Packing, Uint8Array]>([
    ['plain', bytes],
    ['gzip', gzipSync(bytes)],
    ['zstd', zstdCompressSync(bytes)],
    ['zstd', Buffer.concat([Buffer.from('502a4d1801000000ff', 'hex'), zstdCompressSync(bytes)])],
  ])('with %s comes out as it was', async (packing, packed) => {
    const out = await collect(unpack(pieces(packed, 7000), packing), bytes.length, 'it')
    expect(Buffer.compare(out, bytes)).toBe(0)
  })

  test('and cannot be unpacked is told in the words, and with the code, that are given', async () => {
    const of = { what: 'the layer', code: 'INTEGRITY' as const }
    const work = collect(unpack(pieces(gzipSync(bytes).subarray(0, 5000), 1000), 'gzip', of), bytes.length, 'it')
    await expect(work).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: 'the layer cannot be unpacked (unexpected end of file)',
    })
  })

  test('and cannot be had is told by who has it', async () => {
    async function* failing(): Bytes {
      yield gzipSync(bytes).subarray(0, 100)
      throw new Error('the pipe broke')
    }
    await expect(collect(unpack(failing(), 'gzip'), bytes.length, 'it')).rejects.toThrow('the pipe broke')
  })
})
