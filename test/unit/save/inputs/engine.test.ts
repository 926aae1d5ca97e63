import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beginPacking } from '../../../../src/engine/docker/packing.ts'
import type { ImageInfo } from '../../../../src/engine/engine.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { writeLayer } from '../../../../src/format/layer.ts'
import { engineInput } from '../../../../src/save/inputs/engine.ts'
import { type Bytes, collect } from '../../../../src/streams.ts'
import { archive20, archiveOci, digest, GOLDEN, type TestImage } from '../../../support/images.ts'
import { packInto } from '../../../support/memory/engine.ts'
import { MemorySink } from '../../../support/memory-sink.ts'
import { never as forever } from '../../../support/never.ts'

const image = GOLDEN.strange()
const other = GOLDEN.tiny()
const FORMS = { 'before 25': archive20, 'since 25': (of: TestImage) => archiveOci(of, 'plain') }
const never = new AbortController().signal
const INFO: ImageInfo = { id: digest(image.config), layers: image.diffIds, names: ['app:1'] }

const NODE = { forgets: true, givesHints: true }
const FILE = { forgets: false, givesHints: false }
/** Of an engine that reaches no registry here. */
const NO_PUSH = {
  mayReach: async () => false,
  info: () => Promise.reject(new Error('asked')),
  push: () => Promise.reject(new Error('pushed')),
  tag: () => Promise.reject(new Error('named')),
  remove: () => Promise.reject(new Error('removed')),
}
/** An engine with one image, or none, that packs nothing. */
const only = (found: ImageInfo | undefined) => ({
  images: async () => [],
  inspect: async () => found,
  pack: () => Promise.reject(new Error('packed')),
  save: () => pieces(archive20(image)),
  ...NO_PUSH,
})

let folder: string
let user: AbortController
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-engine-'))
  user = new AbortController()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const EXPORT = 'docker-export-7'
const pack = (archive: Buffer) => packInto(join(folder, EXPORT), archive)

interface Story {
  /** What the engine sends. */
  readonly sent: Buffer
  /** What becomes of the folder in which it packs, ahead of the first byte. */
  readonly packing?: () => Promise<unknown>
  readonly onLayer?: () => void
  /** The folder, where it is another one. */
  readonly place?: string | undefined
}

