import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accessOf, keepSecret, readSecret, secretFile, secretIn } from '../../../src/managed/secret.ts'

const SECRET = `basic:docker-ipfs:${'0123456789abcdef'.repeat(4)}`

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-secret-'))
  file = secretFile(folder)
})
afterEach(() => rmSync(folder, { recursive: true }))

const mode = () => statSync(file).mode & 0o777

describe('the secret of a node as a process', () => {
  test.each([0o022, 0, 0o777])('is made for its owner alone, with the umask %o', async (umask) => {
    const before = process.umask(umask)
    const secret = await keepSecret(file).finally(() => process.umask(before))
    expect(secret).toMatch(/^basic:docker-ipfs:[0-9a-f]{64}$/)
    expect(readFileSync(file, 'utf8')).toBe(`${secret}\n`)
    expect(mode()).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['secret'])
  })

  test('is kept', async () => {
    const secret = await keepSecret(file)
    expect(await keepSecret(file)).toBe(secret)
    expect(await readSecret(file)).toBe(secret)
  })

  test('is the same one for all who make it at once', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => keepSecret(file)))
    expect(new Set(made)).toEqual(new Set([readFileSync(file, 'utf8').trim()]))
  })

  test.each([0o640, 0o604, 0o666])('that others could read, with the mode %o, is replaced', async (open) => {
    const first = await keepSecret(file)
    chmodSync(file, open)
    expect(await keepSecret(file)).not.toBe(first)
    expect(mode()).toBe(0o600)
  })

  test.each(['', '\n', 'basic:docker-ipfs:abc', 'bearer:x'])('is made where the file has %j', async (text) => {
    writeFileSync(file, text, { mode: 0o600 })
    expect(await readSecret(file)).toBeUndefined()
    const made = await keepSecret(file)
    expect(await readSecret(file)).toBe(made)
  })

  test('is none where there is no file', async () => {
    expect(await readSecret(file)).toBeUndefined()
  })
})

test('a secret is found in the tar that docker makes of its file', () => {
  expect(secretIn(`docker-ipfs.secret\0ustar\0\0${SECRET}\n\0\0`)).toBe(SECRET)
  expect(secretIn(`docker-ipfs.secret\0${SECRET.slice(0, -1)}\n`)).toBeUndefined()
})

test('it lets in as Kubo wants it', () => {
  const pair = Buffer.from(SECRET.slice('basic:'.length)).toString('base64')
  expect(accessOf(SECRET)).toEqual({ authorization: `Basic ${pair}` })
  expect(accessOf(undefined)).toEqual({})
})
