import { beforeEach, describe, expect, test } from 'bun:test'
import { rawBlock } from '../../../src/dag/blocks.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type Usage, usage } from '../../../src/inspect/usage.ts'
import { altered } from '../../support/altered.ts'
import { digest, imageOf, noise } from '../../support/images.ts'
import { keepImage, type StoredImage } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { useCase } from '../../support/memory/use-case.ts'
import { tarOf } from '../../support/tar.ts'

const signal = new AbortController().signal
const base = tarOf([{ path: 'base', body: noise(100_000, 'base') }])
const upper = tarOf([{ path: 'upper', body: noise(40_000, 'upper') }])
const other = tarOf([{ path: 'other', body: noise(20_000, 'other') }])

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})

/** All rows, by type. */
async function rowsOf(): Promise<(type: Usage['type']) => Usage[]> {
  const rows = await usage(useCase(node))
  return (type) => rows.filter((row) => row.type === type)
}
/** Of the only row of a type. */
const sizeOf = ([row]: Usage[]) => row?.size ?? 0

describe('what is on a node', () => {
  let app: StoredImage
  let web: StoredImage
  beforeEach(async () => {
    app = await keepImage(node, imageOf([base, upper]), 'app:1', 'app:2')
    web = await keepImage(node, imageOf([base, other]))
  })

  test('is each image with all its names, and what it alone has', async () => {
    const images = (await rowsOf())('image')
    const sizeIn = async ({ root }: StoredImage) => (await node.catalogue.record(root, signal))?.size ?? 0
    expect(images.map(({ name, cid, size }) => [name, String(cid), size])).toEqual([
      ['app:1, app:2', String(app.root), await sizeIn(app)],
      ['<none>', String(web.root), await sizeIn(web)],
    ])
    const [one, two] = images
    expect(one?.unique).toBeWithin(40_000, 60_000)
    expect(two?.unique).toBeWithin(20_000, 40_000)
  })

  test('is each layer once, with the number of its images', async () => {
    const layers = (await rowsOf())('layer')
    expect(layers.map(({ name, images }) => [name, images])).toEqual([
      [digest(base), 2],
      [digest(upper), 1],
      [digest(other), 1],
    ])
    expect(layers.map(({ cid }) => String(cid))).toEqual(
      [app.layers[0], app.layers[1], web.layers[1]].map((layer) => String(layer?.blob.cid)),
    )
    for (const { size, name } of layers) {
      const tar = [base, upper, other].find((one) => digest(one) === name)
      expect(size).toBeWithin((tar?.length ?? 0) * 0.9, (tar?.length ?? 0) * 1.1)
    }
    // The frame of nothing but zeros at the end of a tar is the same in all.
    const shared = new Set(layers.map(({ size = 0, unique = 0 }) => size - unique))
    expect([...shared]).toEqual([expect.any(Number)])
    expect([...shared][0]).toBeWithin(1, 100)
  })

  test('adds up: images with what they share once, the catalogue beside them, and nothing is left', async () => {
    const rows = await rowsOf()
    const [one, two] = rows('image')
    const shared = (one?.size ?? 0) - (one?.unique ?? 0)
    expect((two?.size ?? 0) - (two?.unique ?? 0)).toBe(shared)
    const together = shared + (one?.unique ?? 0) + (two?.unique ?? 0)
    expect(sizeOf(rows('total'))).toBe(together + sizeOf(rows('catalogue')))
    await node.gc()
    expect(await node.traffic.repoSize(signal)).toBe(sizeOf((await rowsOf())('total')))
  })

  test('is a repository, with whatever else is in it', async () => {
    await node.gc()
    const before = await rowsOf()
    await node.blocks.put(rawBlock(noise(1000, 'of somebody else')))
    const rows = await rowsOf()
    expect(sizeOf(rows('repository'))).toBe(sizeOf(before('repository')) + 1000)
    expect(sizeOf(rows('total'))).toBe(sizeOf(before('total')))
  })

  test('has an image that cannot be read without its layers, and a warning', async () => {
    const manifest = `blobs/sha256/${app.dag.manifestDigest.slice(7)}`
    const blobs = node.blocks.links(node.blocks.links(app.root).find(({ Name }) => Name === 'blobs')?.Hash ?? app.root)
    const hex = manifest.slice('blobs/sha256/'.length)
    const cid = node.blocks.links(blobs[0]?.Hash ?? app.root).find(({ Name }) => Name === hex)?.Hash
    node.blocks.blocks.delete(String(cid))
    const use = useCase(node, 30)
    const rows = await usage(use)
    expect(rows.filter(({ type }) => type === 'image')).toHaveLength(2)
    expect(rows.filter(({ type }) => type === 'layer').map(({ name }) => name)).toEqual([digest(base), digest(other)])
    expect(use.warnings).toEqual([expect.stringContaining(`the layers of ${app.root} cannot be told: `)])
  })

  test('leaves out an image that is lost', async () => {
    await node.pins.unpin(app.root)
    node.blocks.blocks.delete(app.root.toString())
    expect((await rowsOf())('image').map(({ name }) => name)).toEqual(['<none>'])
  })

  test('is not told of a node that goes away meanwhile', async () => {
    const block = () => Promise.reject(new DockerIpfsError('NODE_UNREACHABLE', 'gone'))
    const blocks = altered(node.blocks, { block })
    await expect(usage({ ...useCase(node), blocks })).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  })
})

test('a node without images has a repository alone', async () => {
  const rows = await usage(useCase(node))
  expect(rows.map(({ type, size }) => [type, size])).toEqual([
    ['catalogue', 0],
    ['total', 0],
    ['repository', 0],
  ])
})
