import { expect, test } from 'bun:test'
import { homedir } from 'node:os'
import { homeOf } from '../../src/home.ts'

test('the home is HOME, or what the system says where that is empty or not set', () => {
  expect(homeOf({ HOME: '/home/me' })).toBe('/home/me')
  expect(homeOf({ HOME: '' })).toBe(homedir())
  expect(homeOf({})).toBe(homedir())
})
