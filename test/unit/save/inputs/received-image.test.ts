import { describe, expect, test } from 'bun:test'
import type { ReceivedBlob, Registry } from '../../../../src/distribution/registry.ts'
import { type Layer, writeLayer } from '../../../../src/format/layer.ts'
import { ociManifest } from '../../../../src/image/canonical.ts'
import { readSavedImages } from '../../../../src/image/saved/saved-image.ts'
import { ReceivedImage } from '../../../../src/save/inputs/received-image.ts'
import { type Bytes, sha256 } from '../../../../src/streams.ts'
import { digest, imageOf } from '../../../support/images.ts'
import { MemorySink } from '../../../support/memory-sink.ts'
import { tarOf } from '../../../support/tar.ts'

const never = new AbortController().signal

const REPOSITORY = { path: 'ours', namespace: undefined }
const CLIENT = { agent: 'docker', accepts: [] }
const IMAGE = imageOf(['a', 'b'].map((path) => tarOf([{ path, body: Buffer.from(path) }])))
const MANIFEST = ociManifest(
  { digest: digest(IMAGE.config), size: IMAGE.config.length },
  IMAGE.layers.map((layer) => ({ digest: digest(layer), size: layer.length, tarSize: layer.length })),
  'test',
)
const hex = (text: string) => text.slice('sha256:'.length)

function receive(known: ReadonlyMap<string, Layer> = new Map(), mostLayers = Number.POSITIVE_INFINITY) {
  const find = async (key: string) => known.get(key)
  const nameOf = (number: number) => `layer ${number}`
  return new ReceivedImage({ repository: 'ours', find, mostLayers, nameOf, signal: never })
}

/** As engines send a blob: containerd says its digest beforehand. */
async function upload(registry: Registry, bytes: Buffer, says: 'before' | 'behind' = 'before', path = 'ours') {
  const expected = says === 'before' ? { digest: digest(bytes), size: bytes.length } : {}
  const received = await registry.writer?.receive({ path, namespace: undefined }, pieces(bytes), never, () => expected)
  await (received as ReceivedBlob).keep(digest(bytes))
}

async function push(received: ReceivedImage, says: 'before' | 'behind' = 'before') {
  const { registry } = received
  for (const bytes of [...IMAGE.layers, IMAGE.config]) {
    const isThere = await registry.blob(REPOSITORY, digest(bytes), CLIENT, never)
    if (isThere === undefined) await upload(registry, bytes, says)
  }
  const put = { digest: MANIFEST.digest, mediaType: '', bytes: MANIFEST.bytes }
  await registry.writer?.putManifest(REPOSITORY, 'latest', put, never)
  received.end()
}

async function read(received: ReceivedImage, known: ReadonlyMap<string, Layer> = new Map()) {
  const written: string[] = []
  const onLayer = async (tar: Bytes, { path }: { path: string }) => {
    written.push(path)
    return writeLayer(tar, new MemorySink())
  }
  const findLayer = async (key: string) => known.get(key)
  const images = await readSavedImages(received.entries(), { diffIds: new Set(), findLayer, onLayer })
  return { images, written }
}

async function* pieces(bytes: Uint8Array): Bytes {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700)
}

