import { beforeEach, describe, expect, test } from 'bun:test'
import { Catalogue } from '../../../src/catalogue/catalogue.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { hexOf } from '../../../src/image/canonical.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../../support/images.ts'
import { DisturbedFolder, losing } from '../../support/memory/disturbed-folder.ts'
import { entryOf, keepImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
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
