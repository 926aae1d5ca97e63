import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { DockerIpfsError } from '../../../src/errors.ts'
import { readArchive } from '../../../src/image/archive.ts'
import { type ImageInput, openInput, pipedInput } from '../../../src/image/input.ts'
import { readPlain, unpackLayer } from '../../../src/image/plain-layers.ts'
import { readSavedImages } from '../../../src/image/saved/saved-image.ts'
import { type Bytes, collect } from '../../../src/streams.ts'
import { archive20, archiveOci, digest, GOLDEN, imageOf, noise, type TestImage } from '../../support/images.ts'
import { tarOf } from '../../support/tar.ts'
import { layerVectors, unxz } from '../../support/vectors.ts'

const signal = new AbortController().signal

function vector(name: string): Buffer {
  const found = layerVectors().find((layer) => layer.name === name)
  if (found === undefined) throw new Error(`no vector "${name}"`)
  return unxz(found.tarXzBase64)
}

/** Plain layers that begin with the magic bytes of gzip, zstd or a skippable frame of zstd. */
const TARS = [
  'plain tar that begins like gzip',
  'plain tar that begins like zstd',
  'plain tar that begins like a skippable frame',
]
const NO_TARS: Readonly<Record<string, () => Buffer>> = {
  'no tar and begins like gzip': () => vector('no tar, begins like gzip'),
  'a gzip file': () => vector('a gzip file as it is'),
  'a zstd frame': () => vector('a zstd frame as it is'),
  'a gzip file at first and then something else': () =>
    Buffer.concat([gzipSync(noise(300_000, 'packed')).subarray(0, 200_000), noise(400_000, 'behind')]),
}

/** An archive of a tool that names layers in its own way. */
function archiveOf(image: TestImage, pathOf: (layer: Buffer) => string, packed = (layer: Buffer) => layer): Buffer {
  const Layers = image.layers.map(pathOf)
  const manifest = [{ Config: 'config.json', RepoTags: null, Layers }]
  return tarOf([
    ...image.layers.map((layer) => ({ path: pathOf(layer), body: packed(layer) })),
    { path: 'config.json', body: image.config },
    { path: 'manifest.json', body: Buffer.from(JSON.stringify(manifest)) },
  ])
}

const hex = (bytes: Buffer) => digest(bytes).slice(7)

/** Forms of archives, and what is said where the layer is no tar and the archive is a pipe; nothing where it is taken. */
const FORMS: readonly (readonly [name: string, of: (image: TestImage) => Buffer, refusal?: RegExp])[] = [
  [
    'an OCI layout',
    (image) => archiveOci(image, 'plain'),
    /^the layer blobs\/\S+ begins like \w+, but is stored as it is$/,
  ],
  [
    'files named by diffID',
    (image) => archiveOf(image, (layer) => `${hex(layer)}.tar`),
    /^the layer \S+\.tar begins like \w+, but is stored as it is$/,
  ],
  // What its files are called says nothing, so that it may as well be damaged.
  [
    'files with other names',
    (image) => archiveOf(image, (layer) => `layers/${hex(layer).slice(0, 6)}.bin`),
    /^a gzip layer cannot be unpacked|has diffID .* but the config says/,
  ],
  ['Docker before 25', archive20, /^a gzip layer cannot be unpacked|has diffID .* but the config says/],
]

async function read(input: ImageInput): Promise<string[]> {
  const images = await readSavedImages(input.entries(), {
    diffIds: new Set(),
    again: input.again ? () => input.entries() : undefined,
    onLayer: async (tar) => ({ diffId: digest(await collect(tar, 1 << 24, 'a layer')) }),
  })
  return images.flatMap(({ platforms }) => platforms.flatMap(({ layers }) => layers.map(({ diffId }) => diffId)))
}

