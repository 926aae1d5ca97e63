import { describe, expect, test } from 'bun:test'
import { load } from '../../../../src/load/load.ts'
import { gatewaysSource } from '../../../../src/load/sources/gateways.ts'
import { digest, twoLayers } from '../../../support/images.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'
import { MemoryGateways } from '../../../support/memory/gateways.ts'
import { writeOn } from '../../../support/memory/keep-image.ts'
import { ENGINES, loading } from '../../../support/memory/loading.ts'
import { MemoryNode } from '../../../support/memory/node.ts'

const IMAGE = twoLayers()

async function behindGateways(engine = new MemoryEngine()) {
  const far = new MemoryNode()
  const stored = await writeOn(far, IMAGE)
  const gateways = new MemoryGateways(far.blocks)
  const { options, told } = loading(new MemoryNode(), engine, 1000)
  const run = (tag?: string) =>
    load(gatewaysSource(stored.root, gateways, options), { ...options, ...(tag === undefined ? {} : { tag }) })
  return { far, stored, gateways, engine, told, run }
}

describe('an image behind gateways', () => {
  test.each(ENGINES)('is loaded into %s, and told to have come from them', async (_, kind) => {
    const { run, engine, gateways, told } = await behindGateways(new MemoryEngine(kind))
    const { imageId, configDigest } = await run('app:1')
    expect(configDigest).toBe(digest(IMAGE.config))
    expect(await engine.inspect('app:1')).toMatchObject({ id: imageId, layers: IMAGE.diffIds })
    expect(told.sources).toEqual({ type: 'sources', fromGateways: gateways.bytesFetched, inEngine: 0 })
    expect(told.warnings).toEqual([])
  })

  test('is not asked for as far as the engine has it', async () => {
    const engine = new MemoryEngine()
    engine.addLayers(IMAGE.layers.slice(0, 1))
    const { run, gateways, stored, told } = await behindGateways(engine)
    await run()
    const [lower, upper] = stored.layers.map(({ blob }) => blob.fileSize)
    expect(told.sources).toMatchObject({ inEngine: lower })
    expect(gateways.bytesFetched).toBeLessThan((upper ?? 0) + (lower ?? 0) / 2)
  })

  test('that they lack a part of is not loaded', async () => {
    const { run, engine, far, stored } = await behindGateways()
    far.blocks.blocks.delete(stored.layers[1]?.blob.cid.toString() ?? '')
    await expect(run()).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(engine.stored.size).toBe(0)
  })

  test('of which they send other bytes is not loaded', async () => {
    const { run, engine, far, stored } = await behindGateways()
    far.blocks.blocks.set(stored.root.toString(), Buffer.from('something else'))
    await expect(run()).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect(engine.loads).toEqual([])
  })
})
