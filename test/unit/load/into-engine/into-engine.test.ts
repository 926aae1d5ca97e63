import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../../src/errors.ts'
import type { ProgressEvent } from '../../../../src/events.ts'
import { askForImages } from '../../../../src/load/into-engine/held.ts'
import { intoEngine } from '../../../../src/load/into-engine/into-engine.ts'
import type { LoadSource } from '../../../../src/load/source.ts'
import type { ReadLayer } from '../../../../src/read/layers.ts'
import type { ImageSource } from '../../../../src/read/open-image.ts'
import { readAhead } from '../../../../src/read/read-ahead.ts'
import type { Bytes } from '../../../../src/streams.ts'
import { imageOf, noise } from '../../../support/images.ts'
import { archiveOf, blobOf, layeredImage, letterOf, readLetters } from '../../../support/layered.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'

const IMAGE = layeredImage('abc')
const [FIRST = '', SECOND = '', THIRD = ''] = IMAGE.layers.map(({ digest }) => digest)
const sizeOf = (letters: string) => [...letters].reduce((sum, letter) => sum + blobOf(letter).length, 0)
const signal = new AbortController().signal

/** A containerd store in which things go wrong. */
class OddStore extends MemoryEngine {
  /** What it says to each load, if not what it should. */
  says: string | undefined
  /** Called ahead of each load, with its number. */
  beforeLoad: (load: number) => unknown = () => undefined
  /** Called after it. */
  afterLoad: () => Promise<unknown> = async () => undefined
  readonly removed: string[] = []

  constructor(version = '28.5.2') {
    super({ version, containerdStore: true })
  }

  override async load(archive: Bytes, limited: AbortSignal): Promise<string> {
    this.beforeLoad(this.loads.length)
    const said = await super.load(archive, limited)
    await this.afterLoad()
    return this.says ?? said
  }

  override async remove(ids: readonly string[]): Promise<void> {
    this.removed.push(...ids)
    await super.remove(ids)
  }

  /** Another image with these layers; gives its ID. */
  async has(letters: string): Promise<string> {
    const other = layeredImage(letters)
    await super.load(once(archiveOf(other)), signal)
    this.loads.length = 0
    return other.manifestDigest
  }

  /** Images that were made to ask for blobs, and taken away. */
  get probes(): string[] {
    return this.removed.filter((id) => id !== IMAGE.manifestDigest)
  }

  /** Which layers were in each archive. */
  get sent(): string[] {
    return this.loads.map((files) => files.map(letterOf).join('').replaceAll('?', ''))
  }
}

async function load(engine: MemoryEngine, read: ReadLayer = readLetters, knownBlobs?: LoadSource['knownBlobs']) {
  const events: ProgressEvent[] = []
  const options = { engine, signal, report: (event: ProgressEvent) => events.push(event), timeoutMs: 1000 }
  const openLayers = (image: ImageSource, layers: ImageSource['layers']) =>
    readAhead(image, layers, { ...options, read, from: 'node' })
  const source = knownBlobs === undefined ? { openLayers } : { openLayers, knownBlobs }
  const state = { info: await engine.info(), images: askForImages(engine, signal) }
  const { released, wasThere: _, ...loaded } = await intoEngine(IMAGE, state, { ...options, source })
  await released
  const steps = events.flatMap((event) => (event.type === 'step' || event.type === 'warning' ? [event.text] : []))
  return { ...loaded, steps }
}

const known =
  (...digests: string[]) =>
  async () =>
    new Set(digests)

