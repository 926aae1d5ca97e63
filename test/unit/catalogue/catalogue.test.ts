import { beforeEach, describe, expect, test } from 'bun:test'
import { recordPath } from '../../../src/catalogue/catalogue.ts'
import { MAX_RECORD } from '../../../src/catalogue/records.ts'
import { rawBlock } from '../../../src/dag/blocks.ts'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { hexOf } from '../../../src/image/canonical.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, small, twoLayers } from '../../support/images.ts'
import { entryOf, keepImage, type StoredImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'

const signal = new AbortController().signal
const APP = 'docker.io/library/app'

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})

const findName = async (name: string, catalogue = node.catalogue) =>
  (await catalogue.findName(name, signal))?.toString()
const findImage = async (id: string) => (await node.catalogue.findImage(id, signal))?.root.toString()
const findLayer = async (key: string) => (await node.catalogue.findLayer(key, signal))?.diffId

/** Edits a JSON file of the catalogue, as people may in the node's web UI. */
async function edit(path: string, change: (value: Record<string, unknown>) => object): Promise<void> {
  const bytes = (await node.folder.read(path, MAX_RECORD, signal)) ?? Buffer.from('{}')
  const value = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>
  await node.folder.write(path, Buffer.from(JSON.stringify(change(value))), signal)
}

async function relink(path: string, cid: CID): Promise<void> {
  await node.folder.remove(path, signal)
  await node.folder.link(path, cid, signal)
}

describe('an image that was saved', () => {
  test('is found by its name, by the ID of the engine, and by its layers', async () => {
    const { root, imageId, layers } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    expect(root.toString()).toBe(GOLDEN_ROOTS.tiny)
    expect(await findName(`${APP}:1`)).toBe(GOLDEN_ROOTS.tiny)
    expect(await findImage(imageId)).toBe(GOLDEN_ROOTS.tiny)
    for (const layer of layers) expect(await node.catalogue.findLayer(hexOf(layer.diffId), signal)).toEqual(layer)
    expect((await node.catalogue.record(root, signal))?.names).toEqual([`${APP}:1`])
  })

  test('is not found by what it is not', async () => {
    const { imageId } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    expect(await findName(`${APP}:2`)).toBeUndefined()
    expect(await findName(APP)).not.toBe(GOLDEN_ROOTS.tiny)
    expect(await findImage(digest(Buffer.from('other')))).toBeUndefined()
    expect(await findLayer(hexOf(imageId))).toBeUndefined()
    expect(await node.catalogue.record(parseCid(GOLDEN_ROOTS.large), signal)).toBeUndefined()
  })

  test('is not taken by GC, even where its pin is gone, nor are layers that stand under another name', async () => {
    const { root, layers } = await keepImage(node, twoLayers(), 'app:1')
    await node.pins.unpin(root)
    await node.gc()
    for (const { blob } of layers) expect(await node.blocks.hasBlock(blob.cid, signal)).toBe(true)
    expect(node.blocks.read(root, 'index.json').length).toBeGreaterThan(0)
  })

  test('of a registry with a port, and of a folder, stands under its whole name', async () => {
    const names = ['localhost:5000/team/app:1', 'ghcr.io/a/b/c:2']
    await keepImage(node, GOLDEN.tiny(), ...names)
    for (const name of names) expect(await findName(name)).toBe(GOLDEN_ROOTS.tiny)
  })

  test('has all names and IDs that it was saved under, and the time of the first save', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    const again = { ...(await entryOf(node, await writeOn(node, GOLDEN.tiny()), 'app:2')), layers: new Map() }
    const other = digest(Buffer.from('the manifest'))
    const record = { ...again.record, imageIds: [other], savedAt: '2026-11-02T00:00:00.000Z' }
    await node.catalogue.add({ ...again, record }, signal)
    const kept = await node.catalogue.record(root, signal)
    expect(kept?.names).toEqual([`${APP}:1`, `${APP}:2`])
    expect(kept?.imageIds).toEqual([digest(GOLDEN.tiny().config), other])
    expect(kept?.savedAt).toBe('2026-11-01T00:00:00.000Z')
  })
})

