import { describe, expect, test } from 'bun:test'
import { parseCid } from '../../../../src/dag/cid.ts'
import type { Engine, ImageInfo } from '../../../../src/engine/engine.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import type { ProgressEvent } from '../../../../src/events.ts'
import { readArchive } from '../../../../src/image/archive.ts'
import { askForImages, type KnownBlobs } from '../../../../src/load/into-engine/held.ts'
import { intoEngine, type OpenLayers } from '../../../../src/load/into-engine/into-engine.ts'
import type { ImageSource } from '../../../../src/read/open-image.ts'
import { readAhead } from '../../../../src/read/read-ahead.ts'
import type { Node } from '../../../../src/store/kubo/node.ts'
import { type Bytes, collect } from '../../../../src/streams.ts'
import { digest, GOLDEN_ROOTS } from '../../../support/images.ts'

const BLOBS = ['one', 'two', 'three'].map((text) => Buffer.from(`layer ${text}`))
const byDigest = new Map(BLOBS.map((bytes) => [digest(bytes), bytes]))
const DIFF_IDS = ['a', 'b', 'c'].map((letter) => `sha256:${letter.repeat(64)}`)
const [FIRST = '', SECOND = '', THIRD = ''] = byDigest.keys()

const manifestBytes = Buffer.from('manifest')
const configBytes = Buffer.from('config')
const IMAGE: ImageSource = {
  root: parseCid(GOLDEN_ROOTS.tiny),
  isWhole: true,
  manifestBytes,
  manifestDigest: digest(manifestBytes),
  configBytes,
  configDigest: digest(configBytes),
  config: { os: 'linux', diffIds: DIFF_IDS } as unknown as ImageSource['config'],
  layers: [...byDigest].map(([hex, bytes], at) => ({
    digest: hex,
    size: bytes.length,
    tarSize: 0,
    diffId: DIFF_IDS[at] as string,
  })),
}

/** A containerd store as far as loads and questions go: blobs, and images that name them. */
class FakeStore implements Partial<Engine> {
  readonly blobs = new Map<string, number>()
  readonly manifests = new Map<string, { readonly blobs: readonly string[]; readonly diffIds: readonly string[] }>()
  /** Files of every archive that was loaded. */
  readonly sent: string[][] = []
  removed: string[] = []
  names: string[] = []
  /** Called ahead of each load, with its number. */
  beforeLoad: (load: number) => void = () => undefined
  said = ''
  tells = true

  async inspect(id: string): Promise<ImageInfo | undefined> {
    const found = this.manifests.get(id)
    return found && { id, layers: found.diffIds, names: this.names }
  }

  async imageIds(): Promise<string[]> {
    return [...this.manifests.keys()]
  }

  async layersOf(): Promise<string[][]> {
    return [...this.manifests.values()].map(({ diffIds }) => [...diffIds])
  }

  async isWhole(id: string): Promise<boolean | undefined> {
    return this.tells ? this.manifests.get(id)?.blobs.every((blob) => this.blobs.has(blob)) : undefined
  }

  async wholeImages(): Promise<ReadonlySet<string>> {
    const ids = [...this.manifests.keys()]
    const whole = await Promise.all(ids.map((id) => this.isWhole(id)))
    return new Set(ids.filter((_, at) => whole[at]))
  }

  async *save(id: string): Bytes {
    if (!this.manifests.has(id)) throw new DockerIpfsError('IMAGE_NOT_FOUND', 'no such image')
    yield new Uint8Array(1024)
  }

  async load(archive: Bytes): Promise<string> {
    this.beforeLoad(this.sent.length)
    const files = new Map<string, Uint8Array>()
    for await (const { path, body } of readArchive(archive)) files.set(path, await collect(body, 1 << 20, path))
    this.sent.push([...files.keys()])
    for (const [path, bytes] of files) {
      if (path.startsWith('blobs/')) this.blobs.set(digest(bytes), bytes.length)
    }
    const index = JSON.parse(String(Buffer.from(files.get('index.json') ?? ''))) as { manifests: { digest: string }[] }
    for (const entry of index.manifests) {
      const text = String(Buffer.from(files.get(`blobs/sha256/${entry.digest.slice(7)}`) ?? ''))
      const probe = text.startsWith('{') ? (JSON.parse(text) as { layers: { digest: string }[] }) : undefined
      const blobs = probe?.layers.map((layer) => layer.digest) ?? [...byDigest.keys()]
      this.manifests.set(entry.digest, { blobs, diffIds: probe === undefined ? DIFF_IDS : [] })
    }
    return this.said
  }