describe('a containerd store that tells what it has', () => {
  test('is sent everything, without a question, when no image has a layer of ours', async () => {
    const store = new OddStore()
    expect(await load(store)).toEqual({ imageId: IMAGE.manifestDigest, bytesHad: 0, steps: [] })
    expect(store.sent).toEqual(['abc'])
    expect(store.removed).toEqual([])
  })

  test('is not sent the blobs that it has, and keeps them meanwhile', async () => {
    const store = new OddStore()
    const other = await store.has('ac')
    expect(await load(store)).toMatchObject({ bytesHad: sizeOf('ac') })
    expect(store.sent).toEqual(['', 'b'])
    expect(store.probes).toHaveLength(2)
    expect([...store.stored.keys()].sort()).toEqual([other, IMAGE.manifestDigest].sort())
  })

  test('keeps the blobs that it was asked for when the image that brought them goes', async () => {
    const store = new OddStore()
    const other = await store.has('ac')
    // The second archive is that of the image.
    store.beforeLoad = (number) => number === 1 && MemoryEngine.prototype.remove.call(store, [other])
    expect(await load(store)).toMatchObject({ bytesHad: sizeOf('ac'), steps: [] })
    expect(await store.isWhole(IMAGE.manifestDigest)).toBe(true)
  })

  test('is not asked for blobs that it is known to have', async () => {
    const store = new OddStore()
    const other = await store.has('ac')
    const asked: (readonly string[])[] = []
    const source: LoadSource['knownBlobs'] = async (_, ids) => {
      asked.push(ids)
      return new Set([FIRST, THIRD])
    }
    expect(await load(store, readLetters, source)).toMatchObject({ bytesHad: sizeOf('ac'), steps: [] })
    expect(store.sent).toEqual(['b'])
    expect(asked).toEqual([[other]])
    const some = new OddStore()
    await some.has('ac')
    await load(some, readLetters, known(THIRD))
    expect(some.sent).toEqual(['', 'b'])
    expect(some.probes).toHaveLength(1)
  })

  test('is sent everything when it has not what it was known to have', async () => {
    const store = new OddStore()
    await store.has('a')
    store.blobs.delete(FIRST)
    expect(await load(store, readLetters, known(FIRST))).toMatchObject({
      bytesHad: 0,
      steps: ['the engine lacks a part of the image: sending all layers'],
    })
    expect(store.sent).toEqual(['bc', 'abc'])
  })

  test('is sent a layer that it has in another form', async () => {
    const store = new OddStore()
    await store.has('ab')
    store.blobs.delete(SECOND)
    await load(store)
    expect(store.sent.at(-1)).toBe('bc')
  })

  test('is sent nothing when it has the whole image', async () => {
    const store = new OddStore()
    await load(store)
    const { steps, bytesHad } = await load(store)
    expect(steps).toEqual(['The engine has this image already'])
    expect(bytesHad).toBe(sizeOf('abc'))
    expect(store.loads).toHaveLength(1)
  })

  test('is sent an image again of which it lacks a blob', async () => {
    const store = new OddStore()
    await load(store)
    store.blobs.delete(SECOND)
    await load(store)
    expect(store.sent.at(-1)).toBe('b')
    expect(await store.isWhole(IMAGE.manifestDigest)).toBe(true)
  })

  test('is sent everything when it lost a blob after it was asked', async () => {
    const store = new OddStore()
    await store.has('a')
    store.beforeLoad = (number) => number === 1 && store.blobs.delete(FIRST)
    expect(await load(store)).toMatchObject({
      bytesHad: 0,
      steps: ['the engine lacks a part of the image: sending all layers'],
    })
    expect(store.sent).toEqual(['', 'bc', 'abc'])
    expect(store.probes).toHaveLength(1)
  })

  test('keeps neither a wrong image nor what was made to ask it', async () => {
    const store = new OddStore()
    const other = await store.has('a')
    store.says = 'Error unpacking image x: wrong diff id'
    await expect(load(store)).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect([...store.stored.keys()]).toEqual([other])
  })

  test('keeps an image that was there before, or has been named meanwhile', async () => {
    const store = new OddStore()
    await load(store)
    store.blobs.delete(SECOND)
    store.says = 'Error unpacking image x: wrong diff id'
    await expect(load(store)).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect(store.stored.has(IMAGE.manifestDigest)).toBe(true)

    const other = new OddStore()
    other.says = 'Error unpacking image x: wrong diff id'
    other.afterLoad = () => other.tag(IMAGE.manifestDigest, 'app:1')
    await expect(load(other)).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect(other.stored.has(IMAGE.manifestDigest)).toBe(true)
  })

  test('never gets the end of a layer that is wrong, and is not asked twice for it', async () => {
    const store = new OddStore()
    await store.has('a')
    const lying: ReadLayer = async function* ({ size }) {
      yield noise(size, 'a lie')
    }
    await expect(load(store, lying)).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect(store.loads).toHaveLength(1)
    expect(store.removed).toHaveLength(1)
  })

  test('has a second chance when the image is removed as soon as it is there', async () => {
    const store = new OddStore()
    let loads = 0
    store.afterLoad = async () => {
      loads += 1
      if (loads === 1) store.stored.delete(IMAGE.manifestDigest)
    }
    expect(await load(store)).toMatchObject({
      steps: ['the image, or a part of it, was removed while it was loaded: sending all layers'],
    })
    expect(store.loads).toHaveLength(2)
  })
})

