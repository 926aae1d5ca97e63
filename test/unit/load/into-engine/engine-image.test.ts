import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { faultOf, removeAfterLoad } from '../../../../src/load/into-engine/engine-image.ts'
import { idOf, wholeStep } from '../../../../src/load/into-engine/steps.ts'
import type { Bytes } from '../../../../src/streams.ts'
import { archiveOf, layeredImage } from '../../../support/layered.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'

const { signal } = new AbortController()
const IMAGE = layeredImage('abc')
const [, B = ''] = IMAGE.layers.map(({ digest }) => digest)

/** A containerd store with the image, and what is found wrong with it. */
async function withImage(version = '28.5.2') {
  const engine = new MemoryEngine({ version, containerdStore: true })
  await engine.load(once(archiveOf(IMAGE)), signal)
  const info = await engine.info()
  const target = { image: IMAGE, imageId: idOf(wholeStep(IMAGE, new Set()), info), info }
  const fault = (hasAll = false) => faultOf(target, { engine, signal }, hasAll)
  return { engine, fault }
}

describe('an image of the engine', () => {
  test.each(['26.1.5', '28.5.2'])('is right where a containerd store of %s has all of it', async (version) => {
    const { fault } = await withImage(version)
    expect(await fault()).toBeUndefined()
  })

  test('is gone where the engine does not find it', async () => {
    const { engine, fault } = await withImage()
    await engine.remove([IMAGE.manifestDigest])
    expect(await fault()).toBe('gone')
  })

  test('is another where its ID or its layers are others', async () => {
    const { engine, fault } = await withImage()
    const inspect = engine.inspect.bind(engine)
    engine.inspect = async (id) => ({ id, names: [], layers: (await inspect(id))?.layers.toReversed() ?? [] })
    expect(await fault()).toBe('other')
    engine.inspect = async () => ({ id: 'sha256:other', names: [], layers: [] })
    expect(await fault()).toBe('other')
  })

  test.each(['26.1.5', '28.5.2'])('is incomplete where a containerd store of %s lacks a blob', async (version) => {
    const { engine, fault } = await withImage(version)
    engine.blobs.delete(B)
    expect(await fault()).toBe('incomplete')
  })

  test('is incomplete where no layers are shown of it, since its config is lost', async () => {
    const { engine, fault } = await withImage()
    engine.inspect = async (id) => {
      engine.blobs.delete(IMAGE.configDigest)
      return { id, names: [], layers: [] }
    }
    // It was whole when that was asked, at the same time.
    const isWhole = engine.isWhole.bind(engine)
    engine.isWhole = async (id) => (engine.blobs.has(IMAGE.configDigest) ? true : isWhole(id))
    expect(await fault()).toBe('incomplete')
  })

  test.each(['26.1.5', '28.5.2'])('is unreadable where a store of %s has all, and shows no layers', async (version) => {
    const { engine, fault } = await withImage(version)
    engine.inspect = async (id) => ({ id, names: [], layers: [] })
    expect(await fault(true)).toBe('unreadable')
  })

  test('is believed to be whole by a store that does not tell, where it is known to have all', async () => {
    const { engine, fault } = await withImage('26.1.5')
    engine.save = () => expect.unreachable()
    expect(await fault(true)).toBeUndefined()
  })

  test('is incomplete where a store that lists only whole images does not list it, and nothing is packed', async () => {
    const { engine, fault } = await withImage('26.1.5')
    engine.save = () => expect.unreachable()
    expect(await fault()).toBeUndefined()
    engine.images = async () => []
    expect(await fault()).toBe('incomplete')
  })

  test('is incomplete where the engine cannot pack it, and unknown where it is gone itself', async () => {
    const { engine, fault } = await withImage('27.5.1')
    engine.save = () => failing(new DockerIpfsError('ENGINE_FAILED', 'content digest not found'))
    expect(await fault()).toBe('incomplete')
    engine.save = () => failing(new DockerIpfsError('ENGINE_UNREACHABLE', 'the engine is gone'))
    await expect(fault()).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
  })
})

test('images that cannot be taken away are left, without a word', async () => {
  const { engine } = await withImage()
  await removeAfterLoad([IMAGE.manifestDigest], engine)
  expect(engine.stored.size).toBe(0)
  engine.remove = () => Promise.reject(new DockerIpfsError('ENGINE_FAILED', 'it is in use'))
  await removeAfterLoad([IMAGE.manifestDigest], engine)
})

async function* failing(error: Error): Bytes {
  yield await Promise.reject(error)
}

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}
