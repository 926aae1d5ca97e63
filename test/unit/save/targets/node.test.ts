import { describe, expect, test } from 'bun:test'
import { parseCid } from '../../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { archive20, archiveOci, digest, GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../../../support/images.ts'
import { ATTESTATION, forPlatform, Layout } from '../../../support/layouts.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { Saving } from '../../../support/saving.ts'
import { tarOf } from '../../../support/tar.ts'

const never = new AbortController().signal
const ENGINES = { 'a classic store before 25': '20.10.24', 'a classic store': '26.1.5' }
const classic = (version = '26.1.5') => new MemoryEngine({ version, containerdStore: false })
const APP = 'docker.io/library/app:1'

/** An image of a base, and a layer of its own. */
const BASE = tarOf([{ path: 'base', body: noise(300_000, 'base') }])
const version = (text: string) => imageOf([BASE, tarOf([{ path: 'app', body: Buffer.from(text) }])])

describe.each(Object.entries(ENGINES))('an image of %s', (_, engineVersion) => {
  test.each(['tiny', 'strange', 'large'] as const)('has the golden root of "%s", pinned and named', async (name) => {
    const engine = classic(engineVersion)
    const id = engine.add(GOLDEN[name](), 'app:1')
    const saving = new Saving(new MemoryNode())
    expect(await saving.image(engine, 'app:1')).toBe(GOLDEN_ROOTS[name])
    const root = parseCid(GOLDEN_ROOTS[name])
    expect([...saving.node.pins.names.keys()]).toEqual([GOLDEN_ROOTS[name]])
    expect(String(await saving.node.catalogue.findName(APP, never))).toBe(GOLDEN_ROOTS[name])
    expect(await saving.node.catalogue.record(root, never)).toMatchObject({ names: [APP], imageIds: [id] })
    expect(saving.words[0]).toBe('Saving app:1')
    expect(await saving.node.gc()).toBe(0)
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

test('an engine that ends its archive too early is told so', async () => {
  const engine = classic()
  engine.add(version('one'), 'app:1')
  const save = engine.save.bind(engine)
  engine.save = async function* (name, signal) {
    for await (const bytes of save(name, signal)) {
      yield bytes.subarray(0, 5000)
      return
    }
  }
  await expect(new Saving(new MemoryNode()).image(engine, 'app:1')).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
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

describe('an archive', () => {
  test.each([
    ['before 25', archive20(GOLDEN.strange())],
    ['since 25', archiveOci(GOLDEN.strange(), 'plain')],
    ['of a containerd store', archiveOci(GOLDEN.strange(), 'gzip')],
  ])('%s gives the golden root, through a pipe too', async (_, archive) => {
    expect(await new Saving(new MemoryNode()).archive(archive)).toEqual([GOLDEN_ROOTS.strange])
    expect(await new Saving(new MemoryNode()).archive(archive, {}, false)).toEqual([GOLDEN_ROOTS.strange])
  })

  test('of several images gives a root for each, under their names', async () => {
    const layout = new Layout()
    const named = (name: string) => ({ annotations: { 'io.containerd.image.name': name } })
    const entries = [layout.image(version('one'), named('app:1')), layout.image(version('two'), named('app:2'))]
    const saving = new Saving(new MemoryNode())
    const roots = await saving.archive(layout.tar(entries))
    expect(new Set(roots).size).toBe(2)
    expect([...saving.node.pins.names.keys()].sort()).toEqual([...roots].sort())
    const names = await Promise.all(
      ['1', '2'].map((tag) => saving.node.catalogue.findName(`docker.io/library/app:${tag}`, never)),
    )
    expect(names.map(String)).toEqual(roots)
    expect(saving.words[0]).toBe('Saving the images of images.tar')
  })

  test('of several platforms is one image, or one of them where that is asked for', async () => {
    const layout = new Layout()
    const amd = layout.image(version('one'), { platform: { os: 'linux', architecture: 'amd64' } })
    const arm = layout.image(forPlatform(version('two'), 'arm64'), { platform: { os: 'linux', architecture: 'arm64' } })
    const attestation = layout.image(imageOf([]), ATTESTATION)
    const archive = layout.tar([layout.index([amd, arm, attestation])])
    const saving = new Saving(new MemoryNode())
    const [all = ''] = await saving.archive(archive)
    const [one = ''] = await saving.archive(archive, { platform: 'linux/arm64' })
    expect(one).not.toBe(all)
    expect(await saving.node.catalogue.record(parseCid(one), never)).toMatchObject({
      layers: version('two').diffIds,
    })
    await expect(saving.archive(archive, { platform: 'linux/s390x' })).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
    })
    await expect(saving.archive(archive, { platform: 'a/b/c/d' })).rejects.toMatchObject({ code: 'BAD_FLAG' })
  })

  test('that lacks a platform of its index says so, and is saved without it', async () => {
    const layout = new Layout()
    const amd = layout.image(version('one'), { platform: { os: 'linux', architecture: 'amd64' } })
    const arm = layout.image(forPlatform(version('two'), 'arm64'), { platform: { os: 'linux', architecture: 'arm64' } })
    const index = layout.index([amd, arm])
    layout.remove(arm)
    const saving = new Saving(new MemoryNode())
    await saving.archive(layout.tar([index]))
    expect(saving.words).toContain('Left out, since the archive does not have them: linux/arm64')
  })
})