test.each(['26.1.5', '28.5.2'])('what %s has and cannot read is taken away, and not sent twice', async (version) => {
  const store = new OddStore(version)
  store.inspect = async (id) => (store.stored.has(id) ? { id, names: [], layers: [] } : undefined)
  await expect(load(store)).rejects.toMatchObject({
    code: 'ENGINE_FAILED',
    message: 'the engine cannot read the config of the image',
  })
  expect(store.loads).toHaveLength(1)
  expect(store.stored.size).toBe(0)
})

test('an engine that goes on losing parts of the image is not at fault for wrong bytes', async () => {
  const store = new OddStore()
  store.says = 'Error unpacking image x: NotFound: content digest sha256:y: not found'
  await expect(load(store)).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
  expect(store.loads).toHaveLength(2)
  expect(store.stored.size).toBe(0)
})

test.each(['', 'a'])(
  'an engine whose disk is full is not sent all layers again, and keeps no image; it had: %j',
  async (had) => {
    const store = new OddStore()
    const other = had === '' ? [] : [await store.has(had)]
    store.load = async (archive) => {
      for await (const _ of archive);
      store.loads.push([])
      throw new DockerIpfsError('ENGINE_FULL', "the Docker engine's disk is full")
    }
    const { steps } = await load(store).catch((error) => ({ steps: error.code }))
    expect(steps).toBe('ENGINE_FULL')
    // What is asked for what it has is tiny.
    expect(store.loads).toHaveLength(1 + other.length)
    expect([...store.stored.keys()]).toEqual(other)
  },
)

describe('a containerd store that does not tell', () => {
  test.each(['23.0.6', '27.5.1'])(
    'is sent everything, and what %s packs says whether it has the image',
    async (version) => {
      const store = new OddStore(version)
      await store.has('ab')
      await load(store)
      expect(store.sent).toEqual(['abc'])
      expect(await load(store)).toMatchObject({ steps: ['The engine has this image already'] })
      expect(store.loads).toHaveLength(1)
      store.blobs.delete(SECOND)
      await load(store)
      expect(store.sent).toEqual(['abc', 'abc'])
      expect(store.blobs.has(SECOND)).toBe(true)
    },
  )

  test.each(['24.0.9', '26.1.5'])('need not pack where %s lists whole images alone', async (version) => {
    const store = new OddStore(version)
    await load(store)
    store.save = () => expect.unreachable()
    expect(await load(store)).toMatchObject({ steps: ['The engine has this image already'] })
    store.blobs.delete(SECOND)
    expect(await load(store)).toMatchObject({ bytesHad: 0, steps: [] })
    expect(store.sent).toEqual(['abc', 'abc'])
    expect(store.blobs.has(SECOND)).toBe(true)
  })

  test('is sent everything when its archive cannot be read', async () => {
    const store = new OddStore('27.5.1')
    await load(store)
    store.save = async function* () {
      yield new Uint8Array(1024)
    }
    await load(store)
    expect(store.sent).toEqual(['abc', 'abc'])
  })
})

describe('a classic store', () => {
  const tar = (letter: string) => Buffer.from(`layer ${letter}`)

  test('is not sent the lowest layers when another image has them', async () => {
    const store = new MemoryEngine({ version: '28.5.2', containerdStore: false })
    store.add(imageOf(['a', 'b', 'd'].map(tar)))
    expect(await load(store)).toMatchObject({ imageId: IMAGE.configDigest, bytesHad: sizeOf('ab') })
    expect(store.loads[0]?.map(letterOf).join('').replaceAll('?', '')).toBe('c')
  })

  test('is sent a layer that it has above others only', async () => {
    const store = new MemoryEngine({ version: '28.5.2', containerdStore: false })
    store.add(imageOf(['b', 'c'].map(tar)))
    expect(await load(store)).toMatchObject({ bytesHad: 0 })
    expect(store.loads[0]?.map(letterOf).join('').replaceAll('?', '')).toBe('abc')
  })

  test('whose image has other layers than it should keeps nothing of it', async () => {
    const store = new MemoryEngine({ version: '28.5.2', containerdStore: false })
    const inspect = store.inspect.bind(store)
    store.inspect = async (id) => {
      const found = await inspect(id)
      return found && { ...found, layers: found.layers.slice(1) }
    }
    await expect(load(store)).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: `the engine's image does not have the layers of ${IMAGE.root}`,
    })
    expect(store.stored.size).toBe(0)
  })

  test('that does not answer is what is told, and nothing is sent', async () => {
    const store = new MemoryEngine()
    store.images = () => Promise.reject(new DockerIpfsError('ENGINE_UNREACHABLE', 'the engine is gone'))
    await expect(load(store)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
    expect(store.loads).toEqual([])
  })
})

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}
