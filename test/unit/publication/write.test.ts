import { beforeEach, describe, expect, test } from 'bun:test'
import type { DagNode } from '../../../src/format/files.ts'
import { type PublishedCatalogue, writePublished } from '../../../src/publication/document.ts'
import { renderPage } from '../../../src/publication/page/page.ts'
import { writePublication } from '../../../src/publication/write.ts'
import { GOLDEN } from '../../support/images.ts'
import { writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { publishedImage } from '../../support/memory/publication.ts'
import { MemorySink } from '../../support/memory-sink.ts'

let node: MemoryNode
let image: DagNode
beforeEach(async () => {
  node = new MemoryNode()
  image = (await writeOn(node, GOLDEN.tiny())).dag.root
})

const catalogueOf = (...names: string[]): PublishedCatalogue => ({
  schemaVersion: 1,
  publishedAt: '2026-11-24T20:00:00.000Z',
  sequence: 1,
  previous: null,
  images: names.map((name) => publishedImage(name, image.cid)),
})
const linksFor = (...names: string[]) => new Map(names.map((name) => [name, image]))
const NAMES = ['docker.io/library/app:1', 'docker.io/library/app:2', 'localhost:5000/team/web:1']

describe('a publication that is written', () => {
  test('is a folder of both documents, and of the images below their names', async () => {
    const catalogue = catalogueOf(...NAMES)
    const { cid } = await writePublication(catalogue, linksFor(...NAMES), node.blocks)
    expect(node.blocks.links(cid).map(({ Name }) => Name)).toEqual(['catalogue.json', 'images', 'index.html'])
    expect(node.blocks.read(cid, 'catalogue.json').equals(writePublished(catalogue))).toBe(true)
    expect(node.blocks.read(cid, 'index.html').toString()).toBe(renderPage(catalogue))
    for (const name of NAMES) {
      const tar = node.blocks.read(cid, `images/${name}/image.tar`)
      expect(tar.equals(node.blocks.read(image.cid, 'image.tar'))).toBe(true)
    }
  })

  test('has its own blocks alone: those of the images are where they are', async () => {
    const sink = new MemorySink()
    await writePublication(catalogueOf(...NAMES), linksFor(...NAMES), sink)
    expect(sink.blocks.has(image.cid.toString())).toBe(false)
    // Both documents, the root, and one folder for each part of a name but the last.
    expect(sink.blocks.size).toBeLessThan(12)
  })

  test('says of itself how large it is, with the images', async () => {
    const sink = new MemorySink()
    const { dagSize } = await writePublication(catalogueOf(NAMES[0] ?? ''), linksFor(NAMES[0] ?? ''), sink)
    const own = [...sink.blocks.values()].reduce((sum, { length }) => sum + length, 0)
    expect(dagSize).toBe(own + image.dagSize)
  })

  test('has the same root for the same catalogue, and another one for another', async () => {
    const root = async (...names: string[]) =>
      (await writePublication(catalogueOf(...names), linksFor(...names), new MemorySink())).cid.toString()
    expect(await root(...NAMES)).toBe(await root(...NAMES))
    expect(await root(...NAMES)).not.toBe(await root(...NAMES.slice(1)))
  })

  test('may be empty', async () => {
    const { cid } = await writePublication(catalogueOf(), new Map(), node.blocks)
    expect(node.blocks.links(node.blocks.links(cid).find(({ Name }) => Name === 'images')?.Hash ?? cid)).toEqual([])
  })
})