/** Reads the image from an engine; says how many pieces of the archive were taken, and how often all began anew. */
async function read(story: Story) {
  const { sent, packing = async () => {}, onLayer = () => {} } = story
  const place = 'place' in story ? story.place : folder
  const said = { pieces: 0, resets: 0, isStopped: false }
  async function* save(limited: AbortSignal): Bytes {
    limited.addEventListener('abort', () => {
      said.isStopped = true
    })
    await packing()
    yield* pieces(sent, () => {
      said.pieces += 1
    })
  }
  const { signal } = user
  const engine = { ...only(INFO), pack: () => beginPacking({ folder: async () => place, save, signal }) }
  const input = engineInput('app:1', { engine, signal })
  const opened = await input.open(await input.look(NODE), NODE)
  const images = await opened.read({
    platform: undefined,
    over: signal,
    findLayer: async () => undefined,
    warn: () => undefined,
    onLayer: async (tar) => {
      const bytes = await collect(tar, 1e9, 'a layer')
      onLayer()
      return writeLayer(once(bytes), new MemorySink())
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

const layers = [...image.diffIds]

describe.each(Object.entries(FORMS))('an image in the form of engines %s', (_, form) => {
  test('is read where the engine packs it, which then need not go on', async () => {
    const result = await read({ sent: form(image), packing: () => pack(form(image)) })
    // The first piece says that all is packed.
    expect(result).toEqual({ pieces: 1, resets: 0, isStopped: true, layers })
  })

  test('is read from what the engine sends, where another one is packed meanwhile', async () => {
    const result = await read({ sent: form(image), packing: () => pack(form(other)) })
    expect(result).toMatchObject({ resets: 1, isStopped: false, layers })
    expect(result.pieces).toBeGreaterThan(1)
  })

  test('is read from what the engine sends, where nothing is seen', async () => {
    expect(await read({ sent: form(image) })).toMatchObject({ resets: 1, layers })
  })

  test.each([
    ['is not here', 'nowhere'],
    ['there is none of', undefined],
  ])('is read from what the engine sends, where the folder %s', async (_, name) => {
    const place = name === undefined ? undefined : join(folder, name)
    expect(await read({ sent: form(image), place })).toMatchObject({ resets: 0, layers })
  })
})

const PLAIN = archiveOci(image, 'plain')

test('what is cut where the engine packs is read from what it sends', async () => {
  // At once: whoever looks while the engine packs sees no whole file.
  const packing = async () => {
    const hidden = join(folder, 'hidden', EXPORT)
    await packInto(hidden, PLAIN)
    writeFileSync(join(hidden, 'blobs', 'sha256', (layers[0] ?? '').slice(7)), 'cut')
    renameSync(hidden, join(folder, EXPORT))
  }
  expect(await read({ sent: PLAIN, packing })).toMatchObject({ resets: 1, layers })
})

test('what is gone before it was read is read from what the engine sends', async () => {
  const onLayer = () => rmSync(join(folder, EXPORT), { recursive: true, force: true })
  expect(await read({ sent: PLAIN, packing: () => pack(PLAIN), onLayer })).toMatchObject({ resets: 1, layers })
})

test('who cancels waits neither for an engine that packs nor for what it sends', async () => {
  for (const place of [folder, undefined]) {
    user = new AbortController()
    const reading = read({ sent: PLAIN, packing: () => forever(user.signal), place })
    const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')
    user.abort(cancelled)
    expect(await reading.catch((error: unknown) => error)).toBe(cancelled)
  }
})

test('an error that is not of the files is not tried again', async () => {
  const full = new DockerIpfsError('NODE_FAILED', 'the disk of the IPFS node is full')
  const onLayer = () => {
    throw full
  }
  const packing = () => pack(archive20(image))
  const reading = read({ sent: archive20(image), packing, onLayer })
  expect(await reading.catch((error: unknown) => error)).toBe(full)
})

test.each([
  ['with a hint for a node', NODE, 'See "docker image ls" for the images of this engine.'],
  ['as it is for a file', FILE, undefined],
])('an image that the engine does not have is told before anything is packed, %s', async (_, target, hint) => {
  const looking = engineInput('gone:1', { engine: only(undefined), signal: never }).look(target)
  await expect(looking).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND', message: 'No such image: gone:1', hint })
})

test.each([
  ['app', 'No such image: app:latest'],
  ['app:9', 'No such image: app:9'],
  ['docker.io/library/app', 'No such image: app:latest'],
])('%s, where other tags of it are there, is told with those', async (name, message) => {
  const images = async () => [
    { id: INFO.id, names: ['app:1.10', 'other:1', 'app:1.9'], bytes: 1 },
    { id: 'sha256:2', names: ['app:1', 'reg.example/app:2', 'application:1'], bytes: 1 },
  ]
  for (const target of [NODE, FILE]) {
    const looking = engineInput(name, { engine: { ...only(undefined), images }, signal: never }).look(target)
    await expect(looking).rejects.toMatchObject({ message, hint: 'There is app:1, app:1.9, app:1.10.' })
  }
})

test('an engine that does not say which images it has is asked no more', async () => {
  const engine = { ...only(undefined), images: () => Promise.reject(new Error('no list')) }
  const looking = engineInput('app', { engine, signal: never }).look(NODE)
  await expect(looking).rejects.toMatchObject({ message: 'No such image: app' })
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

test('an engine whose config has another digest than its name is refused, and not warned of', async () => {
  const config = Buffer.from(`${image.config} `)
  const id = digest(image.config).slice(7)
  const archive = archive20({ ...image, config })
  const renamed = Buffer.from(archive.toString('latin1').replaceAll(digest(config).slice(7), id), 'latin1')
  // The checksum of its header has changed with the name.
  const damaged = renamed.subarray(0, 148)
  const header = Buffer.concat([damaged, Buffer.from('        '), renamed.subarray(156, 512)])
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  await expect(read({ sent: Buffer.concat([header, renamed.subarray(512)]) })).rejects.toMatchObject({
    code: 'INTEGRITY',
    message: expect.stringMatching(/^the image config has digest /),
  })
})
