import { describe, expect, test } from 'bun:test'
import type { Engine } from '../../../../src/engine/engine.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import type { ProgressEvent } from '../../../../src/events.ts'
import { readArchive } from '../../../../src/image/archive.ts'
import { askForImages } from '../../../../src/load/into-engine/held.ts'
import { LowerImages } from '../../../../src/load/into-engine/in-steps.ts'
import { intoEngine } from '../../../../src/load/into-engine/into-engine.ts'
import { lowerIds, stepsOf } from '../../../../src/load/into-engine/steps.ts'
import type { ImageSource } from '../../../../src/read/open-image.ts'
import { readAhead } from '../../../../src/read/read-ahead.ts'
import type { Node } from '../../../../src/store/kubo/node.ts'
import { type Bytes, collect, deferred } from '../../../../src/streams.ts'
import { digest } from '../../../support/images.ts'
import { blobOf, layeredImage, letterOf } from '../../../support/layered.ts'

const INFO = { version: '26.1.5', containerdStore: false, architecture: 'x86_64', os: 'linux' }

/** A classic store: it makes an image when it has all of an archive, and the layers below those that this has. */
class ClassicStore implements Partial<Engine> {
  /** diffIDs of each image, by ID. */
  readonly images = new Map<string, string[]>()
  /** What happened, in order; letters stand for layers. */
  readonly log: string[] = []
  /** Called when all of an archive is there; with the number of the load. */
  make: (load: number) => Promise<void> = async () => undefined
  /** Called with the path of each file that has come. */
  heard: (path: string) => void = () => undefined
  #loads = 0

  async inspect(id: string) {
    const layers = this.images.get(id)
    return layers && { id, layers, names: [] }
  }

  async imageIds() {
    return [...this.images.keys()]
  }

  async layersOf() {
    return [...this.images.values()]
  }

  async load(archive: Bytes, signal: AbortSignal): Promise<string> {
    const load = this.#loads++
    this.log.push(`load ${load}`)
    const files = new Map<string, Buffer>()
    for await (const { path, body } of readArchive(archive)) {
      files.set(path, Buffer.from(await collect(body, 1 << 20, path)))
      this.heard(path)
    }
    signal.throwIfAborted()
    this.log.push(`has ${load}`)
    await this.make(load)
    const [manifest] = JSON.parse(String(files.get('manifest.json'))) as [{ Config: string; Layers: string[] }]
    const letters = manifest.Layers.map(letterOf)
    const diffIds = letters.map((letter) => `sha256:${letter.repeat(64)}`)
    for (const [at, path] of manifest.Layers.entries()) {
      const isKnown = [...this.images.values()].some(
        (layers) => layers[at] && isPrefix(diffIds.slice(0, at + 1), layers),
      )
      if (!isKnown && !files.has(path)) throw new DockerIpfsError('ENGINE_FAILED', `open ${path}: no such file`)
    }
    const id = digest(files.get(manifest.Config) as Buffer)
    this.images.set(id, diffIds)
    this.log.push(`made ${load}: ${letters.join('')}`)
    return `Loaded image ID: ${id}`
  }

  async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) if (this.images.delete(id)) this.log.push('removed')
  }
}

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}

const isPrefix = (some: string[], all: string[]) => some.every((diffId, at) => all[at] === diffId)

function load(store: ClassicStore, image: ImageSource, cancel = new AbortController()) {
  const events: ProgressEvent[] = []
  const cat = async function* (path: string): Bytes {
    yield blobOf(letterOf(path))
  }
  const loading = {
    engine: store as unknown as Engine,
    node: { cat } as unknown as Node,
    report: (event: ProgressEvent) => events.push(event),
    signal: cancel.signal,
    timeoutMs: 1000,
  }
  const state = {
    info: INFO,
    images: askForImages(loading.engine, loading.signal),
  }
  const run = intoEngine(image, state, {
    ...loading,
    openLayers: (layers) => readAhead(image, layers, { ...loading, from: 'node' }),
  })
  return { done: run.then(({ released }) => released), events }
}

const IMAGE = layeredImage('abc', 20, 20, 20)
const warnings = (events: ProgressEvent[]) => events.flatMap((event) => (event.type === 'warning' ? [event.text] : []))

