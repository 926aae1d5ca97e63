import { describe, expect, test } from 'bun:test'
import { noise } from '../../support/images.ts'
import { archiveOf, FIRST, image, json, piped, SECOND, WHOLE } from '../../support/odd.ts'
import { tarOf } from '../../support/tar.ts'

/** Archives whose headers are as other writers write them, and as docker reads them. */

/** The archive with each of its headers changed; the sum of a header is made anew, by `sum` where it is another. */
function patched(change: (header: Buffer) => void, sum = unsigned): Buffer {
  const tar = archiveOf({
    more: [
      { path: 'dir/', type: '5' },
      { path: 'link', type: '1', linkTarget: 'c.json' },
    ],
  })
  for (let at = 0; tar[at] !== 0; ) {
    const header = tar.subarray(at, at + 512)
    at += 512 + 512 * Math.ceil(sizeOf(header) / 512)
    change(header)
    header.fill(' ', 148, 156)
    header.write(`${sum(header).toString(8).padStart(6, '0')}\0 `, 148)
  }
  return tar
}

const unsigned = (header: Buffer) => header.reduce((total, byte) => total + byte, 0)
const signed = (header: Buffer) => header.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0)
const sizeOf = (header: Buffer) => Number.parseInt(header.toString('latin1', 124, 135), 8)
const typeOf = (header: Buffer) => String.fromCharCode(header[156] ?? 0)

describe('an archive is read', () => {
  test.each<[string, Buffer]>([
    ['whose sums are of signed bytes', patched((header) => header.fill(0xfc, 265, 270), signed)],
    [
      'whose links have the size of what they lead to',
      patched((header) => typeOf(header) === '1' && header.write('00000001000', 124)),
    ],
    ['whose folders have a size', patched((header) => typeOf(header) === '5' && header.write('00000010000', 124))],
    ['whose numbers are in base 256', patched((header) => inBase256(header))],
    [
      'whose sizes have no zero behind them',
      patched((header) => header.write(header.toString('latin1', 124, 135).padStart(12, '0'), 124)),
    ],
    [
      'whose files have the type of the seventies',
      patched((header) => typeOf(header) === '0' && header.fill(0, 156, 157)),
    ],
    ['whose format is called otherwise', patched((header) => header.write('foobar', 257))],
    ['whose times are before 1970', patched((header) => header.fill(0xff, 136, 148))],
  ])('%s', async (_, archive) => {
    expect(await piped(archive)).toEqual(WHOLE)
  })

  function inBase256(header: Buffer): void {
    const size = sizeOf(header)
    header.fill(0, 124, 136).writeUInt32BE(size, 132)
    header[124] = 0x80
  }

  const entry = { Config: 'c.json', RepoTags: null, Layers: [FIRST, SECOND] }
  const open = tarOf(
    [
      { path: 'c.json', body: image.config },
      { path: FIRST, body: image.layers[0] ?? Buffer.alloc(0) },
      { path: SECOND, body: image.layers[1] ?? Buffer.alloc(0) },
      { path: 'manifest.json', body: json([entry]) },
    ],
    { open: true },
  )
  const padding = 512 - (json([entry]).length % 512)

  test.each([0, 1, 100, padding])('that ends without its end, and %d bytes before that', async (missing) => {
    expect(await piped(open.subarray(0, open.length - missing))).toEqual(WHOLE)
  })

  test.each([padding + 1, padding + 600])('not one whose last file is cut: %d bytes', async (missing) => {
    await expect(piped(open.subarray(0, open.length - missing))).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: 'the image archive is cut short or damaged (Unexpected end of data)',
    })
  })

  test.each([0xff, 0xba])('not one with a size that is no number, which nothing waits for: %d', async (first) => {
    const bytes = patched((header) => header.fill(0x95, 124, 136).fill(first, 124, 125))
    await expect(piped(bytes)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: 'the image archive is cut short or damaged (a header has no size)',
    })
  })

  test('not one whose sum is wrong', async () => {
    const damaged = patched(
      () => undefined,
      (header) => unsigned(header) + 1,
    )
    await expect(piped(damaged)).rejects.toThrow('the archive is no tar archive')
    await expect(
      piped(Buffer.concat([tarOf([{ path: 'a', body: noise(9, 'a') }], { open: true }), damaged])),
    ).rejects.toThrow('the image archive is cut short or damaged')
  })
})