async function fromFile(archive: Buffer): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'plain-layers-'))
  try {
    const path = join(folder, 'image.tar')
    await Bun.write(path, archive)
    return await read(await openInput(path, signal))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function fromPipe(archive: Buffer): Promise<string[]> {
  return read(pipedInput(pieces(archive), signal))
}

async function* pieces(bytes: Buffer): Bytes {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
}

async function failure(work: Promise<unknown>): Promise<DockerIpfsError> {
  const error = await work.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(DockerIpfsError)
  return error as DockerIpfsError
}

describe.each(FORMS)('of %s', (_, archiveFor, refusal) => {
  const imageWith = (odd: Buffer) => imageOf([GOLDEN.tiny().layers[0] ?? odd, odd, odd])

  test.each(TARS)('a %s is taken from a file and from a pipe', async (name) => {
    const image = imageWith(vector(name))
    expect(await fromFile(archiveFor(image))).toEqual([...image.diffIds])
    expect(await fromPipe(archiveFor(image))).toEqual([...image.diffIds])
  })

  test.each(Object.entries(NO_TARS))('a layer that is %s is taken from a file', async (_, layer) => {
    const image = imageWith(layer())
    expect(await fromFile(archiveFor(image))).toEqual([...image.diffIds])
  })

  test.each(Object.entries(NO_TARS))('a layer that is %s is taken from a pipe, or refused', async (_, layer) => {
    const image = imageWith(layer())
    const taken = fromPipe(archiveFor(image))
    if (refusal === undefined) expect(await taken).toEqual([...image.diffIds])
    else expect((await failure(taken)).message).toMatch(refusal)
  })
})

test('who pipes a layer that can be read from a file only is told so', async () => {
  const { code, hint } = await failure(fromPipe(archiveOci(imageOf([vector('a gzip file as it is')]), 'plain')))
  expect(code).toBe('ARCHIVE_INVALID')
  expect(hint).toEndWith('write the archive into a file, and save that.')
})

describe('a packed layer', () => {
  const image = imageOf([tarOf([{ path: 'a', body: Buffer.from('a') }])])
  const skippable = Buffer.concat([Buffer.from('502a4d1803000000', 'hex'), Buffer.from('abc')])

  test.each<[string, (layer: Buffer) => Buffer]>([
    ['gzip', (layer) => gzipSync(layer)],
    ['zstd', (layer) => zstdCompressSync(layer)],
    ['zstd behind a skippable frame', (layer) => Buffer.concat([skippable, zstdCompressSync(layer)])],
  ])('of %s is unpacked', async (_, packed) => {
    const archive = archiveOf(image, (layer) => `${hex(packed(layer))}.tar.gz`, packed)
    expect(await fromFile(archive)).toEqual([...image.diffIds])
    expect(await fromPipe(archive)).toEqual([...image.diffIds])
  })

  test('that is damaged is refused in the words of what cannot be unpacked, from a file and from a pipe', async () => {
    const damaged = (layer: Buffer) => gzipSync(layer).fill(0, 20, 30)
    const archive = archiveOf(image, (layer) => `blobs/sha256/${hex(damaged(layer))}`, damaged)
    for (const from of [fromFile, fromPipe]) {
      const { code, message } = await failure(from(archive))
      expect(code).toBe('ARCHIVE_INVALID')
      expect(message).toStartWith('a gzip layer cannot be unpacked (')
    }
  })

  test('of other bytes than the config says is not taken as it is', async () => {
    const other = tarOf([{ path: 'b' }])
    const archive = archiveOf(
      image,
      () => 'layers/a.bin',
      () => gzipSync(other),
    )
    for (const from of [fromFile, fromPipe]) {
      const { code, message } = await failure(from(archive))
      expect(code).toBe('INTEGRITY')
      expect(message).toContain(`has diffID ${digest(other)}, but the config says ${image.diffIds[0]}`)
    }
  })

  test('that is no layer may be damaged', async () => {
    const archive = Buffer.concat([
      tarOf([{ path: 'blobs/sha256/unused', body: Buffer.from('1f8b0000', 'hex') }], { open: true }),
      archiveOf(image, (layer) => `${hex(layer)}.tar`),
    ])
    expect(await fromPipe(archive)).toEqual([...image.diffIds])
  })
})

test('a layer that cannot be unpacked is read to its end, so that nothing stays open', async () => {
  let isOver = false
  async function* body(): Bytes {
    yield Buffer.from('1f8b0000', 'hex')
    for (let at = 0; at < 100; at += 1) yield noise(100_000, 'more')
    isOver = true
  }
  const read = await unpackLayer(body(), 'gzip', async (tar) => digest(await collect(tar, 100, 'a layer')))
  expect(read).toMatchObject({ layer: undefined, failure: { code: 'ARCHIVE_INVALID' } })
  expect(isOver).toBe(true)
})

test('a failure of who takes the bytes is none of the layer', async () => {
  async function* body(): Bytes {
    yield gzipSync('text')
  }
  const full = () => Promise.reject(new Error('the disk is full'))
  await expect(unpackLayer(body(), 'gzip', full)).rejects.toThrow('the disk is full')
})

describe('an archive', () => {
  const odd = gzipSync('not unpacked')
  const diffId = digest(odd)
  const counted = (archive: Buffer) => {
    let rounds = 0
    async function* again() {
      rounds += 1
      yield* readArchive(pieces(archive))
    }
    return { again, rounds: () => rounds }
  }

  test('is read once more for a layer that an image has several times', async () => {
    const image = imageOf([odd, odd, odd])
    const { again, rounds } = counted(archiveOci(image, 'plain'))
    await readSavedImages(again(), {
      diffIds: new Set(),
      again,
      onLayer: async (tar) => ({ diffId: digest(await collect(tar, 1000, 'a layer')) }),
    })
    expect(rounds()).toBe(2)
  })

  test('is not read once more for a blob that cannot be the layer, since it has another digest', async () => {
    const { again, rounds } = counted(Buffer.alloc(0))
    const path = `blobs/sha256/${'0'.repeat(64)}`
    const wrong = () => Promise.reject(new Error('it was read'))
    expect(await readPlain({ path, packing: 'gzip', diffId, again }, wrong)).toBeUndefined()
    expect(rounds()).toBe(0)
  })
})

test('an archive whose first file has a name that begins like gzip is no packed archive', async () => {
  const image = GOLDEN.tiny()
  const archive = Buffer.concat([tarOf([{ path: '\x1f\x8bname' }], { open: true }), archiveOci(image, 'plain')])
  expect(await fromPipe(archive)).toEqual([...image.diffIds])
})
