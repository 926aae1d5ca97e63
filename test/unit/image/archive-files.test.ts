import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type LayerFile, lastEntry, readLayerFiles } from '../../../src/image/archive-files.ts'
import type { Bytes } from '../../../src/streams.ts'
import { noise } from '../../support/images.ts'
import { type Entry, tarOf } from '../../support/tar.ts'

async function* pieces(...parts: readonly Uint8Array[]): Bytes {
  yield* parts
}

const read = (bytes: Uint8Array) => Array.fromAsync(readLayerFiles(pieces(bytes), 'layer 1'))
async function stateOf(entry: Entry): Promise<LayerFile['state']> {
  const [file] = await read(tarOf([entry]))
  return file?.state ?? ''
}

describe('the files of a layer', () => {
  test('have paths without slashes at their ends, and the sizes of their contents', async () => {
    const tar = tarOf([
      { path: './', type: '5' },
      { path: './etc/', type: '5' },
      { path: '/etc/passwd', body: Buffer.from('root') },
      { path: 'etc/link', type: '2', linkTarget: 'passwd' },
    ])
    expect((await read(tar)).map(({ path, isDirectory, size }) => [path, isDirectory, size])).toEqual([
      ['', true, 0],
      ['etc', true, 0],
      ['etc/passwd', false, 4],
      ['etc/link', false, 0],
    ])
  })

  test('are the same whatever their times', async () => {
    const file = { path: 'a', body: noise(2000, 'a') }
    expect(await stateOf({ ...file, mtime: 1 })).toBe(await stateOf({ ...file, mtime: 2 }))
  })

  const file = { path: 'a', body: Buffer.from('a') }
  test.each<[string, Entry, Entry]>([
    ['contents', file, { ...file, body: Buffer.from('b') }],
    ['mode', file, { ...file, mode: 0o755 }],
    ['type', { path: 'a' }, { path: 'a', type: '6' }],
    ['link', { path: 'a', type: '2', linkTarget: 'x' }, { path: 'a', type: '2', linkTarget: 'y' }],
  ])('differ by %s', async (_, one, other) => {
    expect(await stateOf(one)).not.toBe(await stateOf(other))
  })

  test('cannot be read of what is no tar, or is cut', async () => {
    const error = { code: 'INTEGRITY', message: expect.stringMatching(/^the files of layer 1 cannot be read \(/) }
    await expect(read(noise(5000, 'x'))).rejects.toMatchObject(error)
    await expect(read(tarOf([{ path: 'a', body: noise(5000, 'a') }]).subarray(0, 2000))).rejects.toMatchObject(error)
  })

  test('fail with the error of their source', async () => {
    async function* gone(): Bytes {
      yield tarOf([file]).subarray(0, 512)
      throw new DockerIpfsError('CONTENT_NOT_FOUND', 'nobody has it')
    }
    const files = Array.fromAsync(readLayerFiles(gone(), 'layer 1'))
    await expect(files).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })
})

describe('the last entry of a tar that is cut', () => {
  const tar = tarOf([
    { path: 'a', body: noise(1000, 'a') },
    { path: 'b', body: noise(1000, 'b') },
  ])

  test.each<[string, number, object | undefined]>([
    ['before the first', 100, undefined],
    ['in the first', 700, { path: 'a', isOpen: true }],
    ['behind the first', 1536, { path: 'a', isOpen: false }],
    ['in the second', 2100, { path: 'b', isOpen: true }],
    ['at its end', tar.length, { path: 'b', isOpen: false }],
  ])('%s', async (_, length, expected) => {
    expect(await lastEntry(pieces(tar.subarray(0, length)))).toEqual(expected as never)
  })

  test('fails with its source', async () => {
    async function* gone(): Bytes {
      yield tar.subarray(0, 700)
      throw new Error('gone')
    }
    await expect(lastEntry(gone())).rejects.toThrow('gone')
  })
})
