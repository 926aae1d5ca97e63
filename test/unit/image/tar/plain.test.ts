import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { readArchive } from '../../../../src/image/archive.ts'
import { plainTar } from '../../../../src/image/tar/plain.ts'
import { type Bytes, collect } from '../../../../src/streams.ts'
import { digest, noise } from '../../../support/images.ts'
import { randomEntries, tarOf } from '../../../support/tar.ts'

/** More runs where somebody has the time: PROPERTY_RUNS=10000. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 100)

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-sparse-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function* pieces(bytes: Buffer, size: number): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const plain = async (tar: Buffer, size = 1000) =>
  Buffer.from(await collect(plainTar(pieces(tar, size)), 1 << 30, 'the tar'))

/** Path and digest of each file. */
async function filesOf(tar: Buffer): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for await (const { path, body } of readArchive(pieces(tar, 5000))) {
    files[path] = digest(await collect(body, 1 << 30, path))
  }
  return files
}

/** Makes a tar with the machine's own tar. */
function tar(...args: string[]): Buffer {
  const made = Bun.spawnSync(['tar', '--create', '--directory', folder, ...args])
  if (made.exitCode !== 0) throw new Error(made.stderr.toString())
  return Buffer.from(made.stdout)
}

test('a tar without sparse files is passed on as it is, whatever is in it', async () => {
  const run = fc.asyncProperty(randomEntries(), fc.integer({ min: 1, max: 3000 }), async (entries, size) => {
    const bytes = tarOf(entries)
    expect(digest(await plain(bytes, size))).toBe(digest(bytes))
  })
  await fc.assert(run, { numRuns: RUNS })
}, 3_600_000)

describe('sparse files as GNU tar writes them', () => {
  /** Holes at both ends, and so many pieces of data between them. */
  function sparse(name: string, parts: number): void {
    const file = openSync(join(folder, name), 'w')
    for (let at = 0; at < parts; at += 1) writeSync(file, noise(4096, `${name} ${at}`), 0, 4096, 65_536 * (at + 1))
    closeSync(file)
    truncateSync(join(folder, name), 65_536 * (parts + 2) + 7)
  }
  const FILES = ['none', 'few', 'some', 'many', 'dense']
  const long = `${'long'.repeat(30)}`

  beforeAll(() => {
    for (const [at, parts] of [0, 3, 20, 60].entries()) sparse(FILES[at] ?? '', parts)
    sparse(long, 2)
    writeFileSync(join(folder, 'dense'), noise(100_000, 'dense'))
  })

  test.each([
    ['old GNU', ['--format=gnu']],
    ['pax 0.0', ['--format=posix', '--sparse-version=0.0']],
    ['pax 0.1', ['--format=posix', '--sparse-version=0.1']],
    ['pax 1.0', ['--format=posix', '--sparse-version=1.0']],
  ])('in the form of %s are whole', async (_, form) => {
    const archive = tar('--sparse', ...form, ...FILES, long)
    const whole = FILES.reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0)
    expect(archive.length).toBeLessThan(whole / 4)
    const expected = [...FILES, long].map((name) => [name, digest(readFileSync(join(folder, name)))])
    expect(await filesOf(archive)).toEqual(Object.fromEntries(expected))
  })

  test.each(['--format=gnu', '--format=posix'])(
    '%s that are damaged are refused, and nothing worse',
    async (form) => {
      const archive = tar('--sparse', form, ...FILES)
      const run = fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }),
        async (changes) => {
          const damaged = Buffer.from(archive)
          for (const [at, byte] of changes) damaged[at] = byte
          const error = await filesOf(damaged).then(
            () => undefined,
            (reason: unknown) => reason,
          )
          if (error !== undefined) expect(error).toBeInstanceOf(DockerIpfsError)
        },
      )
      await fc.assert(run, { numRuns: RUNS / 2 })
    },
    3_600_000,
  )

  test('of a size that no disk has are refused', async () => {
    const pax = { 'GNU.sparse.size': String(2 ** 50), 'GNU.sparse.map': '' }
    await expect(filesOf(tarOf([{ path: 'a', pax }]))).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  })

  test.each(['5,1', '0,600', '0,10,5,1', 'x,1', '0,-1'])('with the map %s are refused', async (map) => {
    const pax = { 'GNU.sparse.size': '5', 'GNU.sparse.map': map }
    const bytes = tarOf([{ path: 'a', pax, body: Buffer.from('12345') }])
    await expect(filesOf(bytes)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  })
})

test('a tar of the seventies is read', async () => {
  writeFileSync(join(folder, 'old'), 'old')
  expect(await filesOf(tar('--format=v7', 'old'))).toEqual({ old: digest(Buffer.from('old')) })
})

test('what stands behind the end of a tar is not looked at', async () => {
  const bytes = tarOf([{ path: 'a', body: Buffer.from('a') }])
  const behind = Buffer.concat([bytes, noise(5000, 'behind')])
  expect(digest(await plain(behind))).toBe(digest(bytes))
  expect(await filesOf(behind)).toEqual({ a: digest(Buffer.from('a')) })
})

test('one block of zeros is no end', async () => {
  const [one, other] = ['a', 'b'].map((path) => tarOf([{ path }], { open: true })) as [Buffer, Buffer]
  const bytes = Buffer.concat([one, Buffer.alloc(512), other, Buffer.alloc(1024)])
  expect(Object.keys(await filesOf(bytes))).toEqual(['a', 'b'])
})

test('what is no tar is passed on, for its reader to say so', async () => {
  const bytes = noise(3000, 'no tar')
  expect(digest(await plain(bytes))).toBe(digest(bytes))
  await expect(filesOf(bytes)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
})

test('who stops early ends the source', async () => {
  let hasEnded = false
  async function* source(): Bytes {
    try {
      for (;;) yield tarOf([{ path: 'a', body: noise(3000, 'a') }], { open: true })
    } finally {
      hasEnded = true
    }
  }
  for await (const _ of plainTar(source())) break
  expect(hasEnded).toBe(true)
})
