import { beforeEach, describe, expect, test } from 'bun:test'
import { Publications } from '../../../src/catalogue/publications.ts'
import { rawBlock } from '../../../src/dag/blocks.ts'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { writeDirectory, writeFile } from '../../../src/format/files.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../../support/images.ts'
import { DisturbedFolder } from '../../support/memory/disturbed-folder.ts'
import { writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { RememberingFolder } from '../../support/memory/remembering-folder.ts'

const signal = new AbortController().signal
const KEY = 'k51qzi5uqu5diqpz50v3y8f6lfstu4xyba204i45kq7cnjckc56ofjsk6cc502'

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})

/** Blocks of a publication as `writePublication` makes them: two documents beside a folder with an image. */
async function writeOne(text: string, image: CID): Promise<CID> {
  const images = await writeDirectory(new Map([['app:1', { cid: image, fileSize: 0, dagSize: 1 }]]), node.blocks)
  const documents = ['catalogue.json', 'index.html'].map(
    async (name) => [name, await writeFile(Buffer.from(`${name} ${text}`), node.blocks)] as const,
  )
  const entries = new Map([...(await Promise.all(documents)), ['images', images] as const])
  return (await writeDirectory(entries, node.blocks)).cid
}

const newest = async (key = KEY) => {
  const found = await node.publications.newest(key, signal)
  return found && [found.sequence, found.root.toString()]
}

describe('the publications of a key', () => {
  test('are none at first, and then the one with the highest number', async () => {
    const { root } = await writeOn(node, GOLDEN.tiny())
    expect(await newest()).toBeUndefined()
    for (const sequence of [9, 10, 2]) {
      expect(await node.publications.add(KEY, { root: await writeOne(`${sequence}`, root), sequence }, signal)).toBe(
        true,
      )
    }
    expect(await newest()).toEqual([10, (await writeOne('10', root)).toString()])
    expect(await newest('k51other')).toBeUndefined()
  })

  test('take no number twice, and the same one again is the same', async () => {
    const { root } = await writeOn(node, GOLDEN.tiny())
    const [one, other] = [await writeOne('one', root), await writeOne('other', root)]
    expect(await node.publications.add(KEY, { root: one, sequence: 1 }, signal)).toBe(true)
    expect(await node.publications.add(KEY, { root: other, sequence: 1 }, signal)).toBe(false)
    expect(await node.publications.add(KEY, { root: one, sequence: 1 }, signal)).toBe(true)
    expect(await newest()).toEqual([1, one.toString()])
  })

  test('of two that take a number at once, one has it', async () => {
    const { root } = await writeOn(node, GOLDEN.tiny())
    const roots = [await writeOne('one', root), await writeOne('other', root)]
    const taken = await Promise.all(roots.map((one) => node.publications.add(KEY, { root: one, sequence: 1 }, signal)))
    expect(taken.filter(Boolean)).toHaveLength(1)
    expect(await newest()).toEqual([1, String(roots[taken.indexOf(true)])])
  })

  test('have no number that the folder has lost', async () => {
    const publications = new Publications(new DisturbedFolder(node.folder, async () => 'lost'))
    expect(await publications.add(KEY, { root: parseCid(GOLDEN_ROOTS.tiny), sequence: 1 }, signal)).toBe(false)
  })

  test('are those with a number alone, whatever else people put there', async () => {
    const [{ root }, other] = [await writeOn(node, GOLDEN.tiny()), rawBlock(Buffer.from('other'))]
    await node.blocks.put(other)
    await node.folder.link(`published/${KEY}/7`, root, signal)
    for (const name of ['before', '08', '0', '-9', 'notes', '99999999999999999']) {
      await node.folder.link(`published/${KEY}/${name}`, other.cid, signal)
    }
    expect(await newest()).toEqual([7, GOLDEN_ROOTS.tiny])
  })

  test('keep their images from GC', async () => {
    const { root } = await writeOn(node, GOLDEN.tiny())
    await node.publications.add(KEY, { root: await writeOne('one', root), sequence: 1 }, signal)
    await node.gc()
    expect(node.blocks.read(root, 'image.tar').length).toBeGreaterThan(0)
  })
})

