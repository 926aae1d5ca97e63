import { describe, expect, test } from 'bun:test'
import type { Engine } from '../../../../src/engine/engine.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import type { ProgressEvent } from '../../../../src/events.ts'
import { askForImages } from '../../../../src/load/into-engine/held.ts'
import { LowerImages } from '../../../../src/load/into-engine/in-steps.ts'
import { intoEngine } from '../../../../src/load/into-engine/into-engine.ts'
import { Silence } from '../../../../src/load/into-engine/silence.ts'
import { lowerIds, stepsOf } from '../../../../src/load/into-engine/steps.ts'
import type { ImageSource } from '../../../../src/read/open-image.ts'
import { readAhead } from '../../../../src/read/read-ahead.ts'
import { type Bytes, deferred } from '../../../../src/streams.ts'
import { imageOf } from '../../../support/images.ts'
import { blobOf, layeredImage, letterOf, readLetters } from '../../../support/layered.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'

/** A classic store that says what happened, in order; letters stand for layers. */
class WatchedEngine extends MemoryEngine {
  readonly log: string[] = []
  /** Called when all of an archive is there; with the number of the load. */
  make: (load: number) => Promise<void> = async () => undefined
  #begun = 0
  #complete = 0

  constructor() {
    super()
    this.making = () => {
      const load = this.#complete++
      this.log.push(`has ${load}`)
      return this.make(load)
    }
  }

  override async load(archive: Bytes, signal: AbortSignal): Promise<string> {
    const load = this.#begun++
    this.log.push(`load ${load}`)
    const said = await super.load(archive, signal)
    const { layers } = (await this.inspect(said.replace(/^.* /, ''))) ?? { layers: [] }
    this.log.push(`made ${load}: ${layers.map(letterOf).join('')}`)
    return said
  }

  override async remove(ids: readonly string[]): Promise<void> {
    this.log.push(...ids.filter((id) => this.stored.has(id)).map(() => 'removed'))
    await super.remove(ids)
  }

  /** Leaves the image of the lowest layers of another, as a load that was killed does. */
  leave(image: ImageSource): void {
    const [{ config, layers } = { config: undefined, layers: [] }] = stepsOf(image, new Set())
    const tars = layers.map((layer) => Buffer.from(`layer ${letterOf(layer.digest)}`))
    this.add({ config: Buffer.from(config?.bytes ?? ''), layers: tars, diffIds: layers.map(({ diffId }) => diffId) })
  }

  get made(): string[] {
    return this.log.filter((line) => line.startsWith('made'))
  }
}

async function load(engine: MemoryEngine, image: ImageSource, cancel = new AbortController()) {
  const events: ProgressEvent[] = []
  const { signal } = cancel
  const options = { engine, signal, report: (event: ProgressEvent) => events.push(event), timeoutMs: 1000 }
  const source = {
    openLayers: (_: ImageSource, layers: ImageSource['layers']) =>
      readAhead(image, layers, { ...options, read: readLetters, from: 'node' }),
  }
  const state = { info: await engine.info(), images: askForImages(engine, signal) }
  const run = intoEngine(image, state, { ...options, source })
  return { done: run.then(({ released }) => released), events }
}

const IMAGE = layeredImage('abc', 20, 20, 20)
const warnings = (events: ProgressEvent[]) => events.flatMap((event) => (event.type === 'warning' ? [event.text] : []))

