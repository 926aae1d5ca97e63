import { beforeEach, describe, expect, test } from 'bun:test'
import type { CID } from '../../../src/dag/cid.ts'
import { readPublication } from '../../../src/publication/read.ts'
import { isKept, newestOf } from '../../../src/publish/newest.ts'
import type { Key } from '../../../src/store/naming.ts'
import { altered } from '../../support/altered.ts'
import { GOLDEN } from '../../support/images.ts'
import { keepImage } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { writeCatalogue } from '../../support/memory/publication.ts'
import { useCase } from '../../support/memory/use-case.ts'

const signal = new AbortController().signal

let node: MemoryNode
let key: Key
let image: CID
beforeEach(async () => {
  node = new MemoryNode()
  key = await node.naming.makeKey('web')
  image = (await keepImage(node, GOLDEN.tiny(), 'app:1')).root
})

const usual = () => ({ ...useCase(node), key: undefined, announceTimeoutMs: 1000 })

/** Publishes app:1 under a number, behind another one. */
async function publishAs(sequence: number, previous?: CID): Promise<CID> {
  const root = await writeCatalogue(node, { 'app:1': image }, { sequence, previous: previous?.toString() ?? null })
  await node.publications.add(key.id, { root, sequence }, signal)
  await node.naming.publish(root, key)
  return root
}

describe('what is published before', () => {
  test('is nothing at first', async () => {
    expect(await newestOf(key, usual())).toBeUndefined()
  })

  test('is the newest publication that the node keeps, and what it says', async () => {
    const root = await publishAs(2, await publishAs(1))
    const newest = await newestOf(key, usual())
    expect([String(newest?.root), newest?.sequence, newest?.catalogue?.images.length]).toEqual([String(root), 2, 1])
  })

  test('is what the name stands for where people have emptied the folder: then only its number counts', async () => {
    const root = await publishAs(7)
    await node.catalogue.remove(['published'], signal)
    expect(await newestOf(key, usual())).toEqual({ root, sequence: 7, catalogue: undefined })
  })

  test('is nothing where the name stands for something else, or for what nobody has', async () => {
    await node.naming.publish(image, key)
    expect(await newestOf(key, usual())).toBeUndefined()
    const use = usual()
    const gone = {
      ...use,
      naming: altered(node.naming, { resolve: () => Promise.reject(new Error()) }),
    }
    expect(await newestOf(key, gone)).toBeUndefined()
  })

  test('is not waited for when the user has had enough', async () => {
    const stop = new AbortController()
    stop.abort(new Error('Ctrl-C'))
    await expect(newestOf(key, { ...usual(), signal: stop.signal })).rejects.toThrow('Ctrl-C')
  })

  test('has a number and no images where it cannot be read, and a warning says why', async () => {
    const root = await publishAs(3)
    const document = node.blocks.links(root).find(({ Name }) => Name === 'catalogue.json')?.Hash as CID
    node.blocks.blocks.delete(document.toString())
    const use = usual()
    expect(await newestOf(key, use)).toEqual({ root, sequence: 3, catalogue: undefined })
    expect(use.warnings).toEqual([`publication 3 cannot be read: the node lacks ${document}`])
  })
})

describe('a publication is still kept', () => {
  const read = async (root: CID) => {
    const found = await readPublication(root, (cid, limited) => node.blocks.block(cid, limited), signal)
    if (found === undefined) throw new Error('no publication')
    return found
  }

  test('where it is the newest, or one that the newest goes back to', async () => {
    const roots: CID[] = []
    for (const sequence of [1, 2, 3]) roots.push(await publishAs(sequence, roots.at(-1)))
    for (const root of roots) expect(await isKept(key, await read(root), usual())).toBe(true)
  })

  test('but not where another one is behind the newest, or none', async () => {
    const own = await writeCatalogue(node, { 'web:1': image })
    await publishAs(2, await publishAs(1))
    expect(await isKept(key, await read(own), usual())).toBe(false)
    await publishAs(3)
    expect(await isKept(key, await read(own), usual())).toBe(false)
  })

  test('but not where the folder has lost it, or what came after it cannot be read', async () => {
    const first = await publishAs(1)
    const own = await read(first)
    const second = await publishAs(2, first)
    node.blocks.blocks.delete(second.toString())
    expect(await isKept(key, own, usual())).toBe(false)
    await node.catalogue.remove(['published'], signal)
    expect(await isKept(key, own, usual())).toBe(false)
  })
})
