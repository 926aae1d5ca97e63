import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { Chunker } from '../../../src/format/chunker.ts'
import { writeLayer } from '../../../src/format/layer.ts'
import { FORMAT } from '../../../src/format/numbers.ts'
import { digest, noise } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'
import { strangeLayer } from '../../support/strange-layer.ts'
import { type Entry, tarOf } from '../../support/tar.ts'

/** More runs, and larger layers, where somebody has the time: PROPERTY_RUNS=10000. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 100)
const THOROUGH = RUNS >= 1000
const FILES = THOROUGH ? 100_000 : 10_000
const LARGEST = THOROUGH ? 5_000_000_000 : 200_000_000

async function* pieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function survives(tar: Buffer, pieceSize: number): Promise<string> {
  const sink = new MemorySink()
  const layer = await writeLayer(pieces(tar, pieceSize), sink)
  const blob = sink.read(layer.blob.cid)
  expect(layer).toMatchObject({ diffId: digest(tar), tarSize: tar.length, blobDigest: digest(blob) })
  expect(zstdDecompressSync(blob).equals(tar)).toBe(true)
  return layer.blob.cid.toString()
}

describe('a layer comes back byte by byte', () => {
  test('whatever is in it, and is cut alike however it comes in', async () => {
    await fc.assert(
      fc.asyncProperty(strangeLayer(), fc.integer({ min: 1, max: 5000 }), async (tar, size) => {
        expect(await survives(tar, size)).toBe(await survives(tar, 1 << 20))
      }),
      { numRuns: RUNS },
    )
  }, 3_600_000)

  const LAYERS: Readonly<Record<string, () => Buffer>> = {
    'no bytes': () => Buffer.alloc(0),
    'one byte': () => Buffer.from('x'),
    'zeros alone': () => Buffer.alloc(10_240),
    'bytes that are no tar': () => noise(3_000_000, 'no tar'),
    'a file of zero length': () => tarOf([{ path: 'empty' }]),
    whiteouts: () => tarOf([{ path: 'a/.wh.b' }, { path: 'a/.wh..wh..opq' }]),
    'trailing garbage': () => Buffer.concat([tarOf([{ path: 'a', body: noise(9000, 'a') }]), noise(777, 'garbage')]),
    'many extra zero blocks': () => Buffer.concat([tarOf([{ path: 'a' }]), Buffer.alloc(5_000_000)]),
    'an entry behind the end': () =>
      Buffer.concat([tarOf([{ path: 'a' }]), tarOf([{ path: 'b', body: noise(99, 'b') }])]),
    'a size of 9 GiB in a pax record, and no such data': () =>
      tarOf([{ path: 'big', body: noise(70_000, 'big'), pax: { size: String(9 * 2 ** 30) } }]),
    [`${FILES} tiny files`]: () =>
      tarOf(Array.from({ length: FILES }, (_, at): Entry => ({ path: `f/${at}`, body: Buffer.from([at & 255]) }))),
  }

  test.each(Object.keys(LAYERS))(
    'of %s',
    async (name) => {
      await survives((LAYERS[name] as () => Buffer)(), 65_536)
    },
    60_000,
  )

  test(`of ${LARGEST / 1e9} GB in one file, in chunks that are never larger than allowed`, () => {
    const size = LARGEST
    const chunker = new Chunker()
    const [before, after] = [createHash('sha256'), createHash('sha256')]
    let most = 0
    let total = 0
    const take = (chunks: Iterable<Uint8Array>) => {
      for (const chunk of chunks) {
        after.update(chunk)
        most = Math.max(most, chunk.length)
        total += chunk.length
      }
    }
    const give = (bytes: Buffer) => {
      before.update(bytes)
      take(chunker.write(bytes))
    }
    const header = tarOf([{ path: 'big' }], { open: true })
    header.write(size.toString(8).padStart(11, '0'), 124)
    header.fill(' ', 148, 156)
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    )
    give(header)
    const piece = noise(10_000_000, 'piece')
    for (let at = 0; at < size; at += piece.length) give(piece)
    give(Buffer.alloc(1024))
    take(chunker.end())
    expect({ total, digest: after.digest('hex') }).toEqual({ total: size + 512 + 1024, digest: before.digest('hex') })
    expect(most).toBeLessThanOrEqual(FORMAT.groupMax)
  }, 120_000)
})
