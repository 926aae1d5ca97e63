import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { writeImage } from '../../../src/format/image-dag.ts'
import type { NodeRegistryOptions } from '../../../src/registry/node-registry.ts'
import { digest, imageOf, noise, small, type TestImage } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import { MemoryGateways } from '../../support/memory/gateways.ts'
import { type StoredImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { MODERN, registryOf } from '../../support/memory/node-registry.ts'
import { never } from '../../support/never.ts'
import { tarOf } from '../../support/tar.ts'

const signal = new AbortController().signal
const IMAGE = imageOf(['a', 'b', 'c'].map((name) => tarOf([{ path: name, body: noise(2_500_000, name) }])))

/** The registry of a node that has nothing, and a node that has an image. */
async function far(images: readonly TestImage[] = [IMAGE], more: Partial<NodeRegistryOptions> = {}) {
  const [near, other] = [new MemoryNode('near'), new MemoryNode('far')]
  near.connect(other)
  const stored = await writeOn(other, ...images)
  return { near, far: other, stored, path: stored.root.toString(), ...registryOf(near, more) }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await isSo()); ) {
    if (Date.now() > end) throw new Error('it does not come')
    await Bun.sleep(10)
  }
}

const layerOf = ({ layers }: StoredImage, at: number) => layers[at]?.blobDigest ?? ''
const pull = ({ reads, path }: Awaited<ReturnType<typeof far>>, blobs: readonly string[]) =>
  Promise.all(blobs.map(async (blob) => digest((await reads.bytes(path, blob)) ?? Buffer.alloc(0))))

describe('an image that another node has', () => {
  test('is read as it comes, pinned, and in the catalogue by its IDs', async () => {
    const all = await far()
    const { near, stored, warnings } = all
    const blobs = stored.layers.map(({ blobDigest }) => blobDigest)
    expect(await pull(all, blobs)).toEqual(blobs)
    await until(async () => (await near.catalogue.record(stored.root, signal)) !== undefined)
    expect(await near.pins.isPinned(stored.root, signal)).toBe(true)
    for (const id of [digest(IMAGE.config), stored.dag.manifestDigest]) {
      expect((await near.catalogue.findImage(id, signal))?.root.toString()).toBe(stored.root.toString())
    }
    expect(await near.catalogue.record(stored.root, signal)).toMatchObject({
      names: [],
      layers: [...IMAGE.diffIds],
      size: expect.any(Number),
    })
    expect(warnings).toEqual([])
  })

  test('is read unpacked too', async () => {
    const all = await far()
    expect(await pull(all, IMAGE.diffIds)).toEqual([...IMAGE.diffIds])
  })

  test('is kept when one layer is read, with the others', async () => {
    const all = await far()
    const { near, stored } = all
    await pull(all, [layerOf(stored, 2)])
    await until(() => near.pins.isPinned(stored.root, signal))
    await near.gc()
    expect(near.blocks.bytesFetched).toBeGreaterThan(7_500_000)
  })

  test('is not kept by who looks at its documents alone', async () => {
    const { near, stored, path, reads } = await far()
    await reads.manifest(path, 'latest')
    expect(await reads.bytes(path, digest(IMAGE.config))).toEqual(IMAGE.config)
    await reads.blob(path, layerOf(stored, 0), { ...MODERN, onlyLooks: true })
    await Bun.sleep(50)
    expect(near.pins.names.size).toBe(0)
    expect(near.blocks.bytesFetched).toBeLessThan(1_000_000)
  })

  test('of several platforms is in the catalogue by its index', async () => {
    const arm64 = forPlatform(small('arm'), 'arm64', '')
    const all = await far([IMAGE, arm64])
    const { near, stored } = all
    await pull(all, [layerOf(stored, 0)])
    await until(async () => (await near.catalogue.record(stored.root, signal)) !== undefined)
    expect((await near.catalogue.findImage(stored.dag.manifestDigest, signal))?.root.toString()).toBe(all.path)
    // Saved from here, one platform has a CID of its own.
    for (const { config } of [IMAGE, arm64]) {
      expect(await near.catalogue.findImage(digest(config), signal)).toBeUndefined()
    }
  })

  test('is not kept where that is not wanted', async () => {
    const all = await far([IMAGE], { noPin: true })
    const { near, stored } = all
    await pull(all, [layerOf(stored, 0), layerOf(stored, 1)])
    await pull(all, [layerOf(stored, 2)])
    await Bun.sleep(50)
    expect([near.pins.names.size, await near.catalogue.record(stored.root, signal)]).toEqual([0, undefined])
  })

  test('is not kept when who reads it breaks off, and nobody comes again', async () => {
    const { near, stored, path, reads, warnings } = await far([IMAGE], { graceMs: 20 })
    const blob = await reads.blob(path, layerOf(stored, 0))
    for await (const _ of blob?.read({ offset: 0, length: blob.size }, signal) ?? []) break
    await Bun.sleep(100)
    expect([near.pins.names.size, warnings]).toEqual([0, []])
  })

  test('is read on by who comes again behind a broken connection', async () => {
    const { near, stored, path, reads } = await far([IMAGE], { graceMs: 10_000 })
    const blob = await reads.blob(path, layerOf(stored, 0))
    const size = blob?.size ?? 0
    let got = 0
    for await (const bytes of blob?.read({ offset: 0, length: size }, signal) ?? []) {
      got += bytes.length
      break
    }
    expect(got).toBeGreaterThan(0)
    expect(got).toBeLessThan(size)
    const rest = await reads.bytes(path, layerOf(stored, 0), MODERN, { offset: got, length: size - got })
    expect(rest?.length).toBe(size - got)
    await until(() => near.pins.isPinned(stored.root, signal))
  })

  test('that was left can be read again from its beginning', async () => {
    const all = await far([IMAGE], { graceMs: 10 })
    const { near, stored, path, reads } = all
    const blob = await reads.blob(path, layerOf(stored, 0))
    for await (const _ of blob?.read({ offset: 0, length: blob.size }, signal) ?? []) break
    await Bun.sleep(50)
    expect(await pull(all, [layerOf(stored, 0)])).toEqual([layerOf(stored, 0)])
    await until(() => near.pins.isPinned(stored.root, signal))
  })

  test('with a layer that is not what its manifest says is neither given whole nor kept', async () => {
    const { near, far: other } = await far()
    const [good, bad] = (await writeOn(other, IMAGE)).layers as [StoredImage['layers'][0], StoredImage['layers'][0]]
    const lying = { ...good, blob: bad.blob }
    const { root } = await writeImage(
      [{ configBytes: imageOf(IMAGE.layers.slice(0, 1)).config, layers: [lying] }],
      other.blocks,
    )
    const { reads } = registryOf(near)
    const blob = await reads.blob(root.cid.toString(), good.blobDigest)
    let got = 0
    const reading = (async () => {
      for await (const bytes of blob?.read({ offset: 0, length: blob.size }, signal) ?? []) got += bytes.length
    })()
    await expect(reading).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect(got).toBeLessThan(blob?.size ?? 0)
    await Bun.sleep(50)
    expect(near.pins.names.size).toBe(0)
  })

  test('whose layer nobody has any more ends with an error, and is not kept', async () => {
    const { near, far: other, stored, path, reads } = await far()
    const { cid } = stored.layers[1]?.blob ?? {}
    if (cid === undefined) throw new Error('no layer')
    other.blocks.blocks.delete(cid.toString())
    await expect(reads.bytes(path, layerOf(stored, 1))).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(near.pins.names.size).toBe(0)
    // It may come back.
    other.blocks.blocks.set(cid.toString(), await blockOf(stored, 1))
    expect(digest((await reads.bytes(path, layerOf(stored, 1))) ?? Buffer.alloc(0))).toBe(layerOf(stored, 1))
  })

  test('ends with the registry', async () => {
    const { near, stored, path, reads, stop } = await far()
    const blob = await reads.blob(path, layerOf(stored, 0))
    const reading = (async () => {
      for await (const _ of blob?.read({ offset: 0, length: blob.size }, signal) ?? []) stop.abort(new Error('closed'))
    })()
    await expect(reading).rejects.toThrow('closed')
    await Bun.sleep(50)
    expect(near.pins.names.size).toBe(0)
  })
})

