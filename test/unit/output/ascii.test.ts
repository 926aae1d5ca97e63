import { expect, test } from 'bun:test'
import { words } from '../../../src/output/ascii.ts'

test('our own characters have others in ASCII; those of the user stay', () => {
  expect(words('█░ 1B → 2B … ü', true)).toBe('#. 1B -> 2B ... ü')
  expect(words('█░ 1B → 2B … ü', false)).toBe('█░ 1B → 2B … ü')
})
