import { describe, expect, test } from 'bun:test'
import {
  BLOCK,
  decimal,
  END_OF_ARCHIVE,
  fileHeader,
  paddingOf,
  paxValue,
  readHeader,
  sparseGoesOn,
} from '../../../src/format/tar-header.ts'
import { tarOf } from '../../support/tar.ts'

const latin1 = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('latin1')

/** A header in which something was changed, with the right checksum. */
function header(change: (block: Buffer) => void = () => undefined, signed = false): Buffer {
  const block = tarOf([{ path: 'name', body: Buffer.alloc(7), mtime: 99 }]).subarray(0, BLOCK)
  change(block)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + (signed && byte > 127 ? byte - 256 : byte), 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

describe('a header that is read', () => {
  test('says name, type, size and time', () => {
    const { name, ...rest } = readHeader(header()) ?? {}
    expect(latin1(name)).toBe('name')
    expect(rest).toEqual({ type: '0', size: 7, mtime: 99, headerOnly: false, extended: false })
  })

  test('is none with a wrong sum, or without one', () => {
    const wrong = header()
    wrong[0] = 0x6f
    expect(readHeader(wrong)).toBeUndefined()
    expect(readHeader(new Uint8Array(BLOCK))).toBeUndefined()
  })

  test('may have the sum of signed bytes', () => {
    const odd = (block: Buffer) => block.write('\xfc\x80', 0, 'latin1')
    expect(latin1(readHeader(header(odd, true))?.name)).toBe('\xfc\x80me')
    expect(latin1(readHeader(header(odd, false))?.name)).toBe('\xfc\x80me')
  })

  test('has the prefix of ustar in front of its name, and that of no other', () => {
    const prefixed = (magic: string) =>
      header((block) => {
        block.write(magic, 257, 'latin1')
        block.write('some/prefix', 345)
      })
    expect(latin1(readHeader(prefixed('ustar\x0000'))?.name)).toBe('some/prefix/name')
    expect(latin1(readHeader(prefixed('ustar  \0'))?.name)).toBe('name')
  })

  test.each([
    ['NULs', Buffer.alloc(12), 0],
    ['spaces and NULs around', Buffer.from(' \0  0000017\0 '), 15],
    ['no end', Buffer.from('000000000017'), 15],
    ['a digit that is none', Buffer.from('00000000018\0'), undefined],
    ['a space within', Buffer.from('0000 000017\0'), undefined],
    ['base-256', Buffer.from('800000000000000000000011', 'hex'), 17],
    ['base-256 of 2^53 - 1', Buffer.from('80000000001fffffffffffff', 'hex'), 2 ** 53 - 1],
    ['base-256 of 2^53', Buffer.from('800000000020000000000000', 'hex'), undefined],
    ['base-256 below zero', Buffer.from('ffffffffffffffffffffffff', 'hex'), undefined],
  ])('with %s as its size', (_, field, size) => {
    expect(readHeader(header((block) => void field.copy(block, 124)))?.size).toBe(size as number)
  })

  test('has the time 0 when that cannot be read', () => {
    expect(readHeader(header((block) => void block.fill('x', 136, 148)))?.mtime).toBe(0)
  })

  test.each([...'123456'])('of type %s has no data, whatever it says', (type) => {
    expect(readHeader(header((block) => void block.write(type, 156)))).toMatchObject({ size: 0, headerOnly: true })
  })

  test.each([...'07SgxLK\0'])('of type %j has data', (type) => {
    expect(readHeader(header((block) => void block.write(type, 156)))).toMatchObject({ size: 7, headerOnly: false })
  })

  test('goes on when it is of a sparse file in the old form of GNU', () => {
    const sparse = (magic: string, type: string, at482: number) =>
      header((block) => {
        block.write(type, 156)
        block.write(magic, 257, 'latin1')
        block[482] = at482
      })
    const goesOn = (block: Buffer) => readHeader(block)?.extended
    expect(goesOn(sparse('ustar  \0', 'S', 1))).toBe(true)
    expect(goesOn(sparse('ustar  \0', 'S', 0))).toBe(false)
    expect(goesOn(sparse('ustar  \0', '0', 1))).toBe(false)
    expect(goesOn(sparse('ustar\x0000', 'S', 1))).toBe(false)
    const further = Buffer.alloc(BLOCK)
    expect(sparseGoesOn(further)).toBe(false)
    further[504] = 255
    expect(sparseGoesOn(further)).toBe(true)
  })
})

describe('pax records', () => {
  const value = (records: string, key = 'path') => latin1(paxValue(Buffer.from(records, 'latin1'), key))

  test.each([
    ['10 path=a\n', 'a'],
    ['10 path=a\n10 path=b\n', 'b'],
    ['8 path=\n', ''],
    ['12 path=a=b\n', 'a=b'],
    ['10 path=aX', 'a'],
    ['10 path=a\n\0garbage', 'a'],
    ['9 size=1\n', undefined],
    ['', undefined],
  ])('%j say %j', (records, expected) => {
    expect(value(records)).toBe(expected as string)
  })

  test.each([
    ['no space', '10path=a\n'],
    ['no digits', 'x path=a\n10 path=a\n'],
    ['a sign', '+10 path=a\n'],
    ['a length beyond the data', '11 path=a\n'],
    ['a length below that of its own digits and 3', '3 path=a\n'],
    ['no equals sign', '7 path\n'],
    ['a length of more than 20 digits', `${'10'.padStart(21, '0')} path=a\n`],
  ])('with %s say nothing, nor do those before them', (_, records) => {
    expect(value(records)).toBeUndefined()
    expect(value(`10 path=b\n${records}`)).toBeUndefined()
  })
})

test.each([
  ['0', 0],
  ['007', 7],
  ['9007199254740992', 2 ** 53],
  ['', Number.NaN],
  ['1.5', Number.NaN],
  ['-1', Number.NaN],
])('%p is the number %p', (text, expected) => {
  expect(decimal(Buffer.from(text))).toBe(expected)
})

test.each([
  [0, 0],
  [1, 511],
  [511, 1],
  [512, 0],
  [513, 511],
])('%d bytes have a padding of %d', (size, padding) => {
  expect(paddingOf(size)).toBe(padding)
})

describe('a header that is written', () => {
  test('is as the format says, byte by byte', () => {
    const expected = Buffer.alloc(BLOCK)
    expected.write('blobs/sha256/ab')
    expected.write('0000644\x000000000\x000000000\x0000000001750\x0000000000000\0', 100, 'latin1')
    expected.write('010366\x00 0', 148, 'latin1')
    expected.write('ustar\x0000', 257, 'latin1')
    expect(Buffer.from(fileHeader('blobs/sha256/ab', 1000)).toString('latin1')).toBe(expected.toString('latin1'))
    expect(readHeader(expected)).toMatchObject({ size: 1000, type: '0' })
  })

  test('has the largest size that 11 octal digits hold', () => {
    expect(latin1(fileHeader('a', 8 * 1024 ** 3 - 1).subarray(124, 136))).toBe('77777777777\0')
  })

  test('has a larger size in a record of its own', () => {
    const bytes = Buffer.from(fileHeader('a', 8 * 1024 ** 3))
    const [extended, data, own] = [bytes.subarray(0, 512), bytes.subarray(512, 1024), bytes.subarray(1024)]
    const record = '19 size=8589934592\n'
    expect(readHeader(extended)).toMatchObject({ type: 'x', size: record.length })
    expect(data.toString('latin1')).toBe(record.padEnd(512, '\0'))
    expect(own.length).toBe(512)
    expect(readHeader(own)).toMatchObject({ type: '0', size: 0 })
    expect(latin1(paxValue(data, 'size'))).toBe('8589934592')
  })

  test('takes paths of 100 bytes, and no longer ones', () => {
    expect(latin1(readHeader(fileHeader('a'.repeat(100), 1))?.name)).toBe('a'.repeat(100))
    expect(() => fileHeader('a'.repeat(101), 1)).toThrow('name too long')
  })
})

test('an archive ends with two blocks of zeros', () => {
  expect(Buffer.from(END_OF_ARCHIVE).equals(Buffer.alloc(1024))).toBe(true)
})
