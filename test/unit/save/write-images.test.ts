import { expect, test } from 'bun:test'
import type { ProgressEvent } from '../../../src/events.ts'
import { type Layer, writeLayer } from '../../../src/format/layer.ts'
import type { SavedImage } from '../../../src/image/saved/saved-image.ts'
import type { InputOptions, OpenInput } from '../../../src/save/input.ts'
import { knowNothing } from '../../../src/save/known.ts'
import type { Place } from '../../../src/save/target.ts'
import { tellSaved, writeImages } from '../../../src/save/write-images.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'

const tiny = GOLDEN.tiny()
const [TAR] = tiny.layers as [Buffer]
const KEY = 'a'.repeat(64)
const config = { diffIds: tiny.diffIds, os: 'linux', architecture: 'amd64', variant: '', created: '' }

async function* pieces(bytes: Buffer) {
  yield bytes.subarray(0, 100)
  yield bytes.subarray(100)
}

/** An input of the image "tiny", whose only layer it reads so. */
function inputOf(readLayer: (options: InputOptions) => Promise<Layer>, hasOthers = false): OpenInput {
  return {
    hasOthers,
    async read(options) {
      const layers = [await readLayer(options)]
      const image: SavedImage<Layer> = {
        platforms: [{ configBytes: tiny.config, config, layers }],
        names: [],
        id: undefined,
        missing: ['linux/arm64'],
      }
      return [image]
    },
    labelsOf: () => ({ names: ['docker.io/library/app:1'], imageIds: [] }),
    close: () => undefined,
  }
}

function place(more: Partial<Place> = {}) {
  const events: ProgressEvent[] = []
  const { signal } = new AbortController()
  const sink = new MemorySink()
  const report = (event: ProgressEvent) => void events.push(event)
  return { sink, known: knowNothing(), over: signal, report, tellsMissing: false, events, ...more }
}

test('a layer is told when it begins, as it comes, and when it is sent; that it is saved, once all is', async () => {
  const at = place()
  const entry = { path: 'x', key: KEY, size: TAR.length }
  const input = inputOf(({ onLayer }) => onLayer(pieces(TAR), entry))
  const written = await writeImages(input, { isMany: false }, at, undefined)
  const { images, layers } = written
  const layer = `sha256:${KEY}`
  expect(at.events.splice(0)).toEqual([
    { type: 'layer-start', layer, bytesTotal: TAR.length },
    { type: 'layer-progress', layer, bytesDone: 100 },
    { type: 'layer-progress', layer, bytesDone: TAR.length },
    { type: 'layer-waits', layer, status: 'Sent', bytesDone: TAR.length },
  ])
  const saved: ProgressEvent = { type: 'layer-done', layer, status: 'Saved', bytesDone: TAR.length }
  tellSaved(written, 2999, at.report)
  expect(at.events.splice(0)).toEqual([saved])
  tellSaved(written, 4000, at.report)
  expect(at.events).toEqual([saved, { type: 'step', text: 'Saved 2.048kB in 4.0 s (512B/s)' }])
  expect(images.map(({ dag, names, layers }) => [String(dag.root.cid), names, layers])).toEqual([
    [GOLDEN_ROOTS.tiny, ['docker.io/library/app:1'], [...tiny.diffIds]],
  ])
  expect([...layers.keys()].sort()).toEqual([KEY, (tiny.diffIds[0] ?? '').slice(7)].sort())
})

test('a layer that nothing names is told by its path', async () => {
  const at = place()
  const entry = { path: 'odd/name', key: undefined, size: undefined }
  await writeImages(
    inputOf(({ onLayer }) => onLayer(pieces(TAR), entry)),
    { isMany: false },
    at,
    undefined,
  )
  expect(at.events[0]).toEqual({ type: 'layer-start', layer: 'odd/name', bytesTotal: undefined })
})

