import { describe, expect, test } from 'bun:test'
import type { ImageInfo, PackedImage } from '../../../../src/engine/engine.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { writeLayer } from '../../../../src/format/layer.ts'
import { readArchive } from '../../../../src/image/archive.ts'
import { engineInput } from '../../../../src/save/inputs/engine.ts'
import { type Bytes, collect } from '../../../../src/streams.ts'
import { archive20, archiveOci, digest, GOLDEN, type TestImage } from '../../../support/images.ts'
import { MemorySink } from '../../../support/memory-sink.ts'

const image = GOLDEN.strange()
const other = GOLDEN.tiny()
const FORMS = { 'before 25': archive20, 'since 25': (of: TestImage) => archiveOci(of, 'plain') }
const never = new AbortController().signal
const INFO: ImageInfo = { id: digest(image.config), layers: image.diffIds, names: ['app:1'] }

const NODE = { forgets: true, givesHints: true }
const FILE = { forgets: false, givesHints: false }
/** An engine with one image, or none, that packs nothing. */
const only = (found: ImageInfo | undefined) => ({
  inspect: async () => found,
  pack: () => Promise.reject(new Error('packed')),
  save: () => pieces(archive20(image)),
})

interface Story {
  /** What the engine sends. */
  readonly sent: Buffer
  /** What is seen where it packs; undefined where nobody may look. */
  readonly seen?: Buffer | undefined
  readonly onLayer?: () => void
}

/** Reads the image from an engine; says how many pieces of the archive were taken, and how often all began anew. */
async function read({ sent, seen, onLayer = () => {} }: Story) {
  const said = { pieces: 0, resets: 0, stopped: false }
  const packed: PackedImage = {
    archive: pieces(sent, () => {
      said.pieces += 1
    }),
    files: seen === undefined ? undefined : () => readArchive(pieces(seen)),
    stop: () => {
      said.stopped = true
    },
  }
  const engine = { inspect: async () => INFO, pack: async () => packed, save: () => pieces(sent) }
  const input = engineInput('app:1', { engine, signal: never })
  const opened = await input.open(await input.look(NODE), NODE)
  const images = await opened.read({
    platform: undefined,
    over: never,
    findLayer: async () => undefined,
    warn: () => undefined,
    onLayer: async (tar) => {
      onLayer()
      return writeLayer(once(await collect(tar, 1e9, 'a layer')), new MemorySink())
    },
    anew: () => {
      said.resets += 1
    },
  })
  const layers = images.flatMap(({ platforms }) => platforms.flatMap((one) => one.layers.map(({ diffId }) => diffId)))
  return { ...said, layers }
}

async function* pieces(bytes: Buffer, taken: () => void = () => {}): Bytes {
  for (let at = 0; at < bytes.length; at += 1000) {
    taken()
    yield bytes.subarray(at, at + 1000)
  }
}

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}

describe.each(Object.entries(FORMS))('an image in the form of engines %s', (_, form) => {
  test('is read where the engine packs it, which then need not go on', async () => {
    expect(await read({ sent: form(image), seen: form(image) })).toEqual({
      pieces: 0,
      resets: 0,
      stopped: true,
      layers: [...image.diffIds],
    })
  })

  test('is read from what the engine sends, where another one is packed meanwhile', async () => {
    const { pieces, resets, layers } = await read({ sent: form(image), seen: form(other) })
    expect({ resets, layers }).toEqual({ resets: 1, layers: [...image.diffIds] })
    expect(pieces).toBeGreaterThan(1)
  })

  test('is read from what the engine sends, where nobody may look', async () => {
    expect(await read({ sent: form(image) })).toMatchObject({ resets: 0, layers: [...image.diffIds] })
  })
})

test.each([
  ['cut', archiveOci(image, 'plain').subarray(0, 3000)],
  ['empty', Buffer.alloc(0)],
])('what is %s where the engine packs is read from what it sends', async (_, seen) => {
  expect(await read({ sent: archiveOci(image, 'plain'), seen })).toMatchObject({
    resets: 1,
    layers: [...image.diffIds],
  })
})

test('an error that is not of the files is not tried again', async () => {
  const full = new DockerIpfsError('NODE_FAILED', 'the disk of the IPFS node is full')
  const onLayer = () => {
    throw full
  }
  const reading = read({ sent: archive20(image), seen: archive20(image), onLayer })
  expect(await reading.catch((error: unknown) => error)).toBe(full)
})

test.each([
  ['with a hint for a node', NODE, 'See "docker image ls" for the images of this engine.'],
  ['as it is for a file', FILE, undefined],
])('an image that the engine does not have is told before anything is packed, %s', async (_, target, hint) => {
  const looking = engineInput('gone:1', { engine: only(undefined), signal: never }).look(target)
  await expect(looking).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND', message: 'No such image: gone:1', hint })
})

test('for a target that forgets nothing, only what the engine sends is read', async () => {
  const input = engineInput('app:1', { engine: only(INFO), signal: never })
  const opened = await input.open(await input.look(FILE), FILE)
  const [saved] = await opened.read({
    platform: undefined,
    over: never,
    findLayer: async () => undefined,
    onLayer: (tar) => writeLayer(tar, new MemorySink()),
    warn: () => undefined,
    anew: () => {
      throw new Error('read twice')
    },
  })
  expect(saved?.platforms[0]?.layers.map(({ diffId }) => diffId)).toEqual([...image.diffIds])
})

test('an engine that has been asked is not asked again', async () => {
  const engine = { ...only(undefined), inspect: () => Promise.reject(new Error('asked')) }
  const input = engineInput('app:1', { engine, signal: never, found: Promise.resolve(INFO) })
  expect(await input.look(NODE)).toMatchObject({ imageId: INFO.id, diffIds: INFO.layers })
})

test('the image gets the name that it was asked for by, and none where that was an ID', async () => {
  const look = (name: string) => engineInput(name, { engine: only(INFO), signal: never }).look(NODE)
  expect(await look('app:1')).toMatchObject({ names: ['docker.io/library/app:1'], otherNames: ['app:1'] })
  expect(await look(INFO.id.slice(7, 19))).toMatchObject({ names: [], imageId: INFO.id })
})
