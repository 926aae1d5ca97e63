import { describe, expect, test } from 'bun:test'
import { imageSize } from '../../../src/dag/sizes.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { rememberLoaded } from '../../../src/load/remember.ts'
import { openImage } from '../../../src/read/open-image.ts'
import { digest, GOLDEN, twoLayers } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import { keepImage, writeOn } from '../../support/memory/keep-image.ts'
import { loading } from '../../support/memory/loading.ts'
import { MemoryNode } from '../../support/memory/node.ts'

const { signal } = new AbortController()
const IMAGE = twoLayers()
const ID = digest(IMAGE.config)
const OTHER_ID = digest(Buffer.from('the manifest'))
const NAME = 'docker.io/library/app:1'

async function opened(node = new MemoryNode()) {
  const { root, dag } = await writeOn(node, IMAGE)
  const { options, told } = loading(node)
  const image = await openImage(root, options)
  const remember = (tag: string | undefined, imageId = ID, more = {}) =>
    rememberLoaded(image, { imageId, tag }, { ...options, ...more })
  return { node, root, dag, image, told, remember }
}

describe('a loaded image', () => {
  test('is written into the catalogue with its name, its ID and its size, and without its layers', async () => {
    const { node, root, dag, told, remember } = await opened()
    await remember('app:1')
    expect((await node.catalogue.findName(NAME, signal))?.equals(root)).toBe(true)
    expect((await node.catalogue.findImage(ID, signal))?.record).toMatchObject({
      root: root.toString(),
      names: [NAME],
      imageIds: [ID],
      configDigest: ID,
      manifestDigest: dag.manifestDigest,
      layers: [...IMAGE.diffIds],
      size: await imageSize(root, { blocks: node.blocks, signal }),
    })
    const layers = await Promise.all(IMAGE.diffIds.map((diffId) => node.catalogue.findLayer(diffId, signal)))
    expect(layers).toEqual([undefined, undefined])
    expect(told.events).toEqual([])
  })

  test('without a name is found by its ID alone', async () => {
    const { node, root, remember } = await opened()
    await remember(undefined)
    expect((await node.catalogue.findImage(ID, signal))?.root.equals(root)).toBe(true)
    expect(await node.catalogue.entries('images', signal)).toBeUndefined()
  })

  test('that is in the catalogue already, so named, is not written again', async () => {
    const { node, remember } = await opened()
    await remember('app:1')
    const before = await node.catalogue.top(signal)
    node.catalogue.add = () => Promise.reject(new Error('it should not be written'))
    await remember('app:1')
    expect(String(await node.catalogue.top(signal))).toBe(String(before))
  })

  test('gets a name more, and an ID more, and keeps what it had', async () => {
    const node = new MemoryNode()
    await keepImage(node, IMAGE, 'app:1')
    const { remember, root } = await opened(node)
    await remember('app:2', OTHER_ID)
    expect((await node.catalogue.findImage(ID, signal))?.root.equals(root)).toBe(true)
    const record = await node.catalogue.record(root, signal)
    expect([...(record?.names ?? [])].sort()).toEqual([NAME, 'docker.io/library/app:2'])
    expect(record?.imageIds).toContain(OTHER_ID)
  })

  test('whose name stands for another one takes it', async () => {
    const node = new MemoryNode()
    await keepImage(node, GOLDEN.tiny(), 'app:1')
    const { remember, root } = await opened(node)
    await remember('app:1')
    expect((await node.catalogue.findName(NAME, signal))?.equals(root)).toBe(true)
  })

  test('that is one platform of several is not written', async () => {
    const node = new MemoryNode()
    const { root } = await writeOn(node, IMAGE, forPlatform(GOLDEN.tiny(), 'arm64'))
    const { options } = loading(node)
    const image = await openImage(root, options, { asked: { os: 'linux', architecture: 'amd64', variant: '' } })
    await rememberLoaded(image, { imageId: ID, tag: 'app:1' }, options)
    expect(await node.catalogue.top(signal)).toBeUndefined()
  })

  test('that cannot be written costs a warning', async () => {
    const { node, told, remember } = await opened()
    node.catalogue.add = () => Promise.reject(new DockerIpfsError('NODE_FAILED', 'no space left on device'))
    await remember('app:1')
    expect(told.warnings).toEqual(["the image is loaded, but not in the node's catalogue: no space left on device"])
  })

  test('is not written once the load is cancelled, which is told', async () => {
    const { told, remember } = await opened()
    await expect(remember('app:1', ID, { signal: AbortSignal.abort(new Error('cancelled')) })).rejects.toThrow(
      'cancelled',
    )
    expect(told.events).toEqual([])
  })
})
