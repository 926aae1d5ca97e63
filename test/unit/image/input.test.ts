import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { fileFailed, type ImageInput, openInput, outputFile, pipedInput } from '../../../src/image/input.ts'
import { type Bytes, collect } from '../../../src/streams.ts'
import { never } from '../../support/never.ts'
import { tarOf } from '../../support/tar.ts'

const top = mkdtempSync(join(tmpdir(), 'docker-ipfs-input-'))
afterAll(() => rmSync(top, { recursive: true }))

const signal = new AbortController().signal
const ARCHIVE = tarOf([
  { path: './a.json', body: Buffer.from('{}') },
  { path: 'b', type: '2', linkTarget: 'a.json' },
])
const CONTENTS = ['a.json: {}', 'b -> a.json']

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(top, 'case-'))
})

function file(name: string, bytes: string | Uint8Array): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, bytes)
  return path
}

async function contents(input: ImageInput): Promise<string[]> {
  const all: string[] = []
  for await (const { path, linkTarget, body } of input.entries()) {
    all.push(linkTarget === undefined ? `${path}: ${await collect(body, 1e6, path)}` : `${path} -> ${linkTarget}`)
  }
  return all
}

async function* inPieces(bytes: Uint8Array, size = 100): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('an archive', () => {
  const through = (program: string) => Buffer.from(Bun.spawnSync([program, '-c'], { stdin: ARCHIVE }).stdout)
  const PACKINGS = {
    plain: ARCHIVE,
    gzip: gzipSync(ARCHIVE),
    zstd: zstdCompressSync(ARCHIVE),
    xz: through('xz'),
    bzip2: through('bzip2'),
  }

  test.each(Object.entries(PACKINGS))('in a file is read as often as need be: %s', async (_, bytes) => {
    const path = file('images.tar', bytes)
    const input = await openInput(path, signal)
    expect(input).toMatchObject({ name: path, again: true })
    expect(await contents(input)).toEqual(CONTENTS)
    expect(await contents(input)).toEqual(CONTENTS)
  })

  test.each(Object.entries(PACKINGS))('that is piped in is read once: %s', async (_, bytes) => {
    const input = pipedInput(inPieces(bytes), signal)
    expect(input).toMatchObject({ name: 'the standard input', again: false })
    expect(await contents(input)).toEqual(CONTENTS)
  })

  test('that is none is told with what it is', async () => {
    const path = file('images.tar', 'PK\x03\x04')
    await expect(contents(await openInput(path, signal))).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: `${path} is a zip file, and no image archive`,
    })
    await expect(contents(pipedInput(inPieces(Buffer.alloc(0)), signal))).rejects.toThrow('the archive is empty')
  })

  test('whose packing is cut is told so', async () => {
    const path = file('cut.gz', gzipSync(ARCHIVE).subarray(0, 60))
    await expect(contents(await openInput(path, signal))).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: expect.stringContaining('the gzip archive cannot be unpacked'),
    })
  })

  test('in a pipe that stands still is not waited for when all is cancelled', async () => {
    const user = new AbortController()
    async function* stuck(): Bytes {
      yield ARCHIVE.subarray(0, 100)
      yield await never(user.signal)
    }
    const reading = contents(pipedInput(stuck(), user.signal))
    const reason = new Error('cancelled')
    user.abort(reason)
    await expect(reading).rejects.toThrow('cancelled')
  })
})

describe('a file that is not there', () => {
  test('is told at once, in the words of docker', async () => {
    const path = join(folder, 'nope.tar')
    await expect(openInput(path, signal)).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: `open ${path}: no such file or directory`,
    })
  })

  test('any more is told when it is read', async () => {
    const path = file('gone.tar', ARCHIVE)
    const input = await openInput(path, signal)
    rmSync(path)
    await expect(contents(input)).rejects.toMatchObject({ code: 'FILE_FAILED' })
  })
})

describe('an OCI layout', () => {
  test('is its documents and its blobs in order; folders and what is beside them are not looked at', async () => {
    file('blobs/sha256/b', 'two')
    file('blobs/sha256/a', 'one')
    file('blobs/sha512/c', 'of another kind')
    file('blobs/sha256/folder/d', 'below')
    symlinkSync('../../store/e', join(folder, 'blobs', 'sha256', 'link'))
    symlinkSync('nowhere', join(folder, 'blobs', 'sha256', 'lost'))
    file('store/e', 'behind a link')
    for (const name of ['index.json', 'oci-layout', 'manifest.json']) file(name, '{}')
    const input = await openInput(folder, signal)
    expect(input).toMatchObject({ name: folder, again: true })
    const documents = ['oci-layout: {}', 'index.json: {}', 'manifest.json: {}']
    const blobs = ['blobs/sha256/a: one', 'blobs/sha256/b: two', 'blobs/sha256/link: behind a link']
    const all = [...documents, ...blobs]
    expect(await contents(input)).toEqual(all)
    expect(await contents(input)).toEqual(all)
  })

  test('is not read out of its folder, wherever a link leads', async () => {
    const outside = join(mkdtempSync(join(top, 'outside-')), 'secret')
    writeFileSync(outside, 'secret')
    file('index.json', '{}')
    mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true })
    symlinkSync(outside, join(folder, 'blobs', 'sha256', 'link'))
    await expect(contents(await openInput(folder, signal))).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: `blobs/sha256/link of ${folder} is a link to ${realpathSync(outside)}, which is not in that folder`,
    })
  })

  test('that has no index, or no blobs, is none', async () => {
    await expect(openInput(folder, signal)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: `${folder} is no OCI image layout: it has no index.json`,
    })
    file('index.json', '{}')
    await expect(contents(await openInput(folder, signal))).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: `${folder} is no OCI image layout: it has no blobs`,
    })
  })
})

test.each([
  ['EACCES', 'open x: permission denied'],
  ['EISDIR', 'open x: is a directory'],
  ['ENOTDIR', 'open x: not a directory'],
  ['ENOSPC', 'open x: no space left on device'],
  ['EIO', 'open x: what the system says'],
])('an error of the file system is told in the words of docker: %s', (code, message) => {
  const cause = Object.assign(new Error('what the system says'), { code })
  expect(fileFailed('x', cause)).toMatchObject({ code: 'FILE_FAILED', message, cause })
})

describe('a file that is to be written', () => {
  test('is where it was named, if its folder is there', async () => {
    expect(await outputFile(join(folder, 'new.car'))).toBe(join(folder, 'new.car'))
    const nowhere = join(folder, 'nowhere')
    await expect(outputFile(join(nowhere, 'new.car'))).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: `invalid output path: directory "${nowhere}" does not exist`,
    })
  })

  test('is behind links, as writing into it would be', async () => {
    const path = file('real.car', '')
    symlinkSync('real.car', join(folder, 'link.car'))
    expect(await outputFile(join(folder, 'link.car'))).toBe(realpathSync(path))
  })

  test.each(['/dev/null', top])('is no folder, and no device: %s', async (path) => {
    await expect(outputFile(path)).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: `invalid output path: "${path}" is no regular file`,
    })
  })
})