test('a layer that is known is told once, however often it is asked for, and is not new', async () => {
  const layer = await writeLayer(pieces(TAR), new MemorySink())
  const at = place({ known: { ...knowNothing(), findLayer: async () => layer } })
  const input = inputOf(async ({ findLayer }) => {
    await findLayer(KEY, undefined)
    return (await findLayer(KEY, TAR.length)) ?? layer
  })
  const { images, layers } = await writeImages(input, { isMany: false }, at, undefined)
  expect(String(images[0]?.dag.root.cid)).toBe(GOLDEN_ROOTS.tiny)
  expect(layers.size).toBe(0)
  expect(at.events).toEqual([
    { type: 'layer-done', layer: `sha256:${KEY}`, status: 'Already saved', bytesDone: TAR.length },
  ])
})

test('of what was written before an image is read once more, only its own layers count', async () => {
  const at = place()
  const found: boolean[] = []
  const input = inputOf(async ({ onLayer, findLayer, anew }) => {
    const mine = await onLayer(pieces(TAR), { path: 'x', key: KEY, size: undefined })
    const other = 'b'.repeat(64)
    await onLayer(pieces(Buffer.alloc(1000)), { path: 'y', key: other, size: undefined })
    anew(tiny.diffIds)
    for (const key of [KEY, other]) found.push((await findLayer(key, undefined)) !== undefined)
    return mine
  })
  const { layers, sent } = await writeImages(input, { isMany: false }, at, undefined)
  expect(found).toEqual([true, false])
  expect(layers.has(KEY)).toBe(true)
  expect(layers.size).toBe(2)
  expect(sent.map(({ name }) => name)).toEqual([`sha256:${KEY}`])
})

test.each([
  [false, 4],
  [true, 2],
])('what is of no image is not new where there may be such: %p', async (hasOthers, count) => {
  const input = inputOf(async ({ onLayer }) => {
    await onLayer(pieces(Buffer.alloc(1000)), { path: 'y', key: 'b'.repeat(64), size: undefined })
    return onLayer(pieces(TAR), { path: 'x', key: KEY, size: undefined })
  }, hasOthers)
  expect((await writeImages(input, { isMany: false }, place(), undefined)).layers.size).toBe(count)
})

test.each([
  { isMany: false, tellsMissing: false, platform: undefined, told: 0 },
  { isMany: true, tellsMissing: false, platform: undefined, told: 1 },
  { isMany: false, tellsMissing: true, platform: undefined, told: 1 },
  { isMany: true, tellsMissing: true, platform: { os: 'linux', architecture: 'amd64', variant: '' }, told: 0 },
])('a platform that an archive lacks is told, but for one that was asked for: %j', async (of) => {
  const { isMany, tellsMissing, platform, told } = of
  const at = place({ tellsMissing })
  const input = inputOf(({ onLayer }) => onLayer(pieces(TAR), { path: 'x', key: KEY, size: undefined }))
  await writeImages(input, { isMany }, at, platform)
  expect(at.events.filter(({ type }) => type === 'step')).toHaveLength(told)
})

test.each([
  [
    { Cmd: '/bin/sh' },
    'engines with a containerd store cannot load app:1: "config.Cmd" is a string, where a list of strings belongs',
  ],
  [{ Tty: 1 }, 'engines with a classic store cannot load app:1: "config.Tty" is a number, where true or false belongs'],
  [{ User: 0 }, 'no Docker engine can load app:1: "config.User" is a number, where a string belongs'],
])('an image whose config %j not every engine can read is told of once, and written as it is', async (run, text) => {
  const sink = new MemorySink()
  const at = place({ sink })
  const configBytes = Buffer.from(JSON.stringify({ ...(JSON.parse(String(tiny.config)) as object), config: run }))
  const input = inputOf(({ onLayer }) => onLayer(pieces(TAR), { path: 'x', key: KEY, size: TAR.length }))
  const read = async (options: InputOptions) => {
    const [image] = await input.read(options)
    const platforms = (image?.platforms ?? []).map((one) => ({ ...one, configBytes }))
    return [{ ...(image as SavedImage<Layer>), platforms: [...platforms, ...platforms], names: ['app:1'] }]
  }
  await writeImages({ ...input, read }, { isMany: false }, at, undefined)
  expect(at.events.filter(({ type }) => type === 'warning')).toEqual([{ type: 'warning', text }])
  expect([...sink.blocks.values()].some((bytes) => Buffer.from(bytes).includes(configBytes))).toBe(true)
})