describe('a name', () => {
  test('moves to the image that was saved last, and the other keeps its ID', async () => {
    const first = await keepImage(node, GOLDEN.tiny(), 'app:1')
    const second = await keepImage(node, GOLDEN.strange(), 'app:1')
    expect(await findName(`${APP}:1`)).toBe(second.root.toString())
    expect(await findImage(first.imageId)).toBe(first.root.toString())
  })

  test('that is removed leaves the image, and the other names', async () => {
    const { imageId } = await keepImage(node, GOLDEN.tiny(), 'app:1', 'app:2')
    await node.catalogue.removeNames([`${APP}:1`], signal)
    expect(await findName(`${APP}:1`)).toBeUndefined()
    expect(await findName(`${APP}:2`)).toBe(GOLDEN_ROOTS.tiny)
    expect(await findImage(imageId)).toBe(GOLDEN_ROOTS.tiny)
  })
})

describe('the versions of a repository', () => {
  const versions = async (tag: string) =>
    (await node.catalogue.findVersions(`${APP}:${tag}`, APP, signal)).map((root) => root.toString())

  /** Four small images, saved one after the other as app:1 to app:4. */
  async function saveFour(): Promise<string[]> {
    const roots: string[] = []
    for (const tag of [1, 2, 3, 4]) {
      const { root } = await keepImage(node, small(`app ${tag}`), `app:${tag}`)
      roots.push(root.toString())
    }
    return roots
  }

  test('are the one with the name first, then the three that were written last', async () => {
    const [one, two, three, four] = await saveFour()
    expect(await versions('1')).toEqual([one, four, three, two] as string[])
    expect(await versions('3')).toEqual([three, four, two] as string[])
    expect(await versions('new')).toEqual([four, three, two] as string[])
  })

  test('of which the names are removed are none any more', async () => {
    const [, two, three] = await saveFour()
    await node.catalogue.removeNames([`${APP}:4`], signal)
    expect(await versions('new')).toEqual([three, two] as string[])
    await node.catalogue.removeNames([`${APP}:3`, `${APP}:2`], signal)
    expect(await versions('new')).toEqual([])
    expect(await node.folder.find(`versions/${APP}:.json`, signal)).toBeUndefined()
  })

  test('are those with the name alone where their file was edited', async () => {
    const [one] = await saveFour()
    await edit(`versions/${APP}:.json`, () => ({ tags: 'all' }))
    expect(await versions('1')).toEqual([one] as string[])
    await keepImage(node, GOLDEN.tiny(), 'app:5')
    expect(await versions('1')).toEqual([one, GOLDEN_ROOTS.tiny] as string[])
  })

  test('have the root that their tag has by now where an earlier docker-ipfs wrote none', async () => {
    const [one, two, three, four] = await saveFour()
    await edit(`versions/${APP}:.json`, (value) => ({ ...value, roots: {} }))
    expect(await versions('1')).toEqual([one, four, three, two] as string[])
  })
})

