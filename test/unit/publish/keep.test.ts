import { beforeEach, describe, expect, test } from 'bun:test'
import { Publications } from '../../../src/catalogue/publications.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import type { PublishedCatalogue } from '../../../src/publication/document.ts'
import { keepPublication } from '../../../src/publish/keep.ts'
import type { PublishOptions } from '../../../src/publish/options.ts'
import { altered } from '../../support/altered.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../../support/images.ts'
import { DisturbedFolder } from '../../support/memory/disturbed-folder.ts'
import { keepImage } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { publishedImage } from '../../support/memory/publication.ts'
import { useCase } from '../../support/memory/use-case.ts'

const signal = new AbortController().signal
const KEY = { name: 'web', id: 'k51qzi5uqu5diqpz50v3y8f6lfstu4xyba204i45kq7cnjckc56ofjsk6cc502' }

let node: MemoryNode
let catalogue: PublishedCatalogue
beforeEach(async () => {
  node = new MemoryNode()
  const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1')
  const publishedAt = '2026-11-24T20:00:00.000Z'
  catalogue = { schemaVersion: 1, publishedAt, sequence: 1, previous: null, images: [publishedImage('app:1', root)] }
})

const keep = (change: Partial<PublishedCatalogue> = {}, more: Partial<PublishOptions> = {}) =>
  keepPublication(
    KEY,
    { ...catalogue, ...change },
    { ...useCase(node), key: undefined, announceTimeoutMs: 1000, ...more },
  )
const newest = async () => (await node.publications.newest(KEY.id, signal))?.root.toString()
const documentsOf = (root: CID | undefined) =>
  ['catalogue.json', 'index.html'].map((name) => root && node.blocks.read(root, name).length)

describe('a publication that is kept', () => {
  test('stands under its number, whole, whatever GC does', async () => {
    const root = await keep()
    await node.gc()
    expect(await newest()).toBe(String(root))
    expect(documentsOf(root).every((length) => length !== undefined && length > 100)).toBe(true)
    expect(node.blocks.links(root as CID).map(({ Name }) => Name)).toEqual(['catalogue.json', 'images', 'index.html'])
  })

  test('is none where another has its number', async () => {
    const root = await keep()
    expect(await keep({ publishedAt: '2026-11-25T20:00:00.000Z' })).toBeUndefined()
    expect(await newest()).toBe(String(root))
    expect(await keep()).toEqual(root)
  })

  test('links the images, and says how large they are', async () => {
    const root = await keep()
    const images = node.blocks.links(root as CID).find(({ Name }) => Name === 'images')
    const size = (
      await node.catalogue.record((await node.catalogue.findName('docker.io/library/app:1', signal)) as CID, signal)
    )?.size
    expect(images?.Tsize).toBeGreaterThan(size ?? Number.POSITIVE_INFINITY)
  })

  test('cannot have an image that the node has lost', async () => {
    node.blocks.blocks.delete(GOLDEN_ROOTS.tiny)
    await expect(keep()).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: `the node has lost ${GOLDEN_ROOTS.tiny}, which is docker.io/library/app:1`,
    })
    expect(await newest()).toBeUndefined()
  })
})

describe('GC that began before the publication was kept', () => {
  /** Takes all that came since and is not the root, so many times, before the folder is looked at anew. */
  function sweeping(times: number): Publications {
    const { blocks } = node.blocks
    const marked = new Set(blocks.keys())
    let left = times
    const sweep = (root: string) => {
      left -= 1
      for (const cid of blocks.keys()) if (!marked.has(cid) && cid !== root) blocks.delete(cid)
    }
    const folder = new DisturbedFolder(node.folder, async (change) => {
      const root = (await node.folder.find(`published/${KEY.id}/1`, signal))?.cid
      if (change === 'sync' && root !== undefined && left > 0) sweep(root.toString())
      return undefined
    })
    return new Publications(folder)
  }

  test('takes nothing in the end: what it took is sent once more', async () => {
    const root = await keep({}, { publications: sweeping(1) })
    expect(documentsOf(root)).toEqual(documentsOf(await keep()))
  })

  /** Takes all that came since, the root as well, so many times, before it is linked. */
  function earlier(times: number): Publications {
    const { blocks } = node.blocks
    const marked = new Set(blocks.keys())
    let left = times
    const folder = new DisturbedFolder(node.folder, async (change) => {
      left -= Number(change === 'link')
      if (change === 'link' && left >= 0) for (const cid of blocks.keys()) if (!marked.has(cid)) blocks.delete(cid)
      return undefined
    })
    return new Publications(folder)
  }

  test('may take all of it before it is linked', async () => {
    const root = await keep({}, { publications: earlier(3) })
    expect(await newest()).toBe(String(root))
    expect(documentsOf(root)).toEqual(documentsOf(await keep()))
  })

  test('is given up where it takes the root each time, and what else a node refuses is told at once', async () => {
    await expect(keep({}, { publications: earlier(Number.POSITIVE_INFINITY) })).rejects.toMatchObject({
      code: 'NODE_FAILED',
    })
    const refusal = new DockerIpfsError('NODE_FAILED', 'no')
    const publications = altered(node.publications, { add: () => Promise.reject(refusal) })
    await expect(keep({}, { publications })).rejects.toBe(refusal)
    expect(await newest()).toBeUndefined()
  })

  test('is not fought for ever', async () => {
    // A node that takes blocks and has none of them, but for the root.
    const blocks = altered(node.blocks, { hasBlock: async () => false })
    await expect(keep({}, { blocks })).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: 'what is sent to the IPFS node does not stay there',
    })
  })
})

test('what the node does not take is not published, and its request is broken off', async () => {
  const reasons: unknown[] = []
  const full = new DockerIpfsError('NODE_FAILED', 'no room')
  const blocks = altered(node.blocks, {
    openImport: () =>
      altered(node.blocks.openImport(signal), {
        finish: () => Promise.reject(full),
        abort: async (reason) => void reasons.push(reason),
      }),
  })
  await expect(keep({}, { blocks })).rejects.toBe(full)
  expect(reasons).toEqual([full])
  expect(await newest()).toBeUndefined()
})
