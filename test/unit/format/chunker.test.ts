import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Chunker } from '../../../src/format/chunker.ts'
import type { CutParameters } from '../../../src/format/numbers.ts'
import { type Entry, randomEntries, tarOf } from '../../support/tar.ts'

/** Small numbers, so that small tars show every kind of cut. */
const SMALL: CutParameters = {
  largeFile: 4096,
  largeFreshFile: 2048,
  freshSeconds: 100,
  fileHead: 16,
  pieceSize: 8192,
  groupMin: 4096,
  groupMax: 16384,
  groupSwitch: 1024,
  extendedMax: 1024 * 1024,
  nameMask: 1,
}

function cut(bytes: Uint8Array, pieces: readonly number[] = [], parameters = SMALL): Uint8Array[] {
  const chunker = new Chunker(parameters)
  const chunks: Uint8Array[] = []
  let at = 0
  for (const size of pieces) {
    chunks.push(...chunker.write(bytes.subarray(at, at + size)))
    at += size
  }
  chunks.push(...chunker.write(bytes.subarray(at)), ...chunker.end())
  return chunks
}

const file = (path: string, size: number, fill = 1, mtime = 0): Entry => ({
  path,
  body: Buffer.alloc(size, fill),
  mtime,
})
/** An entry that is newer than all others, so that those are not fresh. */
const newest: Entry = { path: 'newest', mtime: 1_000_000 }
const sizes = (chunks: Uint8Array[]) => chunks.map((chunk) => chunk.length)

describe('Chunker', () => {
  test('any bytes at all survive', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60_000 }), (bytes) => {
        expect(Buffer.concat(cut(bytes)).equals(bytes)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('a tar of any entries survives, also when it is cut short, overwritten or followed by garbage', () => {
    fc.assert(
      fc.property(
        randomEntries(),
        fc.nat(),
        fc.nat(),
        fc.uint8Array({ maxLength: 700 }),
        (entries, cutAt, hitAt, garbage) => {
          const tar = tarOf(entries)
          const short = tar.subarray(0, cutAt % (tar.length + 1))
          const hit = Buffer.from(tar)
          hit.set(garbage.subarray(0, hit.length), hitAt % Math.max(1, hit.length - garbage.length))
          for (const bytes of [tar, short, hit, Buffer.concat([tar, garbage])]) {
            expect(Buffer.concat(cut(bytes)).equals(bytes)).toBe(true)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('the chunks do not depend on the pieces in which the bytes come', () => {
    fc.assert(
      fc.property(
        randomEntries(),
        fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 40 }),
        (entries, pieces) => {
          const tar = tarOf(entries)
          expect(sizes(cut(tar, pieces))).toEqual(sizes(cut(tar)))
        },
      ),
      { numRuns: 200 },
    )
  })

  test('no chunk is larger than the limits allow, and none is empty', () => {
    fc.assert(
      fc.property(randomEntries(), (entries) => {
        for (const size of sizes(cut(tarOf(entries)))) {
          expect(size).toBeGreaterThan(0)
          expect(size).toBeLessThanOrEqual(16384)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('a layer without any byte is one empty chunk', () => {
    expect(sizes(cut(new Uint8Array(0)))).toEqual([0])
  })

  test('the head of a large file stays with its header; the rest is cut every M bytes, with its padding', () => {
    const tar = tarOf([file('a', 10), file('big', 20_000), file('z', 10)])
    // Header and data of a, header and head of big; 8192 + 8192 + 4080 bytes of big; z and the end of the archive.
    expect(sizes(cut(tar))).toEqual([1536 + 16, 8192, 8192, 4080, 2048])
  })

  test('a large file whose head changed shares all other chunks', () => {
    const edited = Buffer.alloc(20_000, 1)
    edited.write('another time', 0)
    const before = new Set(cut(tarOf([file('a.pyc', 20_000)])).map((chunk) => Buffer.from(chunk).toString('base64')))
    const after = cut(tarOf([{ path: 'a.pyc', body: edited, mtime: 5 }]))
    expect(after.filter((chunk) => !before.has(Buffer.from(chunk).toString('base64')))).toHaveLength(1)
  })

  test('a file that is older than the newest by more than a day counts as large only from T on', () => {
    const old = tarOf([newest, file('old', 2500), file('old2', 10)])
    const fresh = tarOf([newest, file('fresh', 2500, 1, 999_950), file('z', 10, 1, 999_950)])
    expect(sizes(cut(old))).toEqual([512 + 512 + 2560, 1024 + 1024])
    expect(sizes(cut(fresh))).toEqual([512 + 512 + 16, 2544, 1024 + 1024])
  })

  test('fresh entries and others do not share a group once it has Gs bytes', () => {
    const tar = tarOf([newest, file('old', 600), file('old2', 600), file('fresh', 600, 1, 1_000_000)])
    // newest and old (1024 bytes of it had come when old2 began), then old2, then fresh and the end.
    expect(sizes(cut(tar))).toEqual([512 + 1536, 1536, 1536 + 1024])
  })

  test('an edit inside one small file changes one chunk', () => {
    const entries = Array.from({ length: 200 }, (_, at) => file(`usr/share/file-${at}`, 700, at % 250))
    const before = cut(tarOf(entries))
    const edited = cut(tarOf(entries.map((entry, at) => (at === 77 ? file(entry.path, 700, 251) : entry))))
    const known = new Set(before.map((chunk) => Buffer.from(chunk).toString('base64')))
    expect(edited.filter((chunk) => !known.has(Buffer.from(chunk).toString('base64')))).toHaveLength(1)
  })

  test('a small file that is added changes only the chunks around it', () => {
    const entries = Array.from({ length: 400 }, (_, at) => file(`usr/share/file-${at}`, 700, at % 250))
    const known = new Set(cut(tarOf(entries)).map((chunk) => Buffer.from(chunk).toString('base64')))
    const more = cut(tarOf([...entries.slice(0, 50), file('usr/share/new', 900, 251), ...entries.slice(50)]))
    const fresh = more.filter((chunk) => !known.has(Buffer.from(chunk).toString('base64')))
    expect(fresh.length).toBeLessThanOrEqual(3)
  })

  test('a pax header belongs to the entry it describes, and its size counts', () => {
    const size = 20_000
    const tar = tarOf([{ path: 'x'.repeat(150), body: Buffer.alloc(size), pax: { size: String(size) } }], {
      hideSize: true,
    })
    // pax header + its record + the header and the head, then the file's own chunks, then the end.
    expect(sizes(cut(tar))).toEqual([1536 + 16, 8192, 8192, 4080, 1024])
  })

  test('what is no tar from some point on is cut every M bytes', () => {
    const tar = tarOf([file('a', 10)]).subarray(0, 1024)
    expect(sizes(cut(Buffer.concat([tar, Buffer.alloc(20_000, 7)])))).toEqual([1024, 8192, 8192, 3616])
  })
})
