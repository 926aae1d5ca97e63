import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { checksumOf, paxRecords, readNumber, writeNumber } from '../../../../src/image/tar/fields.ts'
import { tarOf } from '../../../support/tar.ts'

test('a number is read as it was written, in octal or, where it is large, in base 256', () => {
  const run = fc.property(fc.maxSafeNat(), (value) => {
    const header = new Uint8Array(512)
    writeNumber(header, 124, 12, value)
    expect(readNumber(header, 124, 12)).toBe(value)
  })
  fc.assert(run)
})

test.each([
  ['0000644\0', 0o644],
  ['   644 \0', 0o644],
  ['\0', 0],
  ['9', Number.NaN],
  ['x', Number.NaN],
  ['-1', Number.NaN],
])('the field %j is %d', (text, value) => {
  const field = Buffer.alloc(12)
  field.write(text)
  expect(readNumber(field, 0, 12)).toBe(value)
})

test('a number that is too large for us is none', () => {
  expect(readNumber(Buffer.alloc(12, 0xff), 0, 12)).toBeNaN()
})

test('the checksum is that of the header', () => {
  const header = tarOf([{ path: 'a' }]).subarray(0, 512)
  expect(checksumOf(header)).toBe(readNumber(header, 148, 8))
})

test.each<[string, string[][]]>([
  ['9 a=b=c\n\n8 c=d\n', [['a', 'b=c\n']]],
  [
    '8 a=b=c\n6 c=d\n',
    [
      ['a', 'b=c'],
      ['c', 'd'],
    ],
  ],
  ['6 a=b\n', [['a', 'b']]],
  ['99 a=b\n', []],
  ['a=b\n', []],
  ['', []],
])('the records %j are %j', (text, records) => {
  expect(paxRecords(Buffer.from(text)).map((record) => [...record])).toEqual(records)
})
