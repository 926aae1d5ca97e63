import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Engine } from '../../../src/engine/engine.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { readArchive } from '../../../src/image/archive.ts'
import { askForImage, readPacked } from '../../../src/save/packed-image.ts'
import { type Bytes, collect, sha256 } from '../../../src/streams.ts'
import { archive20, archiveOci, digest, GOLDEN, type TestImage } from '../../support/images.ts'

const image = GOLDEN.strange()
const other = GOLDEN.tiny()
const FORMS = { 'before 25': archive20, 'since 25': (of: TestImage) => archiveOci(of, 'plain') }
const never = new AbortController().signal

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'packed-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Puts the files of an archive where an engine packs. */
async function pack(archive: Buffer): Promise<void> {
  for await (const { path, linkTarget, body } of readArchive(once(archive))) {
    const file = join(folder, 'docker-export-7', path)
    mkdirSync(dirname(file), { recursive: true })
    if (linkTarget === undefined) writeFileSync(file, await collect(body, 1e9, path))
    else symlinkSync(linkTarget, file)
  }
}

async function* once(bytes: Buffer): Bytes {
  yield bytes
}

interface Story {
  readonly archive: Buffer
  /** What becomes of the folder once the engine was asked. */
  readonly packing?: () => Promise<void>
  readonly onLayer?: (tar: Uint8Array) => void
  readonly place?: string
}

/** Reads the image from an engine; says what was read of the archive, and how often all began anew. */
async function read({ archive, packing = async () => {}, onLayer = () => {}, place = folder }: Story) {
  const said = { sent: 0, resets: 0 }
  const engine = {
    packingFolder: async () => place,
    async *save(): Bytes {
      await packing()
      for (let at = 0; at < archive.length; at += 1000) {
        said.sent += 1
        yield archive.subarray(at, at + 1000)
      }
    },
  }
  const found = { id: digest(image.config), layers: image.diffIds, names: [] }
  const packed = await askForImage(found, { engine: engine as unknown as Engine, signal: never })
  const reading = {
    onLayer: async (tar: Bytes) => {
      const bytes = await collect(tar, 1e9, 'a layer')
      onLayer(bytes)
      return { diffId: sha256(bytes) }
    },
  }
  const again = () => {
    said.resets += 1
  }
  const { platforms } = await readPacked(packed, reading, { signal: never, again })
  return { ...said, platforms }
}

const platforms = [
  expect.objectContaining({
    configBytes: expect.anything(),
    layers: image.diffIds.map((diffId) => ({ diffId })),
  }),
]

test.each(Object.entries(FORMS))(
  'an image is read where the engine packs it, in the form of engines %s',
  async (_, form) => {
    const result = await read({ archive: form(image), packing: () => pack(form(image)) })
    // The first piece says that all is packed.
    expect(result).toMatchObject({ sent: 1, resets: 0, platforms })
  },
)

test.each(Object.entries(FORMS))(
  'somebody else packs another image meanwhile: what the engine sends counts, in the form of engines %s',
  async (_, form) => {
    const result = await read({ archive: form(image), packing: () => pack(form(other)) })
    expect(result).toMatchObject({ resets: 1, platforms })
    expect(result.sent).toBeGreaterThan(1)
  },
)

test('what is cut where the engine packs is read from what it sends', async () => {
  const cut = async () => {
    await pack(archiveOci(image, 'plain'))
    const blobs = join(folder, 'docker-export-7', 'blobs', 'sha256')
    writeFileSync(join(blobs, (image.diffIds[0] as string).slice(7)), 'cut')
  }
  expect(await read({ archive: archiveOci(image, 'plain'), packing: cut })).toMatchObject({ resets: 1, platforms })
})

test('where nothing is seen, or to be seen, the engine is waited for', async () => {
  const archive = archive20(image)
  expect(await read({ archive })).toMatchObject({ resets: 1, platforms })
  expect(await read({ archive, place: join(folder, 'nowhere') })).toMatchObject({ resets: 0, platforms })
})

test('an error that is not of the files is not tried again', async () => {
  const full = new DockerIpfsError('NODE_FAILED', 'the disk of the IPFS node is full')
  const archive = archive20(image)
  const reading = read({
    archive,
    packing: () => pack(archive),
    onLayer: () => {
      throw full
    },
  })
  expect(await reading.catch((error: unknown) => error)).toBe(full)
})
