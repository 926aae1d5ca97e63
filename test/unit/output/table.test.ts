import { describe, expect, test } from 'bun:test'
import { bar, table } from '../../../src/output/table.ts'

test('a table has its columns three spaces apart, as wide as their widest cell', () => {
  expect(
    table(
      ['NAME', 'TAG', 'SIZE'],
      [
        ['a', 'latest', '1MB'],
        ['longer', '1', '20MB'],
      ],
    ),
  ).toEqual(['NAME     TAG      SIZE', 'a        latest   1MB', 'longer   1        20MB'])
  expect(table(['NAME', 'TAG'], [])).toEqual(['NAME   TAG'])
})

describe('a bar', () => {
  test.each([
    [0, '░░░░░░░░'],
    [50, '████░░░░'],
    [100, '████████'],
  ])('of %d in 100', (part, shown) => {
    expect(bar(part, 100, 8)).toBe(shown)
  })

  test('shows what is not nothing, however little', () => {
    expect(bar(1, 1e9, 8)).toBe('█░░░░░░░')
  })

  test('is no longer than it may be, and empty where there is nothing at all', () => {
    expect(bar(3, 2, 4)).toBe('████')
    expect(bar(0, 0, 4)).toBe('░░░░')
  })
})
