import { expect, test } from 'bun:test'
import { noArchive } from '../../../src/image/other-kinds.ts'

const hex = (text: string) => Buffer.concat([Buffer.from(text, 'hex'), Buffer.alloc(600)])
const text = (start: string) => Buffer.from(start.padEnd(600))

test.each<[string, Buffer]>([
  ['a zip file, and no image archive', hex('504b0304')],
  ['a 7z file, and no image archive', hex('377abcaf271c')],
  ['a rar file, and no image archive', text('Rar!')],
  ['a cpio archive, and no image archive', text('070701')],
  ['a cpio archive, and no image archive', hex('c771')],
  ['an ar archive, or a Debian package, and no image archive', text('!<arch>\n')],
  ['a squashfs image, and no image archive', text('hsqs')],
  ['a program, and no image archive', hex('7f454c46')],
  ['a page of the web, and no image archive', text('<!DOCTYPE html>')],
  ['a JSON document, and no image archive', text('{"message":"not found"}')],
  ['packed with lz4, which is not read here', hex('04224d18')],
  ['packed with compress, which is not read here', hex('1f9d90')],
  ['packed twice, which is not read here', hex('1f8b08')],
  ['empty', Buffer.alloc(0)],
  ['no tar archive, nor one that is packed with gzip, zstd, xz or bzip2', text('hello')],
  ['no tar archive, nor one that is packed with gzip, zstd, xz or bzip2', hex('00')],
])('what is no archive is told: it is %s', (what, head) => {
  expect(noArchive('x.tar', head)).toMatchObject({ code: 'ARCHIVE_INVALID', message: `x.tar is ${what}` })
})

test.each(['3aa265726f6f747381', '8101a265726f6f747381', '0aa16776657273696f6e02'])(
  'a CAR file that begins with %s is told with what loads it',
  (start) => {
    const hint = '"docker ipfs load -i FILE" loads it.'
    expect(noArchive('x.car', hex(start))).toMatchObject({ message: 'x.car is a CAR file, and no image archive', hint })
  },
)
