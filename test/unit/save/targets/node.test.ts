import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCid } from '../../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../../../support/images.ts'
import { forPlatform, Layout } from '../../../support/layouts.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { Saving } from '../../../support/saving.ts'
import { tarOf } from '../../../support/tar.ts'

const never = new AbortController().signal
const place = mkdtempSync(join(tmpdir(), 'docker-ipfs-packing-'))
afterAll(() => rmSync(place, { recursive: true }))
const ENGINES = {
  'a classic store before 25': { version: '20.10.24', containerdStore: false },
  'a classic store': { version: '26.1.5', containerdStore: false },
  'a classic store before 25 whose packing is seen': {
    version: '20.10.24',
    containerdStore: false,
    packingFolder: place,
  },
  'a classic store whose packing is seen': { version: '26.1.5', containerdStore: false, packingFolder: place },
  'a containerd store': { version: '28.5.2', containerdStore: true },
}
const classic = () => new MemoryEngine({ version: '26.1.5', containerdStore: false })
const APP = 'docker.io/library/app:1'

/** An image of a base, and a layer of its own. */
const BASE = tarOf([{ path: 'base', body: noise(300_000, 'base') }])
const version = (text: string) => imageOf([BASE, tarOf([{ path: 'app', body: Buffer.from(text) }])])

describe.each(Object.entries(ENGINES))('an image of %s', (_, kind) => {
  test.each(['tiny', 'strange', 'large'] as const)('has the golden root of "%s", pinned and named', async (name) => {
    const engine = new MemoryEngine(kind)
    const id = engine.add(GOLDEN[name](), 'app:1')
    const saving = new Saving(new MemoryNode())
    expect(await saving.image(engine, 'app:1')).toBe(GOLDEN_ROOTS[name])
    const root = parseCid(GOLDEN_ROOTS[name])
    expect([...saving.node.pins.names.keys()]).toEqual([GOLDEN_ROOTS[name]])
    expect(String(await saving.node.catalogue.findName(APP, never))).toBe(GOLDEN_ROOTS[name])
    expect(String((await saving.node.catalogue.findImage(id, never))?.root)).toBe(GOLDEN_ROOTS[name])
    expect(await saving.node.catalogue.record(root, never)).toMatchObject({ names: [APP], imageIds: [id] })
    expect(saving.words).toEqual(['Saving app:1'])
    expect(await saving.node.gc()).toBe(0)
    // Where its packing is seen, the first piece only says that all is packed.
    if ('packingFolder' in kind) expect(engine.saves[0]).toBeLessThanOrEqual(65_536)
    expect(await saving.image(engine, 'app:1')).toBe(GOLDEN_ROOTS[name])
    expect(engine.saves).toHaveLength(1)
  })
})

test('what was saved already is only named', async () => {
  const engine = classic()
  const id = engine.add(version('one'), 'app:1')
  const saving = new Saving(new MemoryNode())
  const root = await saving.image(engine, 'app:1')
  await engine.tag(id, 'other:2')
  saving.events.length = 0
  expect(await saving.image(engine, 'other:2')).toBe(root)
  expect(saving.words).toEqual([`${root} is already saved`])
  expect(String(await saving.node.catalogue.findName('docker.io/library/other:2', never))).toBe(root)
  expect(String(await saving.node.catalogue.findName(APP, never))).toBe(root)
})

test('what is saved already but not pinned any more is saved again', async () => {
  const engine = classic()
  engine.add(version('one'), 'app:1')
  const saving = new Saving(new MemoryNode())
  const root = await saving.image(engine, 'app:1')
  await saving.node.pins.unpin(parseCid(root))
  expect(await saving.image(engine, 'app:1')).toBe(root)
  expect(await saving.node.pins.isPinned(parseCid(root))).toBe(true)
})