describe('what was edited by hand into something else is not known', () => {
  let stored: StoredImage
  beforeEach(async () => {
    stored = await keepImage(node, twoLayers(), 'app:1')
  })
  const keyOf = (at: number) => hexOf(stored.layers[at]?.diffId ?? '')

  test.each<[string, () => Promise<void>]>([
    ['another root', () => edit(recordPath(stored.root), (value) => ({ ...value, root: GOLDEN_ROOTS.tiny }))],
    [
      'another ID',
      () => edit(recordPath(stored.root), (value) => ({ ...value, imageIds: [digest(Buffer.from('x'))] })),
    ],
    ['no format', () => edit(recordPath(stored.root), ({ format: _, ...value }) => value)],
    ['text', () => node.folder.write(recordPath(stored.root), Buffer.from('mine'), signal)],
    [
      'more than a record may have',
      () => edit(recordPath(stored.root), (value) => ({ ...value, x: 'x'.repeat(MAX_RECORD) })),
    ],
    ['nothing', () => node.folder.remove(recordPath(stored.root), signal)],
  ])('an ID whose image has a record of %s', async (_, spoil) => {
    expect(await findImage(stored.imageId)).toBe(stored.root.toString())
    await spoil()
    expect(await findImage(stored.imageId)).toBeUndefined()
    expect(await findName(`${APP}:1`)).toBe(stored.root.toString())
  })

  test('an ID that leads to the image of another', async () => {
    const tiny = await keepImage(node, GOLDEN.tiny())
    await relink(`ids/${hexOf(stored.imageId)}`, tiny.root)
    expect(await findImage(stored.imageId)).toBeUndefined()
    expect(await findImage(tiny.imageId)).toBe(GOLDEN_ROOTS.tiny)
  })

  test.each<[string, () => Promise<void>]>([
    [
      'whose record says another size',
      () => edit(`layers/${keyOf(0)}/layer.json`, (value) => ({ ...value, blobSize: 1 })),
    ],
    [
      'whose blob is another',
      () => relink(`layers/${keyOf(0)}/${hexOf(stored.layers[0]?.blobDigest ?? '')}`, stored.root),
    ],
    [
      'whose blob is gone',
      () => node.folder.remove(`layers/${keyOf(0)}/${hexOf(stored.layers[0]?.blobDigest ?? '')}`, signal),
    ],
    ['without a record', () => node.folder.remove(`layers/${keyOf(0)}/layer.json`, signal)],
  ])('a layer %s, until the next save writes it anew', async (_, spoil) => {
    await spoil()
    expect(await findLayer(keyOf(0))).toBeUndefined()
    expect(await findLayer(keyOf(1))).toBe(stored.layers[1]?.diffId as string)
    await keepImage(node, twoLayers(), 'app:1')
    expect(await findLayer(keyOf(0))).toBe(stored.layers[0]?.diffId as string)
  })

  test('a layer whose blob GC has taken', async () => {
    const blob = stored.layers[0]?.blob.cid as CID
    node.blocks.blocks.delete(blob.toString())
    expect(await findLayer(keyOf(0))).toBeUndefined()
    expect(await node.catalogue.layerOf(keyOf(0), signal)).toBe(stored.layers[0]?.diffId as string)
  })

  test('files among the records, which are told by their names', async () => {
    await node.folder.write('records/notes.txt', Buffer.from('mine'), signal)
    await edit(`records/${GOLDEN_ROOTS.tiny}.json`, () => ({ root: GOLDEN_ROOTS.tiny }))
    const records = await node.catalogue.records(signal)
    expect([...records.keys()].sort()).toEqual(
      [stored.root.toString(), `${GOLDEN_ROOTS.tiny}.json`, 'notes.txt'].sort(),
    )
    expect([...records.values()].filter((record) => record !== undefined)).toHaveLength(1)
  })

  test('a record that is called by the name of another', async () => {
    const bytes = await node.folder.read(recordPath(stored.root), MAX_RECORD, signal)
    await node.folder.write(`records/${GOLDEN_ROOTS.tiny}.json`, bytes ?? Buffer.alloc(0), signal)
    expect(await node.catalogue.record(parseCid(GOLDEN_ROOTS.tiny), signal)).toBeUndefined()
    expect((await node.catalogue.records(signal)).get(`${GOLDEN_ROOTS.tiny}.json`)).toBeUndefined()
  })
})

test('a node without a catalogue has no top, and nothing in it', async () => {
  expect(await node.catalogue.top(signal)).toBeUndefined()
  expect(await node.catalogue.entries('images', signal)).toBeUndefined()
  expect(await node.catalogue.records(signal)).toEqual(new Map())
  await node.catalogue.remove(['images/x:1'], signal)
  expect(await node.catalogue.top(signal)).toBeUndefined()
})

test('the top of a catalogue changes with what is in it, and comes back with it', async () => {
  await keepImage(node, GOLDEN.tiny(), 'app:1')
  const before = await node.catalogue.top(signal)
  const other = rawBlock(Buffer.from('x'))
  await node.blocks.put(other)
  await node.folder.link(`images/${APP}:2`, other.cid, signal)
  expect(await node.catalogue.top(signal)).not.toEqual(before)
  await node.catalogue.remove([`images/${APP}:2`], signal)
  expect((await node.catalogue.top(signal))?.toString()).toBe(before?.toString() as string)
})
