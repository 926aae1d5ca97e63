import { beforeEach, describe, expect, test } from 'bun:test'
import { Catalogue } from '../../../src/catalogue/catalogue.ts'
import { Publications } from '../../../src/catalogue/publications.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { hexOf } from '../../../src/image/canonical.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../../support/images.ts'
import { DisturbedFolder, losing } from '../../support/memory/disturbed-folder.ts'
import { entryOf, keepImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { RememberingFolder } from '../../support/memory/remembering-folder.ts'
import { tarOf } from '../../support/tar.ts'

const signal = new AbortController().signal
const APP = 'docker.io/library/app'

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})

const findName = async (name: string) => (await node.catalogue.findName(name, signal))?.toString()
const findImage = async (id: string) => (await node.catalogue.findImage(id, signal))?.root.toString()
const findLayer = async (key: string) => (await node.catalogue.findLayer(key, signal))?.diffId

describe('a catalogue that others write to at the same time', () => {
  /** Two images that share their lower layer. */
  const base = tarOf([{ path: 'base', body: noise(50_000, 'base') }])
  const over = (name: string) => imageOf([base, tarOf([{ path: name, body: noise(9000, name) }])])

  test('has both images that two saved at once, and the layer of both once', async () => {
    const [a, b] = await Promise.all(['a', 'b'].map((name) => keepImage(node, over(name), `app:${name}`, 'app:latest')))
    expect([await findName(`${APP}:a`), await findName(`${APP}:b`)]).toEqual([a?.root.toString(), b?.root.toString()])
    expect([a?.root.toString(), b?.root.toString()]).toContain(await findName(`${APP}:latest`))
    expect(await findLayer(hexOf(digest(base)))).toBe(digest(base))
    expect(await node.folder.entries('layers', signal)).toHaveLength(3)
  })

  test.each<[string, (change: number) => boolean]>([
    ...Array.from({ length: 14 }, (_, at): [string, (change: number) => boolean] => [
      `change ${at + 1} is`,
      (change) => change === at + 1,
    ]),
    ['the first 20 are', (change) => change <= 20],
    ['each that a hundred can be divided by is', (change) => 100 % change === 0],
  ])('has the names and IDs that were written though %s lost', async (_, isLost) => {
    await keepImage(node, over('a'), 'app:1', 'app:latest')
    const catalogue = new Catalogue(new DisturbedFolder(node.folder, losing(isLost)))
    const stored = await writeOn(node, over('b'))
    await catalogue.add(await entryOf(node, stored, 'app:2', 'app:latest'), signal)
    expect(await findImage(stored.imageId)).toBe(stored.root.toString())
    expect(await findName(`${APP}:2`)).toBe(stored.root.toString())
    expect(await findName(`${APP}:latest`)).toBe(stored.root.toString())
    // A layer may be lost, and is then cut once more by the next save; but none is another than its key says.
    for (const { diffId } of stored.layers) expect([diffId, undefined]).toContain(await findLayer(hexOf(diffId)))
  })

  test('says so where nothing stays', async () => {
    const catalogue = new Catalogue(new DisturbedFolder(node.folder, async () => 'lost'))
    const entry = await entryOf(node, await writeOn(node, GOLDEN.tiny()), 'app:1')
    await expect(catalogue.add(entry, signal)).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: 'what was written to it does not stay there',
    })
  })

  test('is written to again where the node failed, and not where it went away', async () => {
    const failing = (code: 'NODE_FAILED' | 'NODE_UNREACHABLE') => {
      let left = 2
      return new DisturbedFolder(node.folder, async () => {
        left -= 1
        if (left >= 0) throw new DockerIpfsError(code, 'no')
        return undefined
      })
    }
    const entry = await entryOf(node, await writeOn(node, GOLDEN.tiny()), 'app:1')
    await expect(new Catalogue(failing('NODE_UNREACHABLE')).add(entry, signal)).rejects.toMatchObject({ message: 'no' })
    expect(await findName(`${APP}:1`)).toBeUndefined()
    await new Catalogue(failing('NODE_FAILED')).add(entry, signal)
    expect(await findName(`${APP}:1`)).toBe(GOLDEN_ROOTS.tiny)
  })

  test('gives up with the error of the node where it goes on failing', async () => {
    const folder = new DisturbedFolder(node.folder, async () => {
      throw new DockerIpfsError('NODE_FAILED', 'no room')
    })
    const entry = await entryOf(node, await writeOn(node, GOLDEN.tiny()), 'app:1')
    await expect(new Catalogue(folder).add(entry, signal)).rejects.toMatchObject({ message: 'no room' })
  })
})

describe('of two that use a catalogue and remember what they saw', () => {
  test('one sees the names and records that the other has written when it writes itself', async () => {
    const stored = await keepImage(node, GOLDEN.tiny(), 'app:1')
    const catalogue = new Catalogue(new RememberingFolder(node.folder))
    expect((await catalogue.record(stored.root, signal))?.names).toEqual([`${APP}:1`])
    await keepImage(node, GOLDEN.tiny(), 'app:2')
    await catalogue.add(await entryOf(node, stored, 'app:3'), signal)
    expect((await node.catalogue.record(stored.root, signal))?.names).toEqual([`${APP}:1`, `${APP}:2`, `${APP}:3`])
  })

  test('one sees the top and the newest publication as they are now', async () => {
    const catalogue = new Catalogue(new RememberingFolder(node.folder))
    const publications = new Publications(new RememberingFolder(node.folder))
    expect([await catalogue.top(signal), await publications.newest('k51', signal)]).toEqual([undefined, undefined])
    const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    await node.publications.add('k51', { root, sequence: 1 }, signal)
    expect(await catalogue.top(signal)).toEqual(await node.catalogue.top(signal))
    expect((await publications.newest('k51', signal))?.sequence).toBe(1)
  })

  test('one does not take a number that the other has got meanwhile', async () => {
    const publications = new Publications(new RememberingFolder(node.folder))
    const { root } = await writeOn(node, GOLDEN.tiny())
    const other = await writeOn(node, GOLDEN.strange())
    expect(await publications.newest('k51', signal)).toBeUndefined()
    await node.publications.add('k51', { root: other.root, sequence: 1 }, signal)
    expect(await publications.add('k51', { root, sequence: 1 }, signal)).toBe(false)
  })

  test('each change is written out at the end', async () => {
    const folder = new RememberingFolder(node.folder)
    const [catalogue, publications] = [new Catalogue(folder), new Publications(folder)]
    const stored = await writeOn(node, GOLDEN.tiny())
    const pulled = { name: 'k51', root: stored.root.toString(), sequence: 1, images: {} }
    const changes: (() => Promise<unknown>)[] = [
      async () => catalogue.add(await entryOf(node, stored, 'app:1', 'app:2'), signal),
      () => catalogue.removeNames([`${APP}:1`], signal),
      () => catalogue.remove([`images/${APP}:2`], signal),
      () => publications.add('k51', { root: stored.root, sequence: 1 }, signal),
      () => publications.add('k51', { root: stored.root, sequence: 2 }, signal),
      () => publications.retire('k51', 2, signal),
      () => publications.rememberPulled(pulled, signal),
    ]
    for (const change of changes) {
      const before = await node.catalogue.top(signal)
      await change()
      expect(folder.unsynced).toBe(0)
      expect(await node.catalogue.top(signal)).not.toEqual(before)
    }
  })
})
