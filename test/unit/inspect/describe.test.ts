import { beforeEach, describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { blobsOf, type DescribeOptions, describe as describeImage } from '../../../src/inspect/describe.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, type TestImage, twoLayers } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import { keepImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { useCase } from '../../support/memory/use-case.ts'

const signal = new AbortController().signal

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})

const usual = () => ({ ...useCase(node), providers: false })
const look = (reference: string, more: Partial<DescribeOptions> = {}) =>
  describeImage(reference, { ...usual(), ...more })

describe('an image of the node', () => {
  test('is described in the words of docker, with all that the catalogue knows', async () => {
    const { root, dag, layers, imageId } = await keepImage(node, twoLayers(), 'app:1', 'app:2')
    const size = (await node.catalogue.record(root, signal))?.size
    expect(await look('app:1')).toEqual({
      CID: root.toString(),
      Names: ['app:1', 'app:2'],
      Digest: dag.manifestDigest,
      ImageIDs: [imageId],
      SavedAt: '2026-11-01T00:00:00.000Z',
      Pinned: true,
      Size: size,
      ConfigDigest: digest(twoLayers().config),
      ManifestDigest: dag.manifestDigest,
      Created: '2026-01-01T00:00:00Z',
      Author: '',
      Architecture: 'amd64',
      Os: 'linux',
      Config: { Cmd: ['/bin/busybox', 'true'] },
      Layers: layers.map(({ blob, diffId, blobDigest, tarSize }) => ({
        CID: blob.cid.toString(),
        DiffID: diffId,
        Digest: blobDigest,
        Size: blob.fileSize,
        TarSize: tarSize,
      })),
    })
  })

  test('has only names that it still has', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1', 'app:2')
    await keepImage(node, GOLDEN.strange(), 'app:1')
    expect((await look(`${root}`))['Names']).toEqual(['app:2'])
  })

  test('has the name that it was found under, whatever its record says', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    await node.folder.write(`records/${root}.json`, Buffer.from('mine'), signal)
    const { Names, ImageIDs, SavedAt } = await look('app:1')
    expect([Names, ImageIDs, SavedAt]).toEqual([['app:1'], [], ''])
  })

  test('of several platforms has each below Platforms, or is the one that is asked for', async () => {
    await keepImage(node, [forPlatform(GOLDEN.tiny(), 'arm', 'v7'), GOLDEN.strange()], 'app:1')
    const both = await look('app:1')
    const platforms = both['Platforms'] as Record<string, unknown>[]
    expect(platforms.map(({ Architecture, Variant }) => [Architecture, Variant])).toEqual([
      ['amd64', undefined],
      ['arm', 'v7'],
    ])
    expect(both).not.toHaveProperty('Layers')
    const arm = await look('app:1', { platform: 'linux/arm/v7' })
    expect([arm['Variant'], arm['Digest']]).toEqual(['v7', both['Digest']])
    expect(arm).not.toHaveProperty('Platforms')
    await expect(look('app:1', { platform: 's390x' })).rejects.toMatchObject({ code: 'PLATFORM_NOT_FOUND' })
  })

  test('shows what its config says of itself, and nothing where that says nothing', async () => {
    const config = { ...(JSON.parse(GOLDEN.tiny().config.toString()) as object), author: 'me', config: undefined }
    const image: TestImage = { ...GOLDEN.tiny(), config: Buffer.from(JSON.stringify(config)) }
    const { root } = await writeOn(node, image)
    expect(await look(`${root}`)).toMatchObject({ Author: 'me', Config: {}, Names: [], Pinned: false })
  })
})

describe('an image that is elsewhere', () => {
  test('is described all the same, without a size', async () => {
    const other = new MemoryNode('there')
    await keepImage(other, GOLDEN.tiny(), 'app:1')
    node.connect(other)
    const description = await look(GOLDEN_ROOTS.tiny)
    expect(description).toMatchObject({ CID: GOLDEN_ROOTS.tiny, Names: [], Pinned: false })
    expect(description).not.toHaveProperty('Size')
  })

  test('has those who say that they have it, where that is asked', async () => {
    const other = new MemoryNode('there')
    const { root } = await keepImage(other, GOLDEN.tiny(), 'app:1')
    await other.routing.announce(root, signal)
    node.connect(other)
    expect((await look(`${root}`, { providers: true }))['Providers']).toEqual(['there'])
    expect(await look(`${root}`)).not.toHaveProperty('Providers')
  })

  test('has none, and a warning, where the node takes no part in routing', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    const failing = (code: 'NODE_FAILED' | 'NODE_UNREACHABLE') => ({
      meet: async () => undefined,
      providers: () => Promise.reject(new DockerIpfsError(code, 'no routing')),
    })
    const use = { ...usual(), providers: true }
    expect((await describeImage('app:1', { ...use, routing: failing('NODE_FAILED') }))['Providers']).toEqual([])
    expect(use.warnings).toEqual([`nobody could be asked who has ${root}: no routing`])
    const gone = describeImage('app:1', { ...use, routing: failing('NODE_UNREACHABLE') })
    await expect(gone).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  })
})

test('the blobs of what is no image are none', async () => {
  const { root } = await writeOn(node, GOLDEN.tiny())
  expect((await blobsOf(root, useCase(node))).size).toBe(3)
  const file = node.blocks.links(root).find(({ Name }) => Name === 'index.json')?.Hash ?? root
  expect(await blobsOf(file, useCase(node))).toEqual(new Map())
})

test('a folder that nobody gives in time is not found', async () => {
  const { root } = await writeOn(node, GOLDEN.tiny())
  const blobs = node.blocks.links(root).find(({ Name }) => Name === 'blobs')?.Hash ?? root
  node.blocks.blocks.delete(blobs.toString())
  const looking = blobsOf(root, { ...useCase(node), timeoutMs: 50 })
  await expect(looking).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
})