describe('where the node does not allow', () => {
  const denied = (what: string) => () => Promise.reject(new DockerIpfsError('NODE_DENIED', `no ${what}`))

  test.each(['find', 'read', 'write'] as const)(
    '%s of the catalogue, the image is saved with a warning',
    async (call) => {
      const engine = classic()
      engine.add(version('one'), 'app:1')
      const saving = new Saving(new MemoryNode())
      const root = await saving.image(engine, 'app:1')
      saving.events.length = 0
      saving.node.folder[call] = denied(call)
      engine.add(version('two'), 'app:2')
      const next = await saving.image(engine, 'app:2')
      expect(next).not.toBe(root)
      expect(await saving.node.pins.isPinned(parseCid(next))).toBe(true)
      expect(saving.words).toEqual(['Saving app:2', `the image is saved, but not in the node's catalogue: no ${call}`])
    },
  )

  test('to ask for pins, the image is saved, pinned and named', async () => {
    const engine = classic()
    engine.add(version('one'), 'app:1')
    const saving = new Saving(new MemoryNode())
    await saving.image(engine, 'app:1')
    const { pinName, isPinned } = saving.node.pins
    Object.assign(saving.node.pins, { pinName: denied('pin/ls'), isPinned: denied('pin/ls') })
    engine.add(version('two'), 'app:2')
    for (const name of ['app:1', 'app:2']) await saving.image(engine, name)
    Object.assign(saving.node.pins, { pinName, isPinned })
    expect(saving.node.pins.names.size).toBe(2)
    expect(saving.words).toEqual(['Saving app:1', 'Saving app:1', 'Saving app:2'])
  })

  test('to read blocks, the image is saved and named', async () => {
    const engine = classic()
    engine.add(version('one'), 'app:1')
    engine.add(version('two'), 'app:2')
    const saving = new Saving(new MemoryNode())
    await saving.image(engine, 'app:1')
    saving.node.blocks.ownBlock = denied('block/get')
    const root = await saving.image(engine, 'app:2')
    expect(String(await saving.node.catalogue.findName('docker.io/library/app:2', never))).toBe(root)
  })

  test('to import, nothing is packed, and what was saved already is only named', async () => {
    const engine = classic()
    engine.add(version('one'), 'app:1')
    engine.add(version('two'), 'app:2')
    const saving = new Saving(new MemoryNode())
    const root = await saving.image(engine, 'app:1')
    saving.node.blocks.mayImport = denied('dag/import')
    expect(await saving.image(engine, 'app:1')).toBe(root)
    await expect(saving.image(engine, 'app:2')).rejects.toMatchObject({ code: 'NODE_DENIED' })
    expect(engine.saves).toHaveLength(1)
  })
})

test('the next version takes over the layers that are known, and sends no block of them', async () => {
  const engine = classic()
  engine.add(version('one'), 'app:1')
  engine.add(version('two'), 'app:2')
  const saving = new Saving(new MemoryNode())
  await saving.image(engine, 'app:1')
  const sent: number[] = []
  const { blocks } = saving.node
  const openImport = blocks.openImport.bind(blocks)
  blocks.openImport = (signal, known) => {
    const session = openImport(signal, known)
    const finish: typeof session.finish = (...roots) => {
      sent.push(session.sent.bytes)
      return session.finish(...roots)
    }
    return { ...session, finish, sent: session.sent, skipped: session.skipped }
  }
  saving.events.length = 0
  const root = await saving.image(engine, 'app:2')
  expect([saving.count('Already saved'), saving.count('Saved')]).toEqual([1, 1])
  expect(sent[0]).toBeLessThan(20_000)
  await saving.node.gc()
  expect(saving.node.blocks.read(parseCid(root), 'image.tar').length).toBeGreaterThan(300_000)
})

test('with noCache all is done, and comes to the same', async () => {
  const engine = classic()
  engine.add(version('one'), 'app:1')
  const saving = new Saving(new MemoryNode())
  const root = await saving.image(engine, 'app:1')
  saving.events.length = 0
  expect(await saving.image(engine, 'app:1', { noCache: true })).toBe(root)
  expect([saving.count('Already saved'), saving.count('Saved')]).toEqual([0, 2])
})

