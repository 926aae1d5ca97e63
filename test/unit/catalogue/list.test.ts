import { beforeEach, describe, expect, test } from 'bun:test'
import { kept } from '../../../src/catalogue/kept.ts'
import { findNames, list, rootOfRecord, uniqueSizes } from '../../../src/catalogue/list.ts'
import { rawBlock } from '../../../src/dag/blocks.ts'
import { parseCid } from '../../../src/dag/cid.ts'
import { imageSize } from '../../../src/dag/sizes.ts'
import { GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../../support/images.ts'
import { keepImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { useCase } from '../../support/memory/use-case.ts'
import { tarOf } from '../../support/tar.ts'

const signal = new AbortController().signal

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})

const listed = async () => list(useCase(node))
const rows = async () => (await listed()).images.map(({ name, root }) => [name, root.toString()] as const)

describe('the list of a node', () => {
  test('has an image once for each of its names, by name, and those without a name last', async () => {
    await keepImage(node, GOLDEN.strange())
    await keepImage(node, GOLDEN.tiny(), 'web:1', 'app:1', 'localhost:5000/a/b:1')
    expect(await rows()).toEqual([
      ['docker.io/library/app:1', GOLDEN_ROOTS.tiny],
      ['docker.io/library/web:1', GOLDEN_ROOTS.tiny],
      ['localhost:5000/a/b:1', GOLDEN_ROOTS.tiny],
      [undefined, GOLDEN_ROOTS.strange],
    ])
    expect((await listed()).odd).toEqual([])
  })

  test('is empty where nothing was saved', async () => {
    expect(await listed()).toEqual({ images: [], odd: [] })
  })

  test('has an image whose name went to another as one without a name', async () => {
    await keepImage(node, GOLDEN.tiny(), 'app:1')
    await keepImage(node, GOLDEN.strange(), 'app:1')
    expect(await rows()).toEqual([
      ['docker.io/library/app:1', GOLDEN_ROOTS.strange],
      [undefined, GOLDEN_ROOTS.tiny],
    ])
  })

  test('has the record of an image, and none where it was edited', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    expect((await listed()).images[0]?.record?.root).toBe(GOLDEN_ROOTS.tiny)
    await node.folder.write(`records/${root}.json`, Buffer.from('{}'), signal)
    const { images, odd } = await listed()
    expect(images.map(({ record }) => record)).toEqual([undefined])
    expect(odd).toEqual([`records/${root}.json`])
  })

  test('tells what is no name, and no record, as odd, and leaves it alone', async () => {
    await keepImage(node, GOLDEN.tiny(), 'app:1')
    const leaf = rawBlock(Buffer.from('mine'))
    await node.blocks.put(leaf)
    const odd = ['images/docker.io/library/App:1', 'images/docker.io/library/notes', 'images/readme.txt']
    for (const path of odd) await node.folder.link(path, leaf.cid, signal)
    await node.folder.write('records/notes.txt', Buffer.from('mine'), signal)
    const found = await listed()
    expect([...found.odd].sort()).toEqual([...odd, 'records/notes.txt'])
    expect(found.images).toHaveLength(1)
    for (const path of odd) expect(await node.folder.find(path, signal)).toBeDefined()
  })

  test('goes down no more folders than a name can have', async () => {
    const path = `images/${'a/'.repeat(70)}`
    await node.folder.write(`${path}x:1`, Buffer.from('x'), signal)
    const { images, odd } = await findNames(node.catalogue, signal)
    expect(images).toEqual([])
    expect(odd).toEqual([`images/${'a/'.repeat(65)}`.slice(0, -1)])
  })
})

describe('the size of an image', () => {
  test('is that of its blocks, each once', async () => {
    const alone = new MemoryNode()
    const { root } = await writeOn(alone, GOLDEN.strange())
    await keepImage(node, GOLDEN.strange(), 'app:1')
    const bytes = await alone.traffic.repoSize(signal)
    expect(await imageSize(root, { blocks: node.blocks, signal })).toBe(bytes)
    expect((await listed()).images[0]?.size).toBe(bytes)
  })

  test('is that of the record where the image is pinned, and counted where it is not', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    const counted = (await listed()).images[0]?.size as number
    const record = await node.catalogue.record(root, signal)
    await node.folder.write(`records/${root}.json`, Buffer.from(JSON.stringify({ ...record, size: 7 })), signal)
    expect((await listed()).images[0]?.size).toBe(7)
    await node.pins.unpin(root)
    expect((await listed()).images[0]?.size).toBe(counted)
  })

  test('is not known where the node has lost the image, or it is none', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    await node.pins.unpin(root)
    node.blocks.blocks.delete(root.toString())
    await node.folder.write('images/docker.io/library/text:1', Buffer.from('no image'), signal)
    expect((await listed()).images.map(({ name, size }) => [name, size])).toEqual([
      ['docker.io/library/app:1', undefined],
      ['docker.io/library/text:1', undefined],
    ])
  })

  test('is shared by images that have layers in common: what each alone has is less', async () => {
    const base = tarOf([{ path: 'base', body: noise(80_000, 'base') }])
    const over = (name: string) => imageOf([base, tarOf([{ path: name, body: noise(20_000, name) }])])
    const [a, b] = [await keepImage(node, over('a'), 'a:1', 'a:2'), await keepImage(node, over('b'), 'b:1')]
    const { images } = await listed()
    const sizes = await uniqueSizes(images, useCase(node))
    expect([...sizes.keys()]).toEqual([a.root.toString(), b.root.toString()])
    const [ofA = 0, ofB = 0] = sizes.values()
    const whole = images[0]?.size ?? 0
    // A layer that does not compress, and nothing else, is in both.
    expect(whole - ofA).toBeGreaterThan(80_000)
    expect(whole - ofA).toBe((images[2]?.size ?? 0) - ofB)
    expect(ofA).toBeGreaterThan(20_000)
  })
})

describe('what a shell is offered', () => {
  test('are the names as docker shows them, and the CIDs of images without one', async () => {
    await keepImage(node, GOLDEN.tiny(), 'app:1', 'ghcr.io/a/b:1')
    await keepImage(node, GOLDEN.strange())
    expect(await kept({ catalogue: node.catalogue, signal })).toEqual([
      { name: 'app:1', root: GOLDEN_ROOTS.tiny },
      { name: 'ghcr.io/a/b:1', root: GOLDEN_ROOTS.tiny },
      { name: undefined, root: GOLDEN_ROOTS.strange },
    ])
  })

  test('is the catalogue alone: neither images nor records are read, and what people put there goes nowhere', async () => {
    await keepImage(node, GOLDEN.tiny(), 'app:1')
    await node.folder.write('records/$(reboot).json', Buffer.from('x'), signal)
    await node.folder.write(`records/${GOLDEN_ROOTS.large}.json`, Buffer.from('x'), signal)
    node.blocks.blocks.clear()
    expect(await kept({ catalogue: node.catalogue, signal })).toEqual([
      { name: 'app:1', root: GOLDEN_ROOTS.tiny },
      { name: undefined, root: GOLDEN_ROOTS.large },
    ])
  })

  test('is nothing on a node without a catalogue', async () => {
    expect(await kept({ catalogue: node.catalogue, signal })).toEqual([])
  })
})

test('the name of a record is a CID, or nothing', () => {
  expect(rootOfRecord(GOLDEN_ROOTS.tiny)).toEqual(parseCid(GOLDEN_ROOTS.tiny))
  expect(rootOfRecord('notes')).toBeUndefined()
})
