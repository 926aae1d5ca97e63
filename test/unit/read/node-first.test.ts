import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { blobFile } from '../../../src/read/layers.ts'
import { NodeFirst } from '../../../src/read/node-first.ts'
import { collect } from '../../../src/streams.ts'
import { digest, twoLayers } from '../../support/images.ts'
import { MemoryGateways } from '../../support/memory/gateways.ts'
import { writeOn } from '../../support/memory/keep-image.ts'
import { Told } from '../../support/memory/loading.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { never } from '../../support/never.ts'

const { signal } = new AbortController()

/** The node alone for a tenth of it. */
const TIMEOUT_MS = 1000

/** A node that has nothing yet, and gateways that have an image. */
async function bothOf() {
  const [node, far] = [new MemoryNode(), new MemoryNode()]
  const { root, layers } = await writeOn(far, twoLayers())
  const gateways = new MemoryGateways(far.blocks)
  const told = new Told()
  const both = new NodeFirst(root, { blocks: node.blocks, gateways, report: told.report, timeoutMs: TIMEOUT_MS })
  const [layer] = layers
  const file = blobFile(root, layer?.blobDigest ?? '')
  const read = async () =>
    digest(await collect(both.cat(file, signal, { offset: 0, length: 10_000_000 }), 10_000_000, ''))
  return { node, far, root, gateways, told, both, file, read, layer }
}

describe('a node first', () => {
  test('gives what it has, and gateways are not asked', async () => {
    const { node, far, root, gateways, told, both, read, layer } = await bothOf()
    node.connect(far)
    expect((await both.block(root, signal)).length).toBeGreaterThan(0)
    expect(await read()).toBe(layer?.blobDigest ?? '')
    expect(gateways.bytesFetched).toBe(0)
    expect(both.asksGateways).toBe(false)
    expect(told.events).toEqual([])
  })

  test('has a tenth of the time for itself, 5 s at most', async () => {
    const { node, root, gateways, both } = await bothOf()
    expect(both.graceMs).toBe(TIMEOUT_MS / 10)
    const options = { blocks: node.blocks, gateways, report: () => undefined }
    expect(new NodeFirst(root, { ...options, timeoutMs: 600_000 }).graceMs).toBe(5000)
  })

  test('that finds nobody is left, once and for all, and that is said once', async () => {
    const { root, gateways, told, both, read, layer } = await bothOf()
    const began = performance.now()
    await both.block(root, signal)
    expect(performance.now() - began).toBeGreaterThanOrEqual(both.graceMs - 2)
    expect(both.asksGateways).toBe(true)
    expect(await read()).toBe(layer?.blobDigest ?? '')
    expect(gateways.bytesFetched).toBeGreaterThan(layer?.blob.fileSize ?? 0)
    expect(told.steps).toEqual([`The node finds nobody who has ${root}: asking https://gateway.example`])
  })

  test('is believed when it answers first after all', async () => {
    const { node, root, gateways, both } = await bothOf()
    const late = Promise.withResolvers<Uint8Array>()
    node.blocks.block = () => late.promise
    gateways.block = (_, limited) => {
      late.resolve(Buffer.from('from the node'))
      return never(limited)
    }
    expect(String(await both.block(root, signal))).toBe('from the node')
  })

  test('that fails is left to the gateways after its time, and their words count', async () => {
    const { node, root, both, far } = await bothOf()
    node.blocks.block = () => Promise.reject(new DockerIpfsError('NODE_FAILED', 'it is ill'))
    expect((await both.block(root, signal)).length).toBeGreaterThan(0)
    far.blocks.blocks.clear()
    await expect(both.block(root, signal)).rejects.toMatchObject({ message: `no gateway gave ${root}` })
  })

  test('is asked for what gateways say they have not, and for nothing that they get wrong', async () => {
    const { node, far, both, root, gateways, layer } = await bothOf()
    await both.block(root, signal)
    const { cid } = layer?.blob ?? { cid: root }
    const bytes = far.blocks.blocks.get(cid.toString()) as Uint8Array
    far.blocks.blocks.delete(cid.toString())
    await node.blocks.put({ cid, bytes })
    expect(Buffer.from(await both.block(cid, signal)).equals(bytes)).toBe(true)
    gateways.block = () => Promise.reject(new DockerIpfsError('INTEGRITY', 'a lie'))
    await expect(both.block(cid, signal)).rejects.toMatchObject({ code: 'INTEGRITY' })
  })

  test('keeps its time for itself as long as bytes of a file come from it', async () => {
    const { node, both, file, gateways } = await bothOf()
    node.blocks.cat = async function* () {
      for (let at = 0; at < 5; at += 1) {
        await Bun.sleep(both.graceMs * 0.6)
        yield Buffer.from('.')
      }
    }
    expect((await collect(both.cat(file, signal), 10, 'it')).length).toBe(5)
    expect(gateways.bytesFetched).toBe(0)
  })

  test('ends with the signal', async () => {
    const { root, both } = await bothOf()
    const stop = new AbortController()
    const asking = both.block(root, stop.signal)
    stop.abort(new Error('cancelled'))
    await expect(asking).rejects.toThrow()
    expect(both.asksGateways).toBe(false)
  })
})