/** The top block of a layer, from a node that has it. */
async function blockOf({ layers }: StoredImage, at: number): Promise<Uint8Array> {
  const whole = new MemoryNode()
  await writeOn(whole, IMAGE)
  return whole.blocks.block(layers[at]?.blob.cid as StoredImage['root'], signal)
}

const MISS = { code: 'CONTENT_NOT_FOUND' }

describe('an image that nobody has', () => {
  test('is looked for once by many, and the miss is remembered', async () => {
    const node = new MemoryNode()
    const { root } = await writeOn(new MemoryNode(), IMAGE)
    let asked = 0
    const block: typeof node.blocks.block = (_, limited) => {
      asked += 1
      return never(limited)
    }
    node.blocks.block = block
    const { reads } = registryOf(node)
    const ask = async () => expect(reads.manifest(root.toString(), 'latest')).rejects.toMatchObject(MISS)
    await Promise.all([ask(), ask(), ask()])
    await ask()
    expect(asked).toBe(1)
  })
})

describe('an image that gateways have', () => {
  async function behindGateways() {
    const [near, other] = [new MemoryNode('near'), new MemoryNode('far')]
    const stored = await writeOn(other, IMAGE)
    const gateways = new MemoryGateways(other.blocks)
    return { near, stored, path: stored.root.toString(), gateways, ...registryOf(near, { gateways }) }
  }

  test('is read from them where the node finds nobody, whole and in parts', async () => {
    const { reads, path, stored, near } = await behindGateways()
    for (let at = 0; at < 3; at += 1) {
      const bytes = (await reads.bytes(path, layerOf(stored, at))) ?? Buffer.alloc(0)
      expect(digest(bytes)).toBe(layerOf(stored, at))
      const part = await reads.bytes(path, layerOf(stored, at), MODERN, { offset: 1_000_000, length: 1_200_000 })
      expect(part).toEqual(bytes.subarray(1_000_000, 2_200_000))
    }
    expect(near.blocks.blocks.size).toBe(0)
  })

  test('is read from them where no node answers', async () => {
    const { reads, path, stored, near } = await behindGateways()
    const gone = async () => {
      throw new DockerIpfsError('NODE_UNREACHABLE', 'the node is gone')
    }
    near.pins.isPinned = gone
    near.blocks.block = gone
    expect(digest((await reads.bytes(path, layerOf(stored, 0))) ?? Buffer.alloc(0))).toBe(layerOf(stored, 0))
  })

  test('is still looked for on the node', async () => {
    const { reads, near } = await behindGateways()
    const stored = await writeOn(near, small('mine'))
    await near.pins.pin(stored.root, '', signal)
    expect(digest((await reads.bytes(stored.root.toString(), layerOf(stored, 0))) ?? Buffer.alloc(0))).toBe(
      layerOf(stored, 0),
    )
  })
})
