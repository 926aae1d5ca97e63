import { describe, expect, test } from 'bun:test'
import { linksOf } from '../../../../src/dag/blocks.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { nodeSource } from '../../../../src/load/sources/node.ts'
import { openImage } from '../../../../src/read/open-image.ts'
import { digest, twoLayers } from '../../../support/images.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'
import { writeOn } from '../../../support/memory/keep-image.ts'
import { loading } from '../../../support/memory/loading.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { never } from '../../../support/never.ts'

const { signal } = new AbortController()
const IMAGE = twoLayers()

/** A node that has nothing, and one that it gets all from. */
async function nearAndFar() {
  const [near, far] = [new MemoryNode('near'), new MemoryNode('far')]
  near.connect(far)
  return { near, far, stored: await writeOn(far, IMAGE) }
}

/** Takes a block of a layer away that only the end of the layer needs. */
function loseEnd(node: MemoryNode, { layers }: Awaited<ReturnType<typeof writeOn>>): void {
  const { cid } = layers.at(-1)?.blob ?? {}
  const bytes = cid && node.blocks.blocks.get(cid.toString())
  const last = cid && bytes && linksOf({ cid, bytes }).at(-1)
  if (last === undefined || !node.blocks.blocks.delete(last.cid.toString())) throw new Error('no such block')
}

const bytesOf = ({ layers }: Awaited<ReturnType<typeof writeOn>>) =>
  layers.reduce((sum, { blob }) => sum + blob.fileSize, 0)

describe('an image on another node', () => {
  test('is fetched, pinned, and told to have come from the network', async () => {
    const { near, far, stored } = await nearAndFar()
    const { run, engine, told } = loading(near)
    expect((await run(stored.root)).imageId).toBe(digest(IMAGE.config))
    expect((await engine.inspect(digest(IMAGE.config)))?.layers).toEqual(IMAGE.diffIds)
    expect(await near.pins.isPinned(stored.root)).toBe(true)
    expect(near.blocks.blocks.size).toBeGreaterThanOrEqual(far.blocks.blocks.size)
    expect(told.sources).toMatchObject({ type: 'sources', onNode: 0, inEngine: 0 })
    expect(told.sources?.fromNetwork).toBeGreaterThan(bytesOf(stored))
  })

  test('is fetched as far as the engine is sent it, when it is not to be kept', async () => {
    const { near, far, stored } = await nearAndFar()
    const engine = new MemoryEngine()
    engine.addLayers(IMAGE.layers.slice(0, 1))
    await loading(near, engine).run(stored.root, { noPin: true })
    const [lower, upper] = stored.layers.map(({ blob }) => near.blocks.blocks.has(blob.cid.toString()))
    // The first block of every blob comes ahead; of the lower layer nothing more.
    expect([lower, upper]).toEqual([true, true])
    expect(near.blocks.bytesFetched).toBeLessThan(bytesOf(stored) - (stored.layers[0]?.blob.fileSize ?? 0) / 2)
    expect(near.blocks.blocks.size).toBeLessThan(far.blocks.blocks.size)
    expect(near.pins.names.size).toBe(0)
  })

  test('is sent as a whole when the engine lacks a layer that it seemed to have', async () => {
    const { near, stored } = await nearAndFar()
    const engine = new MemoryEngine()
    const other = engine.addLayers(IMAGE.layers.slice(0, 1))
    engine.heard = (path) => path === 'index.json' && engine.stored.delete(other)
    const { run, told } = loading(near, engine)
    await run(stored.root)
    expect(told.warnings).toEqual([expect.stringMatching(/no such file or directory: sending all layers$/)])
    expect([...engine.stored.keys()]).toEqual([digest(IMAGE.config)])
    expect(await near.pins.isPinned(stored.root)).toBe(true)
  })
})