describe('an image that is pushed', () => {
  test.each(['before', 'behind'] as const)('is read as it comes, its digests said %s', async (says) => {
    const received = receive()
    const [{ images, written }] = await Promise.all([read(received), push(received, says)])
    expect(images.map(({ platforms }) => platforms.map(({ layers }) => layers.map(({ diffId }) => diffId)))).toEqual([
      [[...IMAGE.diffIds]],
    ])
    expect(received.digest).toBe(MANIFEST.digest)
    const paths = IMAGE.layers.map((layer) => `blobs/sha256/${hex(digest(layer))}`)
    expect(written).toEqual(says === 'before' ? paths : ['layer 1', 'layer 2'])
    if (says === 'behind') expect(received.digestAt('layer 2')).toBe(digest(IMAGE.layers[1] as Buffer))
  })

  test('is not sent what is known, which is read past', async () => {
    const [bottom] = IMAGE.layers
    const layer = await writeLayer(pieces(bottom as Buffer), new MemorySink())
    const known = new Map([[hex(layer.diffId), layer]])
    const received = receive(known)
    const [{ images, written }] = await Promise.all([read(received, known), push(received)])
    expect(written).toEqual([`blobs/sha256/${hex(digest(IMAGE.layers[1] as Buffer))}`])
    expect(images[0]?.platforms[0]?.layers[0]).toBe(layer)
  })

  test('is there when it is asked for what has just come, with its size, and is not read back', async () => {
    const received = receive()
    const reading = read(received)
    await upload(received.registry, IMAGE.config, 'behind')
    const blob = await received.registry.blob(REPOSITORY, digest(IMAGE.config), CLIENT, never)
    expect(blob).toMatchObject({ digest: digest(IMAGE.config), size: IMAGE.config.length })
    expect(() => blob?.read({ offset: 0, length: 1 }, never)).toThrow()
    received.fail(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
  })

  test('of an index is the last manifest under the tag', async () => {
    const received = receive()
    const { registry } = received
    for (const text of ['{"a":1}', '{"b":2}']) {
      const bytes = Buffer.from(text)
      await registry.writer?.putManifest(REPOSITORY, 'latest', { digest: sha256(bytes), mediaType: '', bytes }, never)
    }
    expect(received.digest).toBe(sha256(Buffer.from('{"b":2}')))
  })
})

describe('a push fails', () => {
  test('at the first layer more than there may be, before it has come', async () => {
    const received = receive(new Map(), 1)
    const [reading, pushing] = await Promise.allSettled([read(received), push(received)])
    expect(reading).toMatchObject({ status: 'rejected', reason: { code: 'ENGINE_FAILED' } })
    expect(pushing).toMatchObject({ status: 'rejected', reason: { code: 'ENGINE_FAILED' } })
  })

  test('when an upload breaks off, even where another one is read', async () => {
    async function* broken(): Bytes {
      yield Buffer.alloc(2000, 1)
      throw new Error('the client is gone')
    }
    const received = receive()
    const receiving = received.registry.writer?.receive(REPOSITORY, broken(), never, () => ({}))
    const ended = await Promise.allSettled([read(received), receiving])
    expect(ended.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(received.digest).toBeUndefined()
  })

  test('when a blob is not what the engine says', async () => {
    const received = receive()
    const reading = read(received)
    const got = await received.registry.writer?.receive(REPOSITORY, pieces(IMAGE.config), never, () => ({}))
    await got?.forget()
    await expect(reading).rejects.toMatchObject({ code: 'INTEGRITY' })
  })

  test('when it ends without a manifest', async () => {
    const received = receive()
    const reading = read(received)
    received.end()
    await expect(reading).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
  })
})

test('a repository of another name is not there, and takes nothing', async () => {
  const other = { path: 'other', namespace: undefined }
  const layer = await writeLayer(pieces(IMAGE.layers[0] as Buffer), new MemorySink())
  const { registry } = receive(new Map([[hex(layer.diffId), layer]]))
  expect(await registry.blob(other, layer.diffId, CLIENT, never)).toBeUndefined()
  expect(await registry.writer?.mount(other, layer.diffId, undefined, never)).toBe(false)
  expect(() => registry.writer?.receive(other, pieces(Buffer.alloc(1)), never, () => ({}))).toThrow()
  const put = { digest: MANIFEST.digest, mediaType: '', bytes: MANIFEST.bytes }
  await expect(registry.writer?.putManifest(other, 'latest', put, never)).rejects.toMatchObject({
    code: 'IMAGE_NOT_FOUND',
  })
  expect(await registry.repositories(never)).toEqual([])
})
