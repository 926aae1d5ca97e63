import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { chunkRange, contentRange, rangeOf } from '../../../src/distribution/range.ts'

test.each([
  ['bytes=0-0', 0, 1],
  ['bytes=0-9', 0, 10],
  ['bytes=0-', 0, 10],
  ['bytes=3-5', 3, 3],
  ['bytes=9-', 9, 1],
  ['bytes=5-100', 5, 5],
  ['bytes=-3', 7, 3],
  ['bytes=-10', 0, 10],
  ['bytes=-100', 0, 10],
  ['Bytes= 3 - 5', 3, 3],
  ['bytes=0-99999999999999999999999', 0, 10],
])('of 10 bytes %s are those from %i, %i of them', (header, offset, length) => {
  expect(rangeOf(header, 10)).toEqual({ offset, length })
})

test.each(['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=99999999999999999999999-'])(
  '%s is not in 10 bytes',
  (header) => {
    expect(rangeOf(header, 10)).toBe('unsatisfiable')
  },
)

test.each([undefined, '', 'bytes=', 'bytes=-', 'bytes=5-3', 'bytes=0-1,3-4', 'bytes=a-b', 'lines=1-2', 'bytes=--1'])(
  '%s is as if no part was asked for',
  (header) => {
    expect(rangeOf(header, 10)).toBeUndefined()
  },
)

test('nothing can be asked for of an empty blob but all of it', () => {
  expect(rangeOf('bytes=0-', 0)).toBe('unsatisfiable')
  expect(rangeOf('bytes=-1', 0)).toBe('unsatisfiable')
})

test('a range is never outside of its blob', () => {
  const number = fc.option(fc.bigInt({ min: 0n, max: 10n ** 20n }), { nil: '' })
  fc.assert(
    fc.property(number, number, fc.nat({ max: 100 }), (first, last, size) => {
      const range = rangeOf(`bytes=${first}-${last}`, size)
      if (typeof range !== 'object') return
      expect(range.offset).toBeGreaterThanOrEqual(0)
      expect(range.length).toBeGreaterThan(0)
      expect(range.offset + range.length).toBeLessThanOrEqual(size)
    }),
  )
})

test('an answer says which part it is', () => {
  expect(contentRange({ offset: 3, length: 3 }, 10)).toBe('bytes 3-5/10')
})

test.each([
  ['0-9', 0, 9],
  ['10-10', 10, 10],
  ['bytes 0-9/*', 0, 9],
  ['bytes=5-9', 5, 9],
  ['bytes 5-9/100', 5, 9],
])('a chunk may say %s', (header, first, last) => {
  expect(chunkRange(header)).toEqual({ first, last })
})

test.each(['', '5', '5-', '-5', '9-5', 'a-b', '0-9, 10-12', 'lines 0-9'])('a chunk may not say %j', (header) => {
  expect(chunkRange(header)).toBeUndefined()
})
