import { expect, test } from 'bun:test'
import type { ProgressEvent } from '../../../../src/events.ts'
import { archiveInput } from '../../../../src/save/inputs/archive.ts'
import { knowNothing } from '../../../../src/save/known.ts'
import { writeImages } from '../../../../src/save/write-images.ts'
import { archive20, digest, GOLDEN, GOLDEN_ROOTS, imageOf } from '../../../support/images.ts'
import { MemorySink } from '../../../support/memory-sink.ts'
import { fileOf } from '../../../support/saving.ts'
import { tarOf } from '../../../support/tar.ts'

const signal = new AbortController().signal

/** Writes the images of an archive into memory. */
async function write(archive: Buffer, known = knowNothing()) {
  const events: ProgressEvent[] = []
  const input = archiveInput(fileOf(archive))
  const report = (event: ProgressEvent) => void events.push(event)
  const place = { sink: new MemorySink(), known, over: signal, report, tellsMissing: true }
  const traits = { forgets: true, givesHints: false }
  const opened = await input.open(await input.look(traits), traits)
  return { ...(await writeImages(opened, input, place, undefined)), events }
}

test('an image has its root, and its new layers can be found by diffID and by what the archive calls them', async () => {
  const image = GOLDEN.tiny()
  const { images, layers } = await write(archive20(image))
  expect(images.map(({ dag }) => String(dag.root.cid))).toEqual([GOLDEN_ROOTS.tiny])
  expect([...layers.keys()]).toContain(image.diffIds[0]?.slice(7) ?? '')
  expect(layers.size).toBe(2)
})

test('what turns out to be no layer of an image is not kept', async () => {
  const stray = tarOf([{ path: 'stray', body: Buffer.from('stray') }])
  const name = digest(Buffer.from('x')).slice(7)
  const archive = archive20(GOLDEN.tiny())
  const end = archive.length - 1024
  const more = tarOf([{ path: `${name}/layer.tar`, body: stray }], { open: true })
  const { layers } = await write(Buffer.concat([archive.subarray(0, end), more, archive.subarray(end)]))
  expect([...layers.keys()]).not.toContain(name)
  expect(layers.size).toBe(2)
})

test('a layer that comes twice is told once', async () => {
  const [layer = Buffer.alloc(0)] = GOLDEN.tiny().layers
  const { events, images } = await write(archive20(imageOf([layer, layer])))
  expect(images[0]?.layers).toHaveLength(2)
  expect(events.filter(({ type }) => type === 'layer-waits')).toHaveLength(1)
})

test('of members of the same name the last counts, also where it is that of a layer', async () => {
  const image = GOLDEN.tiny()
  const path = `${'a'.repeat(64)}/layer.tar`
  const archive = tarOf([
    { path: 'c.json', body: image.config },
    { path, body: Buffer.from('something else') },
    { path, body: image.layers[0] ?? Buffer.alloc(0) },
    { path: `blobs/sha256/${'a'.repeat(64)}`, body: Buffer.from('and again') },
    { path: 'manifest.json', body: Buffer.from(JSON.stringify([{ Config: 'c.json', Layers: [path] }])) },
  ])
  const { images } = await write(archive)
  expect(images.map(({ dag }) => String(dag.root.cid))).toEqual([GOLDEN_ROOTS.tiny])
})

test('a layer that is not what its name says is told as damaged, though another file has the same bytes', async () => {
  const { layers, config } = imageOf([tarOf([{ path: 'a' }]), tarOf([{ path: 'b' }])])
  const [one = Buffer.alloc(0), two = Buffer.alloc(0)] = layers
  const name = (layer: Buffer) => `blobs/sha256/${digest(layer).slice(7)}`
  const manifest = [{ Config: 'c.json', Layers: [name(one), name(two)] }]
  const archive = tarOf([
    { path: 'c.json', body: config },
    { path: name(two), body: one },
    { path: name(one), body: one },
    { path: 'manifest.json', body: Buffer.from(JSON.stringify(manifest)) },
  ])
  await expect(write(archive)).rejects.toMatchObject({ code: 'INTEGRITY' })
})

test('a name that docker does not take is warned of', async () => {
  const image = GOLDEN.tiny()
  const manifest = [{ Config: 'c.json', RepoTags: ['Team/App:1', 'app:1'], Layers: ['l.tar'] }]
  const archive = tarOf([
    { path: 'c.json', body: image.config },
    { path: 'l.tar', body: image.layers[0] ?? Buffer.alloc(0) },
    { path: 'manifest.json', body: Buffer.from(JSON.stringify(manifest)) },
  ])
  const { events, images } = await write(archive)
  expect(images[0]?.names).toEqual(['docker.io/library/app:1'])
  expect(events).toContainEqual({
    type: 'warning',
    text: 'left out the name "Team/App:1", which docker does not take',
  })
})