  async remove(ids: readonly string[]): Promise<void> {
    this.removed.push(...ids)
    for (const id of ids) this.manifests.delete(id)
  }

  /** Another image, with these layers of ours. */
  has(...blobs: string[]): void {
    for (const blob of blobs) this.blobs.set(blob, 1)
    const diffIds = blobs.map((blob) => DIFF_IDS[[...byDigest.keys()].indexOf(blob)] as string)
    this.manifests.set(`other ${blobs.length}`, { blobs, diffIds })
  }

  /** Which layer blobs were in each archive. */
  get layersSent(): string[][] {
    const names = new Map([...byDigest.keys()].map((hex) => [`blobs/sha256/${hex.slice(7)}`, hex]))
    return this.sent.map((files) => files.flatMap((file) => names.get(file) ?? []))
  }
}

async function load(store: FakeStore, version = '28.5.2', cat = honest, knownBlobs?: KnownBlobs) {
  const events: ProgressEvent[] = []
  const loading = {
    engine: store as unknown as Engine,
    node: { cat } as unknown as Node,
    report: (event: ProgressEvent) => events.push(event),
    signal: new AbortController().signal,
    timeoutMs: 1000,
  }
  const openLayers: OpenLayers = (layers) => readAhead(IMAGE, layers, { ...loading, from: 'node' })
  const { released, ...loaded } = await intoEngine(
    IMAGE,
    {
      info: { version, containerdStore: true, architecture: 'x86_64', os: 'linux' },
      images: askForImages(loading.engine, loading.signal),
    },
    { ...loading, openLayers, knownBlobs },
  )
  await released
  const steps = events.flatMap((event) => (event.type === 'step' || event.type === 'warning' ? [event.text] : []))
  return { ...loaded, steps }
}

async function* honest(path: string): Bytes {
  yield byDigest.get(`sha256:${path.split('/').at(-1)}`) as Uint8Array
}

const probes = (store: FakeStore) => store.removed.filter((id) => id !== IMAGE.manifestDigest)