describe('a node that lacks a block', () => {
  test('of a layer, which nobody has, gives up in time, and nothing is left', async () => {
    const node = new MemoryNode()
    const stored = await writeOn(node, IMAGE)
    loseEnd(node, stored)
    const { run, engine } = loading(node, new MemoryEngine(), 150)
    await expect(run(stored.root, { tag: 'app:1' })).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: `no node gave ${stored.root} within 0 s`,
      hint: expect.stringContaining('--timeout'),
    })
    expect(engine.stored.size).toBe(0)
    expect(node.pins.names.size).toBe(0)
    expect(await node.catalogue.top(signal)).toBeUndefined()
  })

  test('of an image that is pinned gives up too', async () => {
    const node = new MemoryNode()
    const stored = await writeOn(node, IMAGE)
    await node.pins.pin(stored.root, 'mine', signal)
    loseEnd(node, stored)
    const { run, engine } = loading(node, new MemoryEngine(), 150)
    await expect(run(stored.root)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(engine.stored.size).toBe(0)
    // The pin was there before.
    expect(await node.pins.pinName(stored.root)).toBe('mine')
  })

  test('of no layer, but of image.tar, loads the image and says that it cannot pin it', async () => {
    const node = new MemoryNode()
    const stored = await writeOn(node, IMAGE)
    const top = linksOf({ cid: stored.root, bytes: node.blocks.blocks.get(stored.root.toString()) as Uint8Array })
    node.blocks.blocks.delete(String(top[1]?.cid))
    const { run, engine, told } = loading(node, new MemoryEngine(), 150)
    await run(stored.root, { tag: 'app:1' })
    expect(engine.stored.size).toBe(1)
    expect(told.warnings).toEqual(['the image is loaded, but the node could not pin it: no block came for too long'])
    expect(await node.catalogue.top(signal)).toBeUndefined()
  })
})

describe('an image on the node', () => {
  test('that is pinned is not fetched, and told to be there', async () => {
    const node = new MemoryNode()
    const stored = await writeOn(node, IMAGE)
    await node.pins.pin(stored.root, 'mine', signal)
    const asked: string[] = []
    const fetchBelow = node.blocks.fetchBelow.bind(node.blocks)
    node.blocks.fetchBelow = (cid, limited, levels) => {
      // But for the documents, ahead.
      if (levels === undefined) asked.push(cid.toString())
      return fetchBelow(cid, limited, levels)
    }
    const { run, told } = loading(node)
    await run(stored.root)
    expect(asked).toEqual([])
    expect(told.sources).toMatchObject({ type: 'sources', fromNetwork: 0, inEngine: 0 })
    expect(await node.pins.pinName(stored.root)).toBe('mine')
    expect((await node.catalogue.findImage(digest(IMAGE.config), signal))?.root.equals(stored.root)).toBe(true)
  })

  test('is loaded with a warning when the node refuses its pin', async () => {
    const node = new MemoryNode()
    const { root } = await writeOn(node, IMAGE)
    node.pins.pin = () => Promise.reject(new DockerIpfsError('NODE_FAILED', 'no space left on device'))
    const { run, engine, told } = loading(node)
    await run(root)
    expect(engine.stored.size).toBe(1)
    expect(told.warnings).toEqual(['the image is loaded, but the node could not pin it: no space left on device'])
  })

  test('is not looked for when the node says nothing of its pins', async () => {
    const node = new MemoryNode()
    const { root } = await writeOn(node, IMAGE)
    node.pins.isPinned = () => Promise.reject(new DockerIpfsError('NODE_UNREACHABLE', 'the node is gone'))
    const { run, engine } = loading(node)
    await expect(run(root)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
    expect(engine.loads).toEqual([])
  })
})

test('layers of a node are asked for no more when their reader is closed', async () => {
  const { near, stored } = await nearAndFar()
  const { options } = loading(near)
  const image = await openImage(stored.root, options)
  const source = nodeSource(stored.root, { ...options, noPin: true })
  const pin = await source.pin(image)
  const before = near.blocks.blocks.size
  const asking = new Promise<AbortSignal>((resolve) => {
    near.blocks.fetchBelow = async function* (_, limited) {
      resolve(limited)
      yield await never(limited)
    }
  })
  const reader = source.openLayers(image, image.layers)
  const limited = await asking
  reader.close()
  expect(limited.aborted).toBe(true)
  await pin.undo(new Error('it is over'))
  // The first block of each layer is asked for before what is below it.
  expect(near.blocks.blocks.size - before).toBeLessThanOrEqual(image.layers.length)
})
