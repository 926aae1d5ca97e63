import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { holdBlobs } from '../../../../src/load/into-engine/probe.ts'
import type { Bytes } from '../../../../src/streams.ts'
import { archiveOf, layeredImage } from '../../../support/layered.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'

const { signal } = new AbortController()
const { layers } = layeredImage('abca')
const [A, , C] = layers.map(({ digest }) => digest)

/** A containerd store with another image, which has two of the layers. */
async function storeWith(letters: string) {
  const store = new MemoryEngine({ version: '28.5.2', containerdStore: true })
  const other = layeredImage(letters)
  await store.load(once(archiveOf(other)), signal)
  return { store, other: other.manifestDigest }
}

describe('the question which blobs a containerd store has', () => {
  test('is put once for all of them, each once, and says those that are there', async () => {
    const { store } = await storeWith('ac')
    store.loads.length = 0
    const held = await holdBlobs(layers, store, signal)
    expect([...held.digests].sort()).toEqual([A ?? '', C ?? ''].sort())
    expect(store.loads).toHaveLength(1)
    // Three tiny images, of a config and a manifest each, and no layer.
    expect(store.loads[0]?.filter((path) => path.startsWith('blobs/'))).toHaveLength(6)
    await held.release()
  })

  test('keeps them until they are let go, whoever removes the image that brought them', async () => {
    const { store, other } = await storeWith('ac')
    const held = await holdBlobs(layers, store, signal)
    await store.remove([other])
    expect(store.blobs.has(A ?? '')).toBe(true)
    await held.release()
    expect(store.blobs.has(A ?? '')).toBe(false)
    expect(store.stored.size).toBe(0)
  })

  test('asks with other images each time: two loads do not take away what the other counts on', async () => {
    const { store, other } = await storeWith('ac')
    const [one, two] = [await holdBlobs(layers, store, signal), await holdBlobs(layers, store, signal)]
    await one.release()
    await store.remove([other])
    expect(store.blobs.has(A ?? '')).toBe(true)
    await two.release()
    expect(store.stored.size).toBe(0)
  })

  test('leaves nothing behind when it fails', async () => {
    const { store, other } = await storeWith('ac')
    store.wholeImages = () => Promise.reject(new DockerIpfsError('ENGINE_FAILED', 'it does not tell'))
    await expect(holdBlobs(layers, store, signal)).rejects.toMatchObject({ message: 'it does not tell' })
    expect([...store.stored.keys()]).toEqual([other])
  })
})

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}
