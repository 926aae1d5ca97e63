import { beforeEach, describe, expect, test } from 'bun:test'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { publicationHistory } from '../../../src/publish/history.ts'
import { publish } from '../../../src/publish/publish.ts'
import { small } from '../../support/images.ts'
import { keepImage } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { writeCatalogue } from '../../support/memory/publication.ts'
import { useCase } from '../../support/memory/use-case.ts'

const NAME = 'ipns://example.org'

let node: MemoryNode
let one: string
let two: string
let three: string
beforeEach(async () => {
  node = new MemoryNode()
  const kept = ['one', 'two', 'three'].map((name) => keepImage(node, small(name)))
  ;[one = '', two = '', three = ''] = (await Promise.all(kept)).map(({ root }) => root.toString())
})

/** Publishes these, one after the other, as example.org; gives the roots. */
async function publishAll(...all: Readonly<Record<string, string>>[]): Promise<CID[]> {
  const roots: CID[] = []
  for (const [at, images] of all.entries()) {
    const cids = Object.fromEntries(Object.entries(images).map(([name, cid]) => [name, parseCid(cid)]))
    const previous = roots.at(-1)?.toString() ?? null
    const publishedAt = `2026-11-0${at + 1}T00:00:00.000Z`
    roots.push(await writeCatalogue(node, cids, { sequence: at + 1, previous, publishedAt }))
  }
  node.naming.paths.set('example.org', `/ipfs/${roots.at(-1)}`)
  return roots
}

async function walk(reference = NAME, on = node) {
  const lost: string[] = []
  const past: string[] = []
  for await (const { sequence, root } of publicationHistory(reference, useCase(on), (text) => void lost.push(text))) {
    past.push(`${sequence} ${root}`)
  }
  return { past, lost }
}

describe('what a name stood for', () => {
  test('is told from the newest back to the first, with its time and the number of images', async () => {
    const roots = await publishAll({ 'app:1': one }, { 'app:1': one, 'web:1': two }, { 'app:1': two })
    const past = await Array.fromAsync(publicationHistory(NAME, useCase(node), () => undefined))
    expect(past).toEqual([
      { sequence: 3, publishedAt: '2026-11-03T00:00:00.000Z', root: roots[2] as CID, images: 1 },
      { sequence: 2, publishedAt: '2026-11-02T00:00:00.000Z', root: roots[1] as CID, images: 2 },
      { sequence: 1, publishedAt: '2026-11-01T00:00:00.000Z', root: roots[0] as CID, images: 1 },
    ])
  })

  test('of an image is told where it became another one', async () => {
    await publishAll({ 'app:1': one }, { 'app:1': one, 'web:1': three }, { 'app:1': two }, { 'app:1': two })
    expect((await walk(`${NAME}/app:1`)).past).toEqual([`3 ${two}`, `1 ${one}`])
  })

  test('of an image that was away for a while is told on both sides of that', async () => {
    await publishAll({ 'web:1': three }, { 'app:1': one }, { 'web:1': three }, { 'app:1': one })
    expect((await walk(`${NAME}/app:1`)).past).toEqual([`4 ${one}`, `2 ${one}`])
  })

  test('of an image that is not there now is not told: the name is more likely a mistake', async () => {
    await publishAll({ 'app:1': one }, { 'web:1': one })
    await expect(walk(`${NAME}/app:1`)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
    await expect(walk('app:1')).rejects.toMatchObject({ code: 'USAGE' })
  })

  test('ends where nobody has the publication before, and says so', async () => {
    const roots = await publishAll({ 'app:1': one }, { 'app:1': two }, { 'app:1': three })
    node.blocks.blocks.delete(String(roots[0]))
    const { past, lost } = await walk()
    expect(past).toEqual([`3 ${roots[2]}`, `2 ${roots[1]}`])
    expect(lost).toEqual(['nobody has what was published before 2'])
    expect((await walk(`${NAME}/app:1`)).past).toEqual([`3 ${three}`, `2 ${two}`])
  })

  test('is refused where it goes round in circles', async () => {
    const wrong = await writeCatalogue(node, { 'app:1': parseCid(one) }, { sequence: 9 })
    const last = await writeCatalogue(node, {}, { sequence: 2, previous: wrong.toString() })
    node.naming.paths.set('example.org', `/ipfs/${last}`)
    await expect(walk()).rejects.toMatchObject({ code: 'PUBLICATION_INVALID' })
  })

  test('can be told by others, after GC has taken the images that were published before', async () => {
    const ids: string[] = []
    for (const image of [small('one'), small('two'), small('three')]) {
      await keepImage(node, image, 'app:1')
      const { id } = await publish([], { ...useCase(node), key: undefined, announceTimeoutMs: 1000 })
      ids.push(id)
    }
    await node.catalogue.remove(['ids', 'layers', 'records'], useCase(node).signal)
    node.pins.names.clear()
    await node.gc()
    expect(node.blocks.blocks.has(one)).toBe(false)
    const other = new MemoryNode()
    other.connect(node)
    const { past, lost } = await walk(`ipns://${ids[0]}/app:1`, other)
    expect([past, lost]).toEqual([[`3 ${three}`, `2 ${two}`, `1 ${one}`], []])
  })
})
