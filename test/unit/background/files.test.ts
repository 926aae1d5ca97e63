import { expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readText, replace } from '../../../src/background/files.ts'

test('a file is replaced by one for its owner alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-config-'))
  const path = join(folder, 'config')
  writeFileSync(path, 'old', { mode: 0o644 })
  await replace(path, 'new')
  expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['new', 0o600])
  expect(readdirSync(folder)).toEqual(['config'])
  expect([await readText(path), await readText(join(folder, 'none'))]).toEqual(['new', ''])
  rmSync(folder, { recursive: true })
})