describe('a load in steps', () => {
  test('sends each step but its end while the one before is made, and no third one', async () => {
    const store = new ClassicStore()
    const [isMade, next] = [deferred<void>(), deferred<void>()]
    store.make = (load) => (load === 0 ? isMade.promise : Promise.resolve())
    store.heard = (path) => letterOf(path) === 'b' && next.resolve()
    const { done } = load(store, IMAGE)
    await next.promise
    await Bun.sleep(20)
    expect(store.log.toSorted()).toEqual(['has 0', 'load 0', 'load 1'])
    isMade.resolve()
    await done
    expect(store.log.filter((line) => line.startsWith('made'))).toEqual(['made 0: a', 'made 1: ab', 'made 2: abc'])
    expect(store.log.slice(-2)).toEqual(['removed', 'removed'])
    expect([...store.images.keys()]).toEqual([IMAGE.configDigest])
  })

  test('goes on where one that was killed has left images, and takes them away', async () => {
    const store = new ClassicStore()
    const [lowest = ''] = lowerIds(IMAGE, INFO)
    store.images.set(lowest, [IMAGE.layers[0]?.diffId ?? ''])
    store.images.set('other', [IMAGE.layers[0]?.diffId ?? ''])
    await load(store, IMAGE).done
    expect(store.log.filter((line) => line.startsWith('made'))).toEqual(['made 0: ab', 'made 1: abc'])
    expect([...store.images.keys()]).toEqual(['other', IMAGE.configDigest])
    // That it was killed after the last step changes nothing.
    store.images.set(lowest, [IMAGE.layers[0]?.diffId ?? ''])
    await load(store, IMAGE).done
    expect([...store.images.keys()]).toEqual(['other', IMAGE.configDigest])
  })

  test('sends all in one archive when somebody removes an image of lower layers', async () => {
    const store = new ClassicStore()
    store.make = async (load) => {
      if (load === 1) store.images.clear()
    }
    const { done, events } = load(store, IMAGE)
    await done
    expect(store.log.filter((line) => line.startsWith('made'))).toEqual(['made 0: a', expect.stringMatching(/: abc$/)])
    expect(warnings(events)).toEqual([expect.stringMatching(/no such file: sending all layers$/)])
    expect([...store.images.keys()]).toEqual([IMAGE.configDigest])
  })

  test('that is cancelled waits for what the engine makes, says so, and takes it away', async () => {
    const store = new ClassicStore()
    const [isMade, hasAll, cancel] = [deferred<void>(), deferred<void>(), new AbortController()]
    store.make = () => {
      hasAll.resolve()
      return isMade.promise
    }
    const { done, events } = load(store, IMAGE, cancel)
    const ended = done.catch((error: unknown) => error)
    await hasAll.promise
    const before = events.length
    cancel.abort(new DockerIpfsError('CANCELLED', 'cancelled', { signal: 2 }))
    expect(await Promise.race([ended, Bun.sleep(600)])).toBeUndefined()
    expect(events.slice(before).filter(({ type }) => type === 'step')).toEqual([
      { type: 'step', text: 'Waiting for the engine, to remove the layers that it is at work on' },
    ])
    isMade.resolve()
    expect(await ended).toMatchObject({ code: 'CANCELLED' })
    expect(store.log.slice(-2)).toEqual(['made 0: a', 'removed'])
    expect(store.images.size).toBe(0)
  })

  test('that is cancelled does not wait for ever for an engine that never ends', async () => {
    const store = new ClassicStore()
    const [hasAll, cancel] = [deferred<void>(), new AbortController()]
    store.load = async (archive, signal) => {
      for await (const _ of archive) signal.throwIfAborted()
      hasAll.resolve()
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const lower = new LowerImages(store as unknown as Engine, INFO, 50)
    const reader = {
      blob: (layer: { digest: string }) => once(blobOf(letterOf(layer.digest))),
      close() {},
    }
    const sending = { reader, signal: cancel.signal, report: () => undefined, plain: false }
    const sent = lower.send(stepsOf(IMAGE, new Set()), sending)
    const ended = sent.catch((error: unknown) => error)
    await hasAll.promise
    await Bun.sleep(20)
    cancel.abort(new Error('enough'))
    expect(await ended).toMatchObject({ message: 'enough' })
    await lower.remove([], sending.report)
  })

  test('ends with what the engine says of a step, and takes away what is there', async () => {
    const store = new ClassicStore()
    store.make = async (load) => {
      if (load === 1) throw new DockerIpfsError('INTEGRITY', 'invalid diffID for layer 1')
    }
    await expect(load(store, IMAGE).done).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: 'invalid diffID for layer 1',
    })
    expect(store.log.filter((line) => line.startsWith('has'))).toEqual(['has 0', 'has 1'])
    expect(store.images.size).toBe(0)
  })

  test('sends all in one archive when the engine answers before it has all of a step', async () => {
    const store = new ClassicStore()
    const whole = store.load.bind(store)
    let loads = 0
    store.load = async (archive, signal) => {
      loads += 1
      if (loads !== 2) return whole(archive, signal)
      for await (const _ of archive) break
      return 'no'
    }
    const { done, events } = load(store, IMAGE)
    await done
    expect(loads).toBe(3)
    expect(warnings(events)).toEqual([`the engine loaded no image with ID ${IMAGE.configDigest}: sending all layers`])
    expect([...store.images.keys()]).toEqual([IMAGE.configDigest])
  })

  test('sends all in one archive to an engine that wants all layers', async () => {
    const store = new ClassicStore()
    store.make = async (load) => {
      if (load === 1) throw new DockerIpfsError('ENGINE_FAILED', 'the Docker engine answered: payload does not match')
    }
    await load(store, IMAGE).done
    expect([...store.images.keys()]).toEqual([IMAGE.configDigest])
  })
})