test('a catalogue that promises another layer is told, and the image saved anew', async () => {
  const engine = classic()
  const layerOf = (seed: string) => tarOf([{ path: 'file', body: noise(5000, seed) }])
  const [mine, other] = [layerOf('mine'), layerOf('other')]
  engine.addLayers([mine], 'mine:1')
  engine.addLayers([other], 'other:1')
  const saving = new Saving(new MemoryNode())
  await saving.image(engine, 'mine:1')
  await saving.image(engine, 'other:1')
  const { folder } = saving.node
  const [place, from] = [mine, other].map((layer) => `layers/${digest(layer).slice(7)}`)
  const entries = (await folder.entries(from ?? '', never)) ?? []
  expect(entries).toHaveLength(2)
  await folder.remove(place ?? '', never)
  for (const { name, cid } of entries) await folder.link(`${place}/${name}`, cid, never)
  engine.addLayers([mine, layerOf('on top')], 'next:1')
  saving.events.length = 0
  const root = await saving.image(engine, 'next:1')
  expect(root).toBe(await new Saving(new MemoryNode()).image(engine, 'next:1'))
  const warnings = saving.events.flatMap((event) => (event.type === 'warning' ? [event.text] : []))
  expect(warnings).toEqual([
    expect.stringMatching(/^the catalogue is wrong \(layer 1 of 2 .*\): saving the image anew$/),
  ])
})

test('a catalogue of an image whose blocks are gone is told, and the image saved anew', async () => {
  const engine = classic()
  engine.add(version('one'), 'app:1')
  engine.add(version('two'), 'app:2')
  const saving = new Saving(new MemoryNode())
  const before = parseCid(await saving.image(engine, 'app:1'))
  await saving.node.pins.unpin(before)
  const layer = await saving.node.catalogue.findLayer(digest(BASE).slice(7), never)
  const [leaf] = saving.node.blocks.links(layer?.blob.cid ?? before)
  saving.node.blocks.blocks.delete(String(leaf?.Hash))
  saving.events.length = 0
  const root = await saving.image(engine, 'app:2', { confirmMs: 50 })
  expect(root).toBe(await new Saving(new MemoryNode()).image(engine, 'app:2'))
  expect(saving.words).toEqual([
    'Saving app:2',
    'the catalogue is wrong (the node lacks blocks that it should have): saving the image anew',
  ])
  expect([saving.count('Already saved'), saving.count('Saved')]).toEqual([1, 2])
  expect([...saving.node.pins.names.keys()]).toEqual([root])
  await saving.node.gc()
  expect(saving.node.blocks.read(parseCid(root), 'image.tar').length).toBeGreaterThan(300_000)
})

test('an image without a name is saved beside versions under the names that it has', async () => {
  const engine = classic()
  engine.add(version('one'), 'app:1')
  const id = engine.add(version('two'), 'app:2')
  const saving = new Saving(new MemoryNode())
  await saving.image(engine, 'app:1')
  saving.events.length = 0
  const root = await saving.image(engine, id)
  expect([saving.count('Already saved'), saving.count('Saved')]).toEqual([1, 1])
  expect(String((await saving.node.catalogue.findImage(id, never))?.root)).toBe(root)
  expect(await saving.node.catalogue.findName('docker.io/library/app:2', never)).toBeUndefined()
})

test('an engine packs while the catalogue is asked, and a node that is down is told before that', async () => {
  const engine = classic()
  const id = engine.add(version('one'), 'app:1')
  const saving = new Saving(new MemoryNode())
  const { catalogue } = saving.node
  const calls: string[] = []
  const pack = engine.pack.bind(engine)
  engine.pack = (image, signal) => {
    calls.push('pack')
    return pack(image, signal)
  }
  const findLayer = catalogue.findLayer.bind(catalogue)
  catalogue.findLayer = (...args) => {
    calls.push('findLayer')
    return findLayer(...args)
  }
  const findVersions = catalogue.findVersions.bind(catalogue)
  catalogue.findVersions = (...args) => {
    calls.push('findVersions')
    return findVersions(...args)
  }
  const down = new DockerIpfsError('NODE_UNREACHABLE', 'gone')
  const node = { version: () => Promise.reject(down) }
  expect(await saving.image(engine, 'app:1', { node }).catch((error: unknown) => error)).toBe(down)
  await expect(saving.image(engine, 'none:1', { node })).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
  expect(calls).toEqual(['findVersions', 'findVersions'])
  calls.length = 0
  await saving.image(engine, id.slice(7))
  expect(calls.slice(0, 2)).toEqual(['pack', 'findVersions'])
  calls.length = 0
  engine.add(version('two'), 'app:2')
  await saving.image(engine, 'app:2')
  expect(calls.slice(0, 3)).toEqual(['findVersions', 'pack', 'findLayer'])
})

