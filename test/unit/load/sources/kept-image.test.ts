import { describe, expect, test } from 'bun:test'
import { KeptImage } from '../../../../src/load/sources/kept-image.ts'
import { openImage } from '../../../../src/read/open-image.ts'
import { digest, twoLayers } from '../../../support/images.ts'
import { writeOn } from '../../../support/memory/keep-image.ts'
import { loading } from '../../../support/memory/loading.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { NO_SEEKER } from '../../../support/no-seeker.ts'

const { signal } = new AbortController()
const IMAGE = twoLayers()
const ID = digest(IMAGE.config)
const patience = () => 300

/** An image on a node, as a load keeps it. */
async function kept(noPin = false, before: (node: MemoryNode) => void = () => undefined) {
  const node = new MemoryNode()
  const { root } = await writeOn(node, IMAGE)
  const { options, told } = loading(node)
  const image = await openImage(root, options)
  before(node)
  const keeping = new KeptImage(root, { ...options, noPin })
  /** All that a load does about it, one after the other. */
  async function keep(gatewayBytes?: number) {
    const wasPinned = await keeping.isPinned()
    const isPinned = await keeping.pin(patience, NO_SEEKER).done(told.report)
    await keeping.loaded(image, { imageId: ID, tag: 'app:1', bytesHad: 0, isPinned }, gatewayBytes)
    return { wasPinned, isPinned }
  }
  return { node, root, told, keep }
}

const isKnown = async (node: MemoryNode) => (await node.catalogue.findImage(ID, signal)) !== undefined

describe('an image that is loaded', () => {
  test('is pinned again where somebody removed it meanwhile', async () => {
    const { node, root, keep } = await kept()
    await node.pins.pin(root, 'theirs', signal)
    const write = node.folder.write.bind(node.folder)
    node.folder.write = async (...args) => {
      node.pins.names.delete(root.toString())
      await write(...args)
    }
    expect(await keep()).toEqual({ wasPinned: true, isPinned: true })
    expect(await node.pins.pinName(root)).toBe('docker-ipfs')
  })

  test('is pinned and in the catalogue afterwards', async () => {
    const { node, root, told, keep } = await kept()
    expect(await keep()).toEqual({ wasPinned: false, isPinned: true })
    expect(await node.pins.pinName(root)).toBe('docker-ipfs')
    expect(await isKnown(node)).toBe(true)
    expect(told.sources).toMatchObject({ fromNetwork: 0, inEngine: 0 })
  })

  test('keeps the pin that it has, and its name', async () => {
    const { node, root, keep } = await kept()
    await node.pins.pin(root, 'mine', signal)
    expect(await keep()).toEqual({ wasPinned: true, isPinned: true })
    expect(await node.pins.pinName(root)).toBe('mine')
    expect(await isKnown(node)).toBe(true)
  })

  test('and is not to be kept is neither pinned nor written down, also where it has a pin already', async () => {
    const { node, root, told, keep } = await kept(true)
    expect(await keep()).toEqual({ wasPinned: false, isPinned: false })
    expect(node.pins.names.size).toBe(0)
    expect(told.sources).toBeDefined()
    await node.pins.pin(root, 'mine', signal)
    expect(await keep()).toEqual({ wasPinned: true, isPinned: true })
    expect(await isKnown(node)).toBe(false)
  })

  test('and cannot be pinned is not written down', async () => {
    const { node, told, keep } = await kept(false, (node) => {
      node.pins.pin = () => Promise.reject(new Error('no space left'))
    })
    expect(await keep()).toEqual({ wasPinned: false, isPinned: false })
    expect(told.warnings).toEqual(['the image is loaded, but the node could not pin it: no space left'])
    expect(await isKnown(node)).toBe(false)
  })

  test('is told to have come from gateways as far as it did', async () => {
    const { told, keep } = await kept()
    await keep(100)
    expect(told.sources).toMatchObject({ fromGateways: 100 })
  })
})
