import { describe, expect, test } from 'bun:test'
import { gunzipSync } from 'node:zlib'
import { plainFile } from '../../../../src/load/into-engine/plain-layer.ts'
import { type Bytes, collect } from '../../../../src/streams.ts'
import { noise } from '../../../support/images.ts'

const BLOCK = 65_535

async function fileOf(tar: Buffer, piece = 1000) {
  const { size, body } = await plainFile(inPieces(tar, piece), tar.length)
  return { size, bytes: Buffer.from(await collect(body, 1 << 26, 'the file')) }
}

async function* inPieces(bytes: Buffer, piece: number): Bytes {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
}

/** First bytes that docker takes for those of something packed. */
const PACKED = {
  gzip: Buffer.from('1f8b08', 'hex'),
  bzip2: Buffer.from('BZh'),
  xz: Buffer.from('fd377a585a00', 'hex'),
  zstd: Buffer.from('28b52ffd', 'hex'),
  'the first skippable frame of zstd': Buffer.from('502a4d18', 'hex'),
  'the last one': Buffer.from('5f2a4d18', 'hex'),
}

describe.each(Object.entries(PACKED))('a tar that begins like %s', (_, magic) => {
  test.each([magic.length, 11, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 7])(
    'and has %d bytes is in a gzip of the size that is told',
    async (length) => {
      const tar = Buffer.concat([magic, noise(length - magic.length, 'rest')])
      for (const piece of [length > 100 ? 1000 : 1, BLOCK, 1 << 20]) {
        const { size, bytes } = await fileOf(tar, piece)
        expect(bytes.length).toBe(size)
        expect(gunzipSync(bytes).equals(tar)).toBe(true)
      }
    },
  )
})

describe('a tar is as it is', () => {
  test.each([
    ['where it begins with a name', Buffer.from('usr/bin')],
    ['where it begins nearly like gzip', Buffer.from('1f8b09', 'hex')],
    ['where it begins nearly like bzip2', Buffer.from('BZ0')],
    ['where it begins nearly like a skippable frame', Buffer.from('602a4d18', 'hex')],
    ['where it begins nearly like zstd', Buffer.from('28b52ffe', 'hex')],
    ['where it is shorter than what it might be', Buffer.from('28b5', 'hex')],
    ['where there is none', Buffer.alloc(0)],
  ])('%s', async (_, tar) => {
    for (const piece of [1, 1000]) {
      const { size, bytes } = await fileOf(tar, piece)
      expect([size, bytes]).toEqual([tar.length, tar])
    }
  })
})

test('what goes wrong with a tar goes wrong with its file, in its first bytes too', async () => {
  async function* failing(...first: string[]): Bytes {
    for (const text of first) yield Buffer.from(text)
    throw new Error('gone')
  }
  for (const first of ['BZh91AY', 'usr/bin']) {
    const { body } = await plainFile(failing(first), 10)
    await expect(collect(body, 100, 'it')).rejects.toThrow('gone')
  }
  await expect(plainFile(failing('BZ', 'h'), 10)).rejects.toThrow('gone')
})
