import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { readArchive } from '../../../src/image/archive.ts'
import { type Bytes, collect } from '../../../src/streams.ts'
import { noise } from '../../support/images.ts'
import { tarOf } from '../../support/tar.ts'

async function* pieces(...parts: readonly Uint8Array[]): Bytes {
  yield* parts
}

/** Paths with what is in them, read to the end. */
async function read(source: Bytes): Promise<string[]> {
  const found: string[] = []
  for await (const { path, size, linkTarget, body } of readArchive(source)) {
    const text =
      linkTarget === undefined ? Buffer.from(await collect(body, 1 << 20, path)).toString() : `-> ${linkTarget}`
    found.push(`${path} ${size} ${text}`)
  }
  return found
}

const whole = tarOf([
  { path: 'dir/', type: '5' },
  { path: './dir/a', body: Buffer.from('aaa') },
  { path: '/b', body: Buffer.from('b') },
  { path: 'soft', type: '2', linkTarget: '../x' },
  { path: 'hard', type: '1', linkTarget: 'b' },
  { path: 'null', type: '3' },
])

describe('an archive', () => {
  test('is its files and links, without what stands before their paths, and without folders and devices', async () => {
    expect(await read(pieces(whole))).toEqual(['dir/a 3 aaa', 'b 1 b', 'soft 0 -> x', 'hard 0 -> b'])
  })

  test('may leave files unread', async () => {
    const large = tarOf([
      { path: 'a', body: noise(300_000, 'a') },
      { path: 'b', body: Buffer.from('b') },
    ])
    const paths: string[] = []
    for await (const { path } of readArchive(pieces(large))) paths.push(path)
    expect(paths).toEqual(['a', 'b'])
  })

  test('is empty where it has no file', async () => {
    expect(await read(pieces(tarOf([])))).toEqual([])
  })
})

describe('an archive that fails', () => {
  const cut = whole.subarray(0, 1700)

  test('is told as cut or damaged', async () => {
    const damaged = Buffer.from(whole)
    damaged.fill(0x55, 512, 700)
    for (const bytes of [cut, damaged]) {
      await expect(read(pieces(bytes))).rejects.toMatchObject({
        code: 'ARCHIVE_INVALID',
        message: expect.stringMatching(/^the image archive is cut short or damaged \(/),
      })
    }
  })

  test('tells it to who reads the file in which it is cut', async () => {
    const bodies: Promise<unknown>[] = []
    const reading = (async () => {
      for await (const { body } of readArchive(
        pieces(tarOf([{ path: 'a', body: noise(5000, 'a') }]).subarray(0, 2000)),
      )) {
        bodies.push(collect(body, 1 << 20, 'a').catch(({ code }: DockerIpfsError) => code))
        await bodies[0]
      }
    })()
    await expect(reading).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
    expect(await Promise.all(bodies)).toEqual(['ARCHIVE_INVALID'])
  })

  test('tells it in the words of its source', async () => {
    async function* gone(): Bytes {
      yield cut
      throw new DockerIpfsError('ENGINE_UNREACHABLE', 'gone')
    }
    await expect(read(gone())).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE', message: 'gone' })
  })

  const words = Buffer.from('{"errorDetail":{"message":"no space"},"error":"no space"}\r\n')

  test.each<[string, readonly Uint8Array[]]>([
    ['behind the whole archive', [whole, words]],
    ['where it broke off', [cut, words]],
    ['in two pieces', [whole, words.subarray(0, 20), words.subarray(20)]],
  ])('tells it in the words of an engine, %s', async (_, parts) => {
    await expect(read(pieces(...parts))).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'the Docker engine stopped in the middle of the image: no space',
    })
  })

  test('takes nothing for the words of an engine that are none', async () => {
    expect(await read(pieces(whole, Buffer.from('{"errorDetail":')))).toEqual(await read(pieces(whole)))
    await expect(read(pieces(whole, Buffer.from('{"errorDetail":{}}')))).rejects.toMatchObject({
      message: 'the Docker engine stopped in the middle of the image: no message',
    })
  })
})
