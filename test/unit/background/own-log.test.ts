import { afterEach, beforeEach, expect, test } from 'bun:test'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openOwnLog } from '../../../src/background/own-log.ts'

let folder = ''
let path = ''
let stdout = -1
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-own-log-'))
  path = join(folder, 'log')
  stdout = openSync(path, 'a', 0o600)
})
afterEach(() => {
  closeSync(stdout)
  rmSync(folder, { recursive: true, force: true })
})

test('a log of our own begins anew before it is too long, and the one before stays', () => {
  const log = openOwnLog(path, stdout, 100)
  for (let at = 0; at < 25; at++) log?.write(`line ${String(at).padStart(2, '0')}`)
  log?.close()
  expect(readFileSync(path, 'utf8')).toBe('line 24\n')
  expect(readFileSync(`${path}.1`, 'utf8').split('\n').filter(Boolean)).toEqual(
    Array.from({ length: 12 }, (_, at) => `line ${at + 12}`),
  )
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('a line that is longer than all of a log is written all the same', () => {
  const log = openOwnLog(path, stdout, 10)
  log?.write('x'.repeat(50))
  log?.write('y')
  log?.close()
  expect(readFileSync(path, 'utf8')).toBe('y\n')
  expect(readFileSync(`${path}.1`, 'utf8')).toBe(`${'x'.repeat(50)}\n`)
})

test('what is not there goes on with the old one', () => {
  const log = openOwnLog(path, stdout, 20)
  log?.write('one two three four')
  rmSync(folder, { recursive: true })
  expect(() => log?.write('five')).not.toThrow()
  log?.close()
  expect(existsSync(folder)).toBe(false)
})

test('another file, a pipe or none is no log of our own', () => {
  const other = openSync(join(folder, 'other'), 'a')
  expect(openOwnLog(path, other)).toBeUndefined()
  closeSync(other)
  expect(openOwnLog(join(folder, 'none'), stdout)).toBeUndefined()
  expect(openOwnLog(folder, stdout)).toBeUndefined()
})
