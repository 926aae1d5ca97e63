import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { DockerIpfsError, type ErrorCode } from '../../../../src/errors.ts'
import { readSavedImage } from '../../../../src/image/saved/saved-image.ts'
import type { Bytes } from '../../../../src/streams.ts'
import { archive20, archiveOci, digest, GOLDEN, imageOf, type TestImage } from '../../../support/images.ts'
import { tarOf } from '../../../support/tar.ts'

const image = GOLDEN.strange()
const layouts = { 'of engines before 25': archive20, 'of a classic store': plain, 'of a containerd store': gzip }

function plain(of: TestImage): Buffer {
  return archiveOci(of, 'plain')
}

function gzip(of: TestImage): Buffer {
  return archiveOci(of, 'gzip')
}

async function read(
  archive: Uint8Array,
  of = image,
  findLayer?: (key: string) => Promise<{ diffId: string } | undefined>,
) {
  const saved = await readSavedImage(inPieces(archive), {
    diffIds: new Set(of.diffIds),
    onLayer: async (tar) => ({ diffId: await digestOfStream(tar) }),
    ...(findLayer === undefined ? {} : { findLayer }),
  })
  return onlyPlatform(saved)
}

function onlyPlatform<T>({ platforms }: { readonly platforms: readonly T[] }): T {
  expect(platforms).toHaveLength(1)
  return platforms[0] as T
}

async function* inPieces(bytes: Uint8Array): Bytes {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000)
}

async function digestOfStream(source: Bytes): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of source) hash.update(bytes)
  return `sha256:${hash.digest('hex')}`
}

async function failure(work: Promise<unknown>): Promise<DockerIpfsError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(DockerIpfsError)
  return error as DockerIpfsError
}

/** Where a file of an archive ends; what comes behind the last that counts is not waited for. */
function endOf(path: string, archive: Buffer): number {
  const at = archive.indexOf(`${path}\0`)
  return at + 512 + Number.parseInt(archive.toString('latin1', at + 124, at + 136), 8)
}

describe('readSavedImage', () => {
  for (const [name, layout] of Object.entries(layouts)) {
    test(`reads the layout ${name}: config, layers in order, repeated layers`, async () => {
      const saved = await read(layout(image))
      expect(Buffer.from(saved.configBytes).equals(image.config)).toBe(true)
      expect(saved.layers.map((layer) => layer.diffId)).toEqual([...image.diffIds])
    })

    test(`finds out that the layout ${name} is cut short, wherever that is`, async () => {
      const archive = layout(image)
      const end = endOf('manifest.json', archive)
      await fc.assert(
        fc.asyncProperty(fc.nat(end - 1), async (length) => {
          const { code } = await failure(read(archive.subarray(0, length)))
          expect(code).toBe('ARCHIVE_INVALID')
        }),
        { numRuns: 60 },
      )
    })

    test(`passes on the words of an engine that failed in the middle of the layout ${name}`, async () => {
      const words = Buffer.from('{"errorDetail":{"message":"disk broke"},"error":"disk broke"}\n')
      const error = await failure(read(Buffer.concat([layout(image).subarray(0, 5000), words])))
      expect(error.code).toBe('ENGINE_FAILED')
      expect(error.message).toBe('the Docker engine stopped in the middle of the image: disk broke')
    })
  }

  test('refuses a layer whose bytes do not have the diffID of the config', async () => {
    const other = imageOf([tarOf([{ path: 'a', body: Buffer.from('a') }])])
    const lying: TestImage = { ...other, layers: [tarOf([{ path: 'a', body: Buffer.from('b') }])] }
    for (const layout of Object.values(layouts)) {
      const error = await failure(read(layout(lying), lying))
      expect(error.code).toBe<ErrorCode>('INTEGRITY')
      expect(error.message).toContain('the config says')
    }
  })

  test('refuses an archive without a layer that manifest.json names', async () => {
    const bytes = plain(image)
    const name = image.diffIds[1]?.slice(7) ?? ''
    const at = bytes.indexOf(`blobs/sha256/${name}`)
    const renamed = Buffer.from(bytes)
    renamed.write('x', at)
    // The header's checksum must stay right.
    renamed.write(
      `${(Number.parseInt(renamed.toString('latin1', at + 148, at + 154), 8) + 'x'.charCodeAt(0) - 'b'.charCodeAt(0)).toString(8).padStart(6, '0')}`,
      at + 148,
    )
    const error = await failure(read(renamed))
    expect(error.message).toBe(`the image archive is incomplete: it lacks the layer blobs/sha256/${name}`)
  })

  test('takes a layer that is known without reading it into a new one', async () => {
    const made: string[] = []
    const saved = await readSavedImage(inPieces(plain(image)), {
      diffIds: new Set(image.diffIds),
      findLayer: async (key) => (key === image.diffIds[0]?.slice(7) ? { diffId: `sha256:${key}` } : undefined),
      onLayer: async (tar) => {
        const diffId = await digestOfStream(tar)
        made.push(diffId)
        return { diffId }
      },
    })
    expect(onlyPlatform(saved).layers.map((layer) => layer.diffId)).toEqual([...image.diffIds])
    expect(made).toEqual([image.diffIds[1] ?? ''])
  })

  test('finds out when a layer that should be known has another diffID', async () => {
    const wrong = { diffId: digest(Buffer.from('something else')) }
    const error = await failure(read(archive20(image), image, async () => wrong))
    expect(error.code).toBe('CATALOGUE_STALE')
  })

  test('survives any damage to an archive without a wrong result', async () => {
    const archive = gzip(GOLDEN.tiny())
    await fc.assert(
      fc.asyncProperty(fc.nat(archive.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(archive)
        damaged[at] = (damaged[at] as number) ^ flip
        const saved = await read(damaged, GOLDEN.tiny()).catch((error: unknown) => {
          expect(error).toBeInstanceOf(DockerIpfsError)
        })
        if (saved) expect(saved.layers.map((layer) => layer.diffId)).toEqual([...GOLDEN.tiny().diffIds])
      }),
      { numRuns: 300 },
    )
  })
})
