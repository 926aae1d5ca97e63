import { afterAll, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isOpenToOthers, readAccess } from '../../../../src/store/kubo/access.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-access-'))
afterAll(() => rmSync(folder, { recursive: true }))
const value = (text: string) => ({ text, source: 'THERE' })

test.each([
  ['bearer:abc', 'Bearer abc'],
  ['abc', 'Bearer abc'],
  ['basic:user:pa:ss', `Basic ${btoa('user:pa:ss')}`],
  ['BASIC:dXNlcjpwYXNz', 'Basic dXNlcjpwYXNz'],
  [' bearer:abc\n', 'Bearer abc'],
])('%j is the header %j', async (text, authorization) => {
  expect(await readAccess({ auth: value(text) })).toEqual({ authorization })
})

test.each(['bearer:', ' ', 'two words', 'a\r\nX-Other: b'])('%j is no secret, and is not shown', async (text) => {
  await expect(readAccess({ auth: value(text) })).rejects.toMatchObject({
    code: 'BAD_FLAG',
    message: 'there is no token or password in THERE',
  })
})

test('the secret may be in a file; the one that is said goes before it', async () => {
  const file = join(folder, 'secret')
  writeFileSync(file, 'bearer:of-file\n')
  expect(await readAccess({ authFile: value(file) })).toEqual({ authorization: 'Bearer of-file' })
  expect(await readAccess({ auth: value('said'), authFile: value(file) })).toEqual({ authorization: 'Bearer said' })
})

test('a file that is missing, or has no certificate, is an error', async () => {
  const file = join(folder, 'nothing')
  await expect(readAccess({ authFile: value(file) })).rejects.toMatchObject({
    code: 'FILE_FAILED',
    message: expect.stringContaining(`cannot read ${file} (from THERE)`),
  })
  writeFileSync(file, 'no certificate')
  await expect(readAccess({ ca: value(file) })).rejects.toMatchObject({
    code: 'FILE_FAILED',
    message: `${file} has no certificate (from THERE)`,
  })
})

test('a file is open to others if they may read it, and not where there is none or no way to it', () => {
  const file = join(folder, 'open')
  writeFileSync(file, '', { mode: 0o600 })
  expect(isOpenToOthers(file)).toBe(false)
  chmodSync(file, 0o604)
  expect(isOpenToOthers(file)).toBe(true)
  expect(isOpenToOthers(join(folder, 'none'))).toBe(false)
  expect(isOpenToOthers(join(file, 'below a file'))).toBe(false)
})
