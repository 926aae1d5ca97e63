import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { askForImages, findHeld } from '../../../../src/load/into-engine/held.ts'
import type { LoadSource } from '../../../../src/load/source.ts'
import type { Bytes } from '../../../../src/streams.ts'
import { imageOf } from '../../../support/images.ts'
import { archiveOf, layeredImage, letterOf } from '../../../support/layered.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'

const { signal } = new AbortController()
const IMAGE = layeredImage('abcb')
const tars = (letters: string) => [...letters].map((letter) => Buffer.from(`layer ${letter}`))

/** Letters of the layers that need not be sent. */
async function held(engine: MemoryEngine, source: Pick<LoadSource, 'knownBlobs'> = {}): Promise<string> {
  const state = { info: await engine.info(), images: askForImages(engine, signal) }
  const { digests, release } = await findHeld(IMAGE, state, { engine, signal, source })
  await release()
  return [...digests].map(letterOf).sort().join('')
}

describe('what a classic store need not be sent', () => {
  test.each([
    ['', ''],
    ['a', 'a'],
    ['abd', 'a'],
    ['abcd', 'ac'],
    ['abcb', 'abc'],
    ['bc', ''],
  ])(
    'with an image of the layers %p is %p: from the bottom up, and what is not needed further up',
    async (there, out) => {
      const engine = new MemoryEngine()
      engine.add(imageOf(tars('d')))
      if (there !== '') engine.add(imageOf(tars(there)))
      expect(await held(engine)).toBe(out)
    },
  )
})

describe('what a containerd store need not be sent', () => {
  /** One that has another image with these layers. */
  async function storeWith(letters: string, version: string) {
    const store = new MemoryEngine({ version, containerdStore: true })
    await store.load(once(archiveOf(layeredImage(letters))), signal)
    store.loads.length = 0
    return store
  }

  test('is nothing where it neither tells nor lists what is whole, and nobody asks', async () => {
    const store = await storeWith('abc', '27.5.1')
    expect(await held(store, { knownBlobs: () => expect.unreachable() })).toBe('')
    expect(store.loads).toEqual([])
  })

  test.each(['26.1.5', '28.5.2'])('of %s is what it says that it has of what is likely', async (version) => {
    const store = await storeWith('ac', version)
    expect(await held(store)).toBe('ac')
    expect(store.stored.size).toBe(1)
  })

  test('is what the source knows, without a question, and the rest as it says', async () => {
    const store = await storeWith('ac', '28.5.2')
    const [a, b, c] = IMAGE.layers.map(({ digest }) => digest)
    expect(await held(store, { knownBlobs: async () => new Set([a ?? '', c ?? '']) })).toBe('ac')
    expect(store.loads).toEqual([])
    // What is no layer of the image is of no use.
    expect(await held(store, { knownBlobs: async () => new Set([b ?? '', 'sha256:other']) })).toBe('abc')
    expect(store.loads).toHaveLength(1)
  })

  test('is what is known alone when it cannot be asked', async () => {
    const store = await storeWith('ac', '28.5.2')
    store.load = () => Promise.reject(new DockerIpfsError('ENGINE_FAILED', 'no such images here'))
    const [a] = IMAGE.layers.map(({ digest }) => digest)
    expect(await held(store, { knownBlobs: async () => new Set([a ?? '']) })).toBe('a')
    store.load = () => Promise.reject(new DockerIpfsError('ENGINE_UNREACHABLE', 'it is gone'))
    await expect(held(store)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
  })
})

test('an engine is asked for its images at once, and tells of the layers whoever waits for them', async () => {
  const engine = new MemoryEngine()
  engine.images = () => Promise.reject(new DockerIpfsError('ENGINE_UNREACHABLE', 'it is gone'))
  const { ids, layers } = askForImages(engine, signal)
  await expect(ids).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
  await expect(layers).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
})

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}
