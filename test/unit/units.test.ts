import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  formatAgainst,
  formatAge,
  formatBytes,
  formatDuration,
  parseDuration,
  shortDigest,
  tookLong,
} from '../../src/units.ts'

describe('formatBytes', () => {
  test.each([
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [247_078, '247.1kB'],
    [1_985_000, '1.985MB'],
    [714_000_000, '714MB'],
    [29_123_456_789, '29.12GB'],
    [999_999, '1000kB'],
  ])('writes %d bytes as docker does: %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe('a size and the limit that it is held against', () => {
  test.each<[number, number, string, string]>([
    [1_500_000_000, 1_000_000_000, '1.5GB', '1GB'],
    [60_000_000_000, 1_000_000, '60000MB', '1MB'],
    [999_900_000, 1_000_000_000, '0.9999GB', '1GB'],
    [28_000, 50_000_000_000, '0.000028GB', '50GB'],
    [33_554_433, 33_554_432, '33.554433MB', '33.554432MB'],
    [50_000_000_001, 50_000_000_000, '50.000000001GB', '50GB'],
    [2 ** 53 - 1, 2 ** 53 - 2, '9.007199254740991PB', '9.00719925474099PB'],
    [1001, 999, '1001B', '999B'],
    [1_000_000, 1_000_000, '1MB', '1MB'],
    [0, 0, '0B', '0B'],
  ])('%d of %d: %s and %s', (bytes, limit, size, most) => {
    expect(formatAgainst(bytes, limit)).toEqual([size, most])
  })

  test('have one unit, and look different where they are', () => {
    const size = fc.nat({ max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(size, size, (bytes, limit) => {
        const [first, second] = formatAgainst(bytes, limit)
        expect(first.replace(/^[\d.e+-]+/, '')).toBe(second.replace(/^[\d.e+-]+/, ''))
        expect(first === second).toBe(bytes === limit)
      }),
    )
  })
})

describe('durations', () => {
  test.each([
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['250ms', 250],
    ['1h2m3s4ms', 3_723_004],
    ['0', 0],
  ])('%s is read as in Go', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each(['', '5', 'm', '5 m', '5x', '-5s', '1h30', '1..5s', '5m '])('"%s" is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })

  test.each([
    [0, '0s'],
    [250, '250ms'],
    [1500, '1.5s'],
    [30_000, '30s'],
    [60_000, '1m0s'],
    [5_400_000, '1h30m0s'],
  ])('%d ms is written as in Go: %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  test('what is written is read back as the same time', () => {
    fc.assert(fc.property(fc.nat(1e9), (ms) => parseDuration(formatDuration(ms)) === ms))
  })
})

test('a digest is shown by its first 12 digits', () => {
  expect(shortDigest('sha256:73bc5939a32e1f2a3b4c')).toBe('73bc5939a32e')
  expect(shortDigest('73bc5939a32e1f2a3b4c')).toBe('73bc5939a32e')
})

const DAY = 24 * 3600

describe('an age is in the words of docker:', () => {
  test.each([
    [0.4, 'Less than a second'],
    [1, '1 second'],
    [59, '59 seconds'],
    [90, 'About a minute'],
    [150, '2 minutes'],
    [3700, 'About an hour'],
    [7200, '2 hours'],
    [47 * 3600, '47 hours'],
    [2 * DAY, '2 days'],
    [13 * DAY, '13 days'],
    [15 * DAY, '2 weeks'],
    [59 * DAY, '8 weeks'],
    [61 * DAY, '2 months'],
    [700 * DAY, '23 months'],
    [731 * DAY, '2 years'],
  ])('%d s: %s', (seconds, text) => {
    expect(formatAge(seconds * 1000)).toBe(text)
  })
})

test.each([
  [0, 2999, undefined],
  [5_000_000, 2999, undefined],
  [5_000_000, 3000, 'Saved 5MB in 3.0 s (1.667MB/s)'],
  [121_500_000, 12_345, 'Saved 121.5MB in 12.3 s (9.842MB/s)'],
  [0, 12_345, 'Took 12.3 s'],
  [1_000_000_000, 83_400, 'Saved 1GB in 1m23s (11.99MB/s)'],
  [10, 7_200_000, 'Saved 10B in 2h0m0s (0B/s)'],
])('%d bytes in %d ms are told as %p', (bytes, ms, text) => {
  expect(tookLong('Saved', bytes, ms)).toBe(text)
})