describe('a load in steps', () => {
  test('sends each step but its end while the one before is made, and no third one', async () => {
    const engine = new WatchedEngine()
    const [isMade, next] = [deferred<void>(), deferred<void>()]
    engine.make = (load) => (load === 0 ? isMade.promise : Promise.resolve())
    engine.heard = (path) => letterOf(path) === 'b' && next.resolve()
    const { done } = await load(engine, IMAGE)
    await next.promise
    await Bun.sleep(20)
    expect(engine.log.toSorted()).toEqual(['has 0', 'load 0', 'load 1'])
    isMade.resolve()
    await done
    expect(engine.made).toEqual(['made 0: a', 'made 1: ab', 'made 2: abc'])
    expect(engine.log.slice(-2)).toEqual(['removed', 'removed'])
    expect([...engine.stored.keys()]).toEqual([IMAGE.configDigest])
  })

  test('goes on where one that was killed has left images, and takes them away', async () => {
    const engine = new WatchedEngine()
    engine.leave(IMAGE)
    expect(lowerIds(IMAGE, await engine.info())).toContain([...engine.stored.keys()].join())
    const other = engine.add(imageOf([Buffer.from('layer a')]))
    await (await load(engine, IMAGE)).done
    expect(engine.made).toEqual(['made 0: ab', 'made 1: abc'])
    expect([...engine.stored.keys()]).toEqual([other, IMAGE.configDigest])
    // That it was killed after the last step changes nothing.
    engine.leave(IMAGE)
    await (await load(engine, IMAGE)).done
    expect([...engine.stored.keys()]).toEqual([other, IMAGE.configDigest])
  })

  test('sends all in one archive when somebody removes an image of lower layers', async () => {
    const engine = new WatchedEngine()
    engine.make = async (load) => {
      if (load === 1) engine.stored.clear()
    }
    const { done, events } = await load(engine, IMAGE)
    await done
    expect(engine.made).toEqual(['made 0: a', expect.stringMatching(/: abc$/)])
    expect(warnings(events)).toEqual([expect.stringMatching(/no such file or directory: sending all layers$/)])
    expect([...engine.stored.keys()]).toEqual([IMAGE.configDigest])
  })

  test('that is cancelled waits for what the engine makes, says so, and takes it away', async () => {
    const engine = new WatchedEngine()
    const [isMade, hasAll, cancel] = [deferred<void>(), deferred<void>(), new AbortController()]
    engine.make = () => {
      hasAll.resolve()
      return isMade.promise
    }
    const { done, events } = await load(engine, IMAGE, cancel)
    const ended = done.catch((error: unknown) => error)
    await hasAll.promise
    const before = events.length
    cancel.abort(new DockerIpfsError('CANCELLED', 'cancelled', { signal: 2 }))
    expect(await Promise.race([ended, Bun.sleep(600)])).toBeUndefined()
    expect(events.slice(before).filter(({ type }) => type === 'step')).toEqual([
      { type: 'step', text: 'Waiting for the engine, to remove what it is at work on' },
    ])
    isMade.resolve()
    expect(await ended).toMatchObject({ code: 'CANCELLED' })
    expect(engine.log.slice(-2)).toEqual(['made 0: a', 'removed'])
    expect(engine.stored.size).toBe(0)
  })

  test('of one archive says that the engine unpacks; cancelled then, it waits, and takes the image away', async () => {
    const engine = new WatchedEngine()
    const [isMade, hasAll, cancel] = [deferred<void>(), deferred<void>(), new AbortController()]
    engine.make = () => {
      hasAll.resolve()
      return isMade.promise
    }
    const { done, events } = await load(engine, layeredImage('a', 20), cancel)
    const ended = done.catch((error: unknown) => error)
    await hasAll.promise
    const steps = () => events.flatMap((event) => (event.type === 'step' ? [event.text] : []))
    while (!steps().includes('Unpacking')) await Bun.sleep(10)
    cancel.abort(new DockerIpfsError('CANCELLED', 'cancelled', { signal: 2 }))
    expect(await Promise.race([ended, Bun.sleep(50)])).toBeUndefined()
    isMade.resolve()
    expect(await ended).toMatchObject({ code: 'CANCELLED' })
    expect(engine.log.slice(-2)).toEqual(['made 0: a', 'removed'])
    expect(engine.stored.size).toBe(0)
  })

  test('that is cancelled does not wait for ever for an engine that never ends', async () => {
    const engine = new WatchedEngine()
    const [hasAll, cancel] = [deferred<void>(), new AbortController()]
    engine.load = async (archive, signal) => {
      for await (const _ of archive) signal.throwIfAborted()
      hasAll.resolve()
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const lower = new LowerImages(engine, await engine.info(), { settleMs: 50 })
    const reader = {
      blob: (layer: { digest: string }) => once(blobOf(letterOf(layer.digest))),
      close() {},
    }
    const options = { reader, signal: cancel.signal, report: () => undefined, plain: false }
    const sent = lower.send(stepsOf(IMAGE, new Set()), options)
    const ended = sent.catch((error: unknown) => error)
    await hasAll.promise
    await Bun.sleep(20)
    cancel.abort(new Error('enough'))
    expect(await ended).toMatchObject({ message: 'enough' })
    await lower.remove([], options.report)
  })

  test('is not told of an engine that gives figures while it unpacks, and of one that is silent then', async () => {
    const engine: Engine = new WatchedEngine()
    const texts: string[] = []
    const answer = deferred<string>()
    engine.load = async (archive, _, unpacked) => {
      for await (const _ of archive);
      let isOver = false
      const beside = new Silence(() => (isOver = true), 200)
      void beside.answering(answer.promise)
      for (; !isOver; await Bun.sleep(5)) unpacked?.('a', 1)
      texts.push('no more figures')
      return answer.promise
    }
    const { signal } = new AbortController()
    const lower = new LowerImages(engine, await engine.info(signal), { silentMs: 200 })
    const reader = { blob: (layer: { digest: string }) => once(blobOf(letterOf(layer.digest))), close() {} }
    const report = (event: ProgressEvent) => void (event.type === 'step' && texts.push(event.text))
    const options = { reader, signal, report, plain: false }
    const sent = lower.send(stepsOf(layeredImage('a', 1), new Set()), options)
    while (!texts.some((text) => text.startsWith('The engine has not answered'))) await Bun.sleep(5)
    answer.resolve('Loaded')
    expect(await sent).toBe('Loaded')
    expect(texts.filter((text) => text !== 'Unpacking')).toEqual([
      'no more figures',
      'The engine has not answered for 0.2 s; Ctrl-C ends the load',
    ])
  })

  test('ends with what the engine says of a step, and takes away what is there', async () => {
    const engine = new WatchedEngine()
    engine.make = async (load) => {
      if (load === 1) throw new DockerIpfsError('INTEGRITY', 'invalid diffID for layer 1')
    }
    await expect((await load(engine, IMAGE)).done).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: 'invalid diffID for layer 1',
    })
    expect(engine.log.filter((line) => line.startsWith('has'))).toEqual(['has 0', 'has 1'])
    expect(engine.stored.size).toBe(0)
  })

  test('sends all in one archive when the engine answers before it has all of a step', async () => {
    const engine = new WatchedEngine()
    const whole = engine.load.bind(engine)
    let loads = 0
    engine.load = async (archive, signal) => {
      loads += 1
      if (loads !== 2) return whole(archive, signal)
      for await (const _ of archive) break
      return 'no'
    }
    const { done, events } = await load(engine, IMAGE)
    await done
    expect(loads).toBe(3)
    expect(warnings(events)).toEqual([`the engine loaded no image with ID ${IMAGE.configDigest}: sending all layers`])
    expect([...engine.stored.keys()]).toEqual([IMAGE.configDigest])
  })

  test('sends all in one archive to an engine that wants all layers', async () => {
    const engine = new WatchedEngine()
    engine.make = async (load) => {
      if (load === 1) throw new DockerIpfsError('ENGINE_FAILED', 'the Docker engine answered: payload does not match')
    }
    await (await load(engine, IMAGE)).done
    expect([...engine.stored.keys()]).toEqual([IMAGE.configDigest])
  })
})

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}