test('an error leaves no pin and no name', async () => {
  const engine = classic()
  engine.add(version('one'), 'app:1')
  const saving = new Saving(new MemoryNode())
  const { blocks } = saving.node
  const openImport = blocks.openImport.bind(blocks)
  const full = new DockerIpfsError('NODE_FAILED', 'the disk of the IPFS node is full')
  blocks.openImport = (...args) => ({ ...openImport(...args), finish: () => Promise.reject(full) })
  expect(await saving.image(engine, 'app:1').catch((error: unknown) => error)).toBe(full)
  expect([...saving.node.pins.names]).toEqual([])
  expect(await saving.node.catalogue.findName(APP, never)).toBeUndefined()
  expect(await saving.node.gc()).toBeGreaterThan(0)
})

test('what cannot be written into the catalogue is a warning', async () => {
  const engine = classic()
  engine.add(version('one'), 'app:1')
  const saving = new Saving(new MemoryNode())
  saving.node.folder.write = () => Promise.reject(new DockerIpfsError('NODE_UNREACHABLE', 'gone'))
  const root = await saving.image(engine, 'app:1')
  expect(await saving.node.pins.isPinned(parseCid(root))).toBe(true)
  expect(saving.events.at(-1)).toEqual({
    type: 'warning',
    text: "the image is saved, but not in the node's catalogue: gone",
  })
})

test('a cancelled save ends with its reason, and pins nothing', async () => {
  const engine = classic()
  engine.add(version('one'), 'app:1')
  const saving = new Saving(new MemoryNode())
  const reason = new DockerIpfsError('CANCELLED', 'cancelled')
  const { blocks } = saving.node
  const put = blocks.put.bind(blocks)
  blocks.put = async (block) => {
    saving.cancel.abort(reason)
    await put(block)
  }
  expect(await saving.image(engine, 'app:1').catch((error: unknown) => error)).toBe(reason)
  expect([...saving.node.pins.names]).toEqual([])
})

test('a save that is cancelled behind its pin still gets its name, and ends with its reason', async () => {
  const engine = classic()
  engine.add(version('one'), 'app:1')
  const saving = new Saving(new MemoryNode())
  const reason = new DockerIpfsError('CANCELLED', 'cancelled')
  const { folder, pins, catalogue } = saving.node
  const write = folder.write.bind(folder)
  folder.write = async (...args) => {
    saving.cancel.abort(reason)
    await write(...args)
  }
  expect(await saving.image(engine, 'app:1').catch((error: unknown) => error)).toBe(reason)
  const named = await catalogue.findName('docker.io/library/app:1', never)
  expect([...pins.names.keys()]).toEqual([`${named}`])
})

test.each([
  ['behind its layers', 302_000],
  ['in a layer', 5000],
  ['at its beginning', 0],
])('an engine that ends its archive %s is told so, and nothing is pinned', async (_, endsAfter) => {
  const engine = classic()
  const id = engine.add(version('one'), 'app:1')
  engine.endsAfter = endsAfter
  const saving = new Saving(new MemoryNode())
  await expect(saving.image(engine, 'app:1')).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  expect([...saving.node.pins.names]).toEqual([])
  expect(await saving.node.catalogue.findImage(id, never)).toBeUndefined()
})

test('of an engine, layers of the other platforms are kept for when they are wanted', async () => {
  const layout = new Layout()
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } })
  const arm64 = forPlatform(version('two'), 'arm64')
  const index = layout.index([layout.image(version('one'), platform('amd64')), layout.image(arm64, platform('arm64'))])
  const archive = layout.tar([index], [])
  const found = { id: index.digest, layers: version('one').diffIds, names: ['app:1'] }
  const engine = Object.assign(classic(), { inspect: async () => found, save: () => inOnePiece(archive) })
  const saving = new Saving(new MemoryNode())
  await saving.image(engine, 'app:1', { platform: 'linux/amd64' })
  saving.events.length = 0
  await saving.image(engine, 'app:1', { platform: 'linux/arm64' })
  expect([saving.count('Already saved'), saving.count('Saved')]).toEqual([3, 0])
})

async function* inOnePiece(bytes: Buffer) {
  yield bytes
}