describe('a publication that is retired', () => {
  let [image, first, second]: CID[] = []
  beforeEach(async () => {
    image = (await writeOn(node, GOLDEN.tiny())).root
    first = await writeOne('one', image)
    second = await writeOne('two', (await writeOn(node, GOLDEN.strange())).root)
    await node.publications.add(KEY, { root: first, sequence: 1 }, signal)
    await node.publications.add(KEY, { root: second, sequence: 2 }, signal)
    await node.publications.retire(KEY, 2, signal)
  })

  test('leaves the newest as it is', async () => {
    expect(await newest()).toEqual([2, String(second)])
    const entries = (await node.folder.entries(`published/${KEY}`, signal)) ?? []
    expect(entries.map(({ name }) => name).sort()).toEqual(['2', 'before'])
  })

  test('keeps its documents and the block of its root, by which it can be read, and lets its images go', async () => {
    await node.gc()
    for (const name of ['catalogue.json', 'index.html']) {
      expect(node.blocks.read(first as CID, name).toString()).toBe(`${name} one`)
    }
    expect(await node.blocks.hasBlock(image as CID, signal)).toBe(false)
    expect(await node.blocks.hasBlock(parseCid(GOLDEN_ROOTS.strange), signal)).toBe(true)
  })

  test('is taken away once what stays of it is written out', async () => {
    const folder = new RememberingFolder(node.folder)
    const unsynced: number[] = []
    const watched = new DisturbedFolder(folder, async (change) => {
      if (change === 'remove') unsynced.push(folder.unsynced)
      return undefined
    })
    await node.publications.add(KEY, { root: first as CID, sequence: 3 }, signal)
    await new Publications(watched).retire(KEY, 3, signal)
    expect(unsynced).toEqual([0])
  })

  test('is retired once: a second time changes nothing', async () => {
    const before = await node.catalogue.top(signal)
    await node.publications.retire(KEY, 2, signal)
    expect(await node.catalogue.top(signal)).toEqual(before)
  })
})

describe('what was pulled', () => {
  const pulled = {
    name: KEY,
    root: GOLDEN_ROOTS.tiny,
    sequence: 3,
    images: { 'docker.io/library/app:1': GOLDEN_ROOTS.tiny },
  }

  test('is remembered by the name, and replaced by what is pulled next', async () => {
    expect(await node.publications.pulled(KEY, signal)).toBeUndefined()
    await node.publications.rememberPulled(pulled, signal)
    expect(await node.publications.pulled(KEY, signal)).toEqual(pulled)
    await node.publications.rememberPulled({ ...pulled, sequence: 4 }, signal)
    expect((await node.publications.pulled(KEY, signal))?.sequence).toBe(4)
    expect(await node.publications.pulled('example.org', signal)).toBeUndefined()
  })

  test.each<[string, object]>([
    ['another name', { ...pulled, name: 'example.org' }],
    ['no sequence', { ...pulled, sequence: 'three' }],
    ['a negative sequence', { ...pulled, sequence: -1 }],
    ['images that are no texts', { ...pulled, images: { a: 1 } }],
    ['images in a list', { ...pulled, images: [] }],
    ['no root', { ...pulled, root: undefined }],
  ])('is not known where its record has %s', async (_, record) => {
    await node.publications.rememberPulled(pulled, signal)
    const written = Buffer.from((await node.folder.read(`pulled/${KEY}.json`, 1 << 20, signal)) ?? []).toString()
    const edited = { ...(JSON.parse(written) as object), ...record }
    await node.folder.write(`pulled/${KEY}.json`, Buffer.from(JSON.stringify(edited)), signal)
    expect(await node.publications.pulled(KEY, signal)).toBeUndefined()
  })
})
