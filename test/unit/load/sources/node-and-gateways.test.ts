import { describe, expect, test } from 'bun:test'
import { load } from '../../../../src/load/load.ts'
import { nodeAndGatewaysSource } from '../../../../src/load/sources/node-and-gateways.ts'
import { imageOf, twoLayers } from '../../../support/images.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'
import { MemoryGateways } from '../../../support/memory/gateways.ts'
import { keepImage, writeOn } from '../../../support/memory/keep-image.ts'
import { loading } from '../../../support/memory/loading.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { never } from '../../../support/never.ts'

const { signal } = new AbortController()
const IMAGE = twoLayers()
/** A node may look alone for a tenth of it. */
const TIMEOUT_MS = 1000

async function withGateways(node: MemoryNode, noPin = false) {
  const far = new MemoryNode()
  const { root } = await writeOn(far, IMAGE)
  const gateways = new MemoryGateways(far.blocks)
  const { options, told, engine } = loading(node, new MemoryEngine(), TIMEOUT_MS)
  const source = nodeAndGatewaysSource(root, { ...options, gateways, noPin })
  return { root, gateways, engine, told, run: () => load(source, { ...options, tag: 'app:1' }) }
}

describe('a node with gateways beside it', () => {
  test('is read alone where it has the image, and keeps it', async () => {
    const node = new MemoryNode()
    await writeOn(node, IMAGE)
    const { run, root, gateways, engine, told } = await withGateways(node)
    await run()
    expect(gateways.bytesFetched).toBe(0)
    expect(engine.stored.size).toBe(1)
    expect(await node.pins.isPinned(root)).toBe(true)
    expect((await node.catalogue.findName('docker.io/library/app:1', signal))?.equals(root)).toBe(true)
    expect(told.sources).toMatchObject({ type: 'sources', fromNetwork: 0 })
    expect(Object.keys(told.sources ?? {})).not.toContain('fromGateways')
    expect(told.steps).toEqual([`Looking for ${root}`, 'Loading'])
  })

  test('that finds nobody loads from them, says so, and what it could not pin', async () => {
    const node = new MemoryNode()
    const { run, root, gateways, engine, told } = await withGateways(node)
    await run()
    expect(engine.stored.size).toBe(1)
    expect(told.steps).toContain(`The node finds nobody who has ${root}: asking https://gateway.example`)
    expect(told.warnings).toEqual(['the image is loaded, but the node could not pin it: no block came for too long'])
    expect(await node.catalogue.top(signal)).toBeUndefined()
    expect(told.sources?.fromGateways).toBeGreaterThan(0)
    expect(told.sources?.fromGateways).toBeLessThanOrEqual(gateways.bytesFetched)
  })

  test('that finds nobody is not asked to pin what is not to be kept', async () => {
    const node = new MemoryNode()
    const { run, engine, told } = await withGateways(node, true)
    await run()
    expect(engine.stored.size).toBe(1)
    expect(told.warnings).toEqual([])
    expect(node.pins.names.size).toBe(0)
  })

  test('is asked for what they lack', async () => {
    const node = new MemoryNode()
    const stored = await writeOn(node, IMAGE)
    // It is slow with the first block, so that gateways are asked for all from then on.
    const block = node.blocks.block.bind(node.blocks)
    let isFirst = true
    node.blocks.block = (cid, limited) => {
      const answer = isFirst ? never(limited) : block(cid, limited)
      isFirst = false
      return answer
    }
    const far = new MemoryNode()
    await writeOn(far, IMAGE)
    far.blocks.blocks.delete(stored.layers[0]?.blob.cid.toString() ?? '')
    const gateways = new MemoryGateways(far.blocks)
    const { options, engine, told } = loading(node, new MemoryEngine(), TIMEOUT_MS)
    await load(nodeAndGatewaysSource(stored.root, { ...options, gateways, noPin: true }), options)
    expect(engine.stored.size).toBe(1)
    expect(told.sources?.fromGateways).toBeGreaterThan(stored.layers[1]?.blob.fileSize ?? 0)
  })

  test('gives up where neither has it', async () => {
    const { options, engine } = loading(new MemoryNode(), new MemoryEngine(), TIMEOUT_MS)
    const { root } = await writeOn(new MemoryNode(), IMAGE)
    const source = nodeAndGatewaysSource(root, { ...options, gateways: new MemoryGateways(new MemoryNode().blocks) })
    await expect(load(source, options)).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: `no node gave ${root} within 1 s`,
    })
    expect(engine.loads).toEqual([])
  })

  test('knows what a containerd store has of another image that it keeps', async () => {
    const node = new MemoryNode()
    const [before, { root, layers }] = [
      await keepImage(node, imageOf(IMAGE.layers.slice(0, 1))),
      await writeOn(node, IMAGE),
    ]
    const engine = new MemoryEngine({ version: '28.5.2', containerdStore: true })
    const { options, told, run } = loading(node, engine, TIMEOUT_MS)
    await run(before.root)
    engine.loads.length = 0
    await load(nodeAndGatewaysSource(root, { ...options, gateways: new MemoryGateways(node.blocks) }), options)
    expect(engine.loads).toHaveLength(1)
    expect(told.sources).toMatchObject({ inEngine: layers[0]?.blob.fileSize })
  })
})