describe('a containerd store that tells what it has', () => {
  test('is sent everything, without a question, when no image has a layer of ours', async () => {
    const store = new FakeStore()
    expect(await load(store)).toEqual({ imageId: IMAGE.manifestDigest, bytesHad: 0, steps: [] })
    expect(store.layersSent).toEqual([[FIRST, SECOND, THIRD]])
    expect(store.removed).toEqual([])
  })

  test('is not sent the blobs that it has, and keeps them meanwhile', async () => {
    const store = new FakeStore()
    store.has(FIRST, THIRD)
    expect(await load(store)).toMatchObject({ bytesHad: 'layer onelayer three'.length })
    expect(store.layersSent).toEqual([[], [SECOND]])
    expect(probes(store)).toHaveLength(2)
    expect([...store.manifests.keys()].sort()).toEqual(['other 2', IMAGE.manifestDigest].sort())
  })

  test('is not asked for blobs that it is known to have', async () => {
    const store = new FakeStore()
    store.has(FIRST, THIRD)
    const asked: (readonly string[])[] = []
    const known: KnownBlobs = async (ids) => {
      asked.push(ids)
      return new Set([FIRST, THIRD])
    }
    expect(await load(store, '28.5.2', honest, known)).toMatchObject({
      bytesHad: 'layer onelayer three'.length,
      steps: [],
    })
    expect(store.layersSent).toEqual([[SECOND]])
    expect(asked).toEqual([['other 2']])
    const some = new FakeStore()
    some.has(FIRST, THIRD)
    await load(some, '28.5.2', honest, async () => new Set([THIRD]))
    expect(some.layersSent).toEqual([[], [SECOND]])
    expect(probes(some)).toHaveLength(1)
  })

  test('is sent everything when it has not what it was known to have', async () => {
    const store = new FakeStore()
    store.has(FIRST)
    store.blobs.delete(FIRST)
    expect(await load(store, '28.5.2', honest, async () => new Set([FIRST]))).toMatchObject({
      bytesHad: 0,
      steps: ['the engine lacks a part of the image: sending all layers'],
    })
    expect(store.layersSent).toEqual([
      [SECOND, THIRD],
      [FIRST, SECOND, THIRD],
    ])
  })

  test('is sent a layer that it has in another form', async () => {
    const store = new FakeStore()
    store.has(FIRST, SECOND)
    store.blobs.delete(SECOND)
    await load(store)
    expect(store.layersSent.at(-1)).toEqual([SECOND, THIRD])
  })

  test('is sent nothing when it has the whole image', async () => {
    const store = new FakeStore()
    await load(store)
    const { steps, bytesHad } = await load(store)
    expect(steps).toEqual(['The engine has this image already'])
    expect(bytesHad).toBe('layer onelayer twolayer three'.length)
    expect(store.sent).toHaveLength(1)
  })

  test('is sent an image again of which it lacks a blob', async () => {
    const store = new FakeStore()
    await load(store)
    store.blobs.delete(SECOND)
    await load(store)
    expect(store.layersSent.at(-1)).toEqual([SECOND])
    expect(await store.isWhole(IMAGE.manifestDigest)).toBe(true)
  })

  test('is sent everything when it lost a blob after it was asked', async () => {
    const store = new FakeStore()
    store.has(FIRST)
    store.beforeLoad = (number) => number === 1 && store.blobs.delete(FIRST)
    expect(await load(store)).toMatchObject({
      bytesHad: 0,
      steps: ['the engine lacks a part of the image: sending all layers'],
    })
    expect(store.layersSent).toEqual([[], [SECOND, THIRD], [FIRST, SECOND, THIRD]])
    expect(probes(store)).toHaveLength(1)
  })

  test('keeps neither a wrong image nor what was made to ask it', async () => {
    const store = new FakeStore()
    store.has(FIRST)
    store.said = 'Error unpacking image x: wrong diff id'
    await expect(load(store)).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect([...store.manifests.keys()]).toEqual(['other 1'])
  })

  test('keeps an image that was there before, or has been named meanwhile', async () => {
    const store = new FakeStore()
    await load(store)
    store.blobs.delete(SECOND)
    store.said = 'Error unpacking image x: wrong diff id'
    await expect(load(store)).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect(store.manifests.has(IMAGE.manifestDigest)).toBe(true)

    const other = new FakeStore()
    other.said = 'Error unpacking image x: wrong diff id'
    other.names = ['app:1']
    await expect(load(other)).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect(other.manifests.has(IMAGE.manifestDigest)).toBe(true)
  })

  test('never gets the end of a layer that is wrong, and is not asked twice for it', async () => {
    const store = new FakeStore()
    store.has(FIRST)
    const lying = async function* (): Bytes {
      yield Buffer.from('layer 222')
    }
    await expect(load(store, '28.5.2', lying)).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect(store.sent).toHaveLength(1)
    expect(store.removed).toHaveLength(1)
  })

  test('has a second chance when the image is removed as soon as it is there', async () => {
    const store = new FakeStore()
    store.said = `Loaded image ID: ${IMAGE.manifestDigest}`
    let looks = 0
    store.inspect = async (id) => {
      looks += 1
      return looks === 1 ? undefined : FakeStore.prototype.inspect.call(store, id)
    }
    expect(await load(store)).toMatchObject({
      steps: ['the image, or a part of it, was removed while it was loaded: sending all layers'],
    })
    expect(store.sent).toHaveLength(2)
  })
})

test('an engine that goes on losing parts of the image is not at fault for wrong bytes', async () => {
  const store = new FakeStore()
  store.said = 'Error unpacking image x: NotFound: content digest sha256:y: not found'
  await expect(load(store)).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
  expect(store.sent).toHaveLength(2)
  expect(store.manifests.size).toBe(0)
})

test('a containerd store that does not tell is sent everything, and what it packs says whether it has the image', async () => {
  const store = new FakeStore()
  store.tells = false
  store.has(FIRST, SECOND)
  await load(store, '26.1.5')
  expect(store.layersSent).toEqual([[FIRST, SECOND, THIRD]])
  await load(store, '26.1.5')
  expect(store.sent).toHaveLength(2)
})
