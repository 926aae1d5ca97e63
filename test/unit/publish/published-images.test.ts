import { beforeEach, describe, expect, test } from 'bun:test'
import { list } from '../../../src/catalogue/list.ts'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { nameOf, type PublishedImage } from '../../../src/publication/document.ts'
import { describeImage } from '../../../src/publish/published-image.ts'
import { chooseImages } from '../../../src/publish/published-images.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, small } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import { keepImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { publishedImage } from '../../support/memory/publication.ts'
import { useCase } from '../../support/memory/use-case.ts'

const TINY = parseCid(GOLDEN_ROOTS.tiny)

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode('here')
})

describe('what a publication says of an image', () => {
  const describeOne = (root: CID) => describeImage('docker.io/library/app:1', { root, size: 7 }, useCase(node))

  test('is read from the image itself', async () => {
    const { root } = await writeOn(node, GOLDEN.tiny())
    expect(await describeOne(root)).toEqual({
      name: 'docker.io/library/app',
      tag: '1',
      cid: GOLDEN_ROOTS.tiny,
      configDigest: digest(GOLDEN.tiny().config),
      size: 7,
      created: '2026-01-01T00:00:00Z',
      platforms: ['linux/amd64'],
    })
  })

  test('has all platforms, in the order of the index, and the config of the first', async () => {
    const platforms = [forPlatform(GOLDEN.tiny(), 'arm', 'v7'), GOLDEN.tiny(), forPlatform(GOLDEN.tiny(), 'arm64')]
    const { root } = await writeOn(node, ...platforms)
    const described = await describeOne(root)
    expect(described.platforms).toEqual(['linux/amd64', 'linux/arm/v7', 'linux/arm64'])
    expect(described.configDigest).toBe(digest(GOLDEN.tiny().config))
  })

  test.each(['', '0001-01-01T00:00:00Z', 'yesterday'])(
    'has no time of build where the config says "%s"',
    async (created) => {
      const config = { ...(JSON.parse(GOLDEN.tiny().config.toString()) as object), created }
      const { root } = await writeOn(node, { ...GOLDEN.tiny(), config: Buffer.from(JSON.stringify(config)) })
      expect(await describeOne(root)).not.toHaveProperty('created')
    },
  )

  test('cannot be had of what is no image, or is not whole', async () => {
    const { root, dag } = await writeOn(node, GOLDEN.tiny())
    const config = node.blocks.links(node.blocks.links(root).find(({ Name }) => Name === 'blobs')?.Hash as CID)
    const blobs = node.blocks.links(config[0]?.Hash as CID)
    const lost = blobs.find(({ Name }) => Name === dag.configDigest.slice(7))?.Hash as CID
    await expect(describeOne(lost)).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' })
    node.blocks.blocks.delete(lost.toString())
    await expect(describeOne(root)).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: `the node lacks ${lost} of ${root}`,
    })
  })
})

describe('the images of a publication', () => {
  const choose = async (names: string[], before: PublishedImage[] = []) => {
    const use = useCase(node)
    const images = await chooseImages(names, before, use)
    return { names: images.map(nameOf), images, warnings: use.warnings }
  }
  const sizeOf = async (root: CID) =>
    (await list(useCase(node))).images.find((image) => image.root.equals(root))?.size ?? 0

  /** Has app:1, app:2 and web:latest. */
  beforeEach(async () => {
    await keepImage(node, GOLDEN.tiny(), 'app:1', 'web')
    await keepImage(node, small('two'), 'app:2')
    await keepImage(node, GOLDEN.strange())
  })

  test('are all with a name, sorted, where none is named: nothing is kept of before', async () => {
    const { names } = await choose([], [publishedImage('gone:1', TINY)])
    expect(names).toEqual(['docker.io/library/app:1', 'docker.io/library/app:2', 'docker.io/library/web:latest'])
  })

  test.each<[string[], string[]]>([
    [['app:2'], ['docker.io/library/app:2']],
    [['app'], ['docker.io/library/app:1', 'docker.io/library/app:2']],
    [
      ['web', 'app:1', 'docker.io/library/app:1'],
      ['docker.io/library/app:1', 'docker.io/library/web:latest'],
    ],
  ])('are those that are named, %p, beside what was published before', async (asked, expected) => {
    const { names } = await choose(asked, [publishedImage('gone:1', TINY)])
    expect(names).toEqual([...expected, 'docker.io/library/gone:1'].sort())
  })

  test('take the place of those that were published under the same name', async () => {
    const { images } = await choose(['app:2'], [publishedImage('app:2', TINY)])
    expect(images).toHaveLength(1)
    expect(images[0]?.cid).not.toBe(GOLDEN_ROOTS.tiny)
  })

  test('are not read again where the same was published before', async () => {
    const known = { ...publishedImage('app:1', TINY), size: await sizeOf(TINY) }
    expect((await choose(['app:1'], [known])).images[0]).toBe(known)
    const other = { ...known, size: known.size + 1 }
    expect((await choose(['app:1'], [other])).images[0]?.configDigest).toBe(digest(GOLDEN.tiny().config))
  })

  test.each([
    ['none:1', 'IMAGE_NOT_FOUND', 'no image of the name "none:1" on the node at here'],
    ['web:1', 'IMAGE_NOT_FOUND', 'no image of the name "web:1" on the node at here'],
    ['Web', 'REFERENCE_INVALID', '"Web" is no image name'],
  ])('are refused where one is named %s', async (name, code, message) => {
    await expect(choose(['app:1', name])).rejects.toMatchObject({ code, message })
  })

  test('leave out one that the node has lost, with a warning, unless it was asked for', async () => {
    const stored = await keepImage(node, small('lost'), 'lost:1')
    node.blocks.blocks.delete(stored.root.toString())
    const { names, warnings } = await choose([])
    expect(names).not.toContain('docker.io/library/lost:1')
    // It is pinned, so that its size is believed until it is read.
    expect(warnings).toEqual([`left out lost:1: the node lacks ${stored.root} of ${stored.root}`])
    await expect(choose(['lost:1'])).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })

  test('leave out what is no image, which people put there', async () => {
    await node.folder.write('images/docker.io/library/text:1', Buffer.from('mine'), useCase(node).signal)
    const { names, warnings } = await choose([])
    expect(names).toHaveLength(3)
    expect(warnings).toEqual(['left out, since it is no image, or lost: text:1'])
    await expect(choose(['text:1'])).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
  })
})
