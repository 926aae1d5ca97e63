import { describe, expect, test } from 'bun:test'
import { parseCid } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, imageOf, twoLayers } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import { MemoryEngine } from '../../support/memory/engine.ts'
import { keepImage, writeOn } from '../../support/memory/keep-image.ts'
import { ENGINES, loading } from '../../support/memory/loading.ts'
import { MemoryNode } from '../../support/memory/node.ts'

const { signal } = new AbortController()
const IMAGE = twoLayers()
const [BASE = Buffer.alloc(0)] = IMAGE.layers

describe.each(ENGINES)('a load into %s', (_, kind) => {
  test('gives it the image, pins it, and writes it into the catalogue under its name and ID', async () => {
    const [node, engine] = [new MemoryNode(), new MemoryEngine(kind)]
    const { root, dag } = await writeOn(node, IMAGE)
    const { run, told } = loading(node, engine)
    const imageId = kind.containerdStore ? dag.manifestDigest : digest(IMAGE.config)
    const tag = 'app:1'
    expect(await run(root, { tag })).toEqual({ imageId, configDigest: digest(IMAGE.config), tag })
    expect(await engine.inspect(tag)).toMatchObject({ id: imageId, layers: IMAGE.diffIds, names: [tag] })
    expect([...engine.stored.keys()]).toEqual([imageId])
    expect(await node.pins.pinName(root)).toBe('docker-ipfs')
    expect((await node.catalogue.findName('docker.io/library/app:1', signal))?.equals(root)).toBe(true)
    expect((await node.catalogue.findImage(imageId, signal))?.root.equals(root)).toBe(true)
    expect(told.warnings).toEqual([])
  })

  test('that has it already sends nothing, and pins and names it all the same', async () => {
    const [node, engine] = [new MemoryNode(), new MemoryEngine(kind)]
    const { root } = await writeOn(node, IMAGE)
    await loading(node, engine).run(root, { noPin: true })
    const before = engine.loads.length
    const again = loading(node, engine)
    const { imageId } = await again.run(root, { tag: 'app:1' })
    expect(engine.loads.length).toBe(before)
    expect(again.told.steps).toContain('The engine has this image already')
    expect((await engine.inspect('app:1'))?.id).toBe(imageId)
    expect(await node.pins.isPinned(root)).toBe(true)
  })

  test('keeps nothing on the node with --no-pin', async () => {
    const [node, engine] = [new MemoryNode(), new MemoryEngine(kind)]
    const { root } = await writeOn(node, IMAGE)
    const { imageId } = await loading(node, engine).run(root, { tag: 'app:1', noPin: true })
    expect(await engine.inspect('app:1')).toMatchObject({ id: imageId })
    expect(node.pins.names.size).toBe(0)
    expect(await node.catalogue.top(signal)).toBeUndefined()
  })

  test('whose layer is wrong leaves nothing behind, in the engine and on the node', async () => {
    const [node, engine] = [new MemoryNode(), new MemoryEngine(kind)]
    // The documents say of the upper layer what is true of the lower one.
    const lie = { ...IMAGE, config: Buffer.from(String(IMAGE.config).replace(...inTurn(IMAGE.diffIds))) }
    const { root } = await writeOn(node, lie)
    await expect(loading(node, engine).run(root, { tag: 'app:1' })).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
    expect(engine.stored.size).toBe(0)
    expect(node.pins.names.size).toBe(0)
    expect(await node.catalogue.top(signal)).toBeUndefined()
  })
})

/** What `replace` is given so that a text names the first digest where it named the second. */
function inTurn([first = '', second = '']: readonly string[]): [string, string] {
  return [second, first]
}

describe('layers that the engine has', () => {
  const upper = Buffer.from('another upper layer'.padEnd(1024, '.'))
  const other = imageOf([BASE, upper])

  test('are not sent to a classic store, from the bottom up', async () => {
    const [node, engine] = [new MemoryNode(), new MemoryEngine()]
    const { root, layers } = await writeOn(node, IMAGE)
    engine.add(other)
    const { run, told } = loading(node, engine)
    await run(root)
    const bytesHad = layers[0]?.blob.fileSize ?? 0
    expect(engine.loads.map((files) => files.filter((path) => path.startsWith('blobs/')).length)).toEqual([3])
    expect(told.sources).toMatchObject({ type: 'sources', inEngine: bytesHad })
  })

  test('are not sent to a containerd store that tells, and it is not asked where the node knows the other image', async () => {
    const [node, engine] = [new MemoryNode(), new MemoryEngine({ version: '28.5.2', containerdStore: true })]
    const [{ root, layers }, before] = [await writeOn(node, IMAGE), await keepImage(node, other)]
    await loading(node, engine).run(before.root)
    engine.loads.length = 0
    const { run, told } = loading(node, engine)
    const { imageId } = await run(root)
    expect(engine.loads).toHaveLength(1)
    expect(await engine.isWhole(imageId)).toBe(true)
    expect(told.sources).toMatchObject({ type: 'sources', inEngine: layers[0]?.blob.fileSize ?? 0 })
  })

  test('are asked for one by one where the node knows of no other image', async () => {
    const [node, engine] = [new MemoryNode(), new MemoryEngine({ version: '28.5.2', containerdStore: true })]
    const [{ root }, before] = [await writeOn(node, IMAGE), await writeOn(node, other)]
    await loading(node, engine).run(before.root, { noPin: true })
    engine.loads.length = 0
    await loading(node, engine).run(root)
    // A tiny image that names the blob, and the image without it.
    expect(engine.loads).toHaveLength(2)
    expect([...engine.stored.keys()].sort()).toEqual(
      [before.dag.manifestDigest, (await writeOn(node, IMAGE)).dag.manifestDigest].sort(),
    )
  })

  test('are sent once more to a containerd store that does not tell', async () => {
    const [node, engine] = [new MemoryNode(), new MemoryEngine({ version: '26.1.5', containerdStore: true })]
    const [{ root }, before] = [await writeOn(node, IMAGE), await writeOn(node, other)]
    await loading(node, engine).run(before.root)
    const { run, told } = loading(node, engine)
    await run(root)
    expect(told.sources).toMatchObject({ type: 'sources', inEngine: 0 })
  })
})

describe('what is wrong with a load', () => {
  test.each(['', 'Not A Name', 'a:b:c'])('is told before anything is asked: the name %p', async (tag) => {
    const { run, engine, told } = loading()
    engine.images = () => Promise.reject(new Error('nobody should ask'))
    await expect(run(parseCid(GOLDEN_ROOTS.tiny), { tag })).rejects.toMatchObject({ code: 'BAD_FLAG' })
    expect(told.events).toEqual([])
  })

  test('is that the config is not the one that was promised, and then nothing is loaded', async () => {
    const node = new MemoryNode()
    const { root } = await writeOn(node, IMAGE)
    const { run, engine } = loading(node)
    const configDigest = digest(Buffer.from('another config'))
    await expect(run(root, { configDigest })).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: `${root} has the config ${digest(IMAGE.config)}, not ${configDigest}`,
    })
    expect(engine.loads).toEqual([])
    expect(node.pins.names.size).toBe(0)
    await run(root, { configDigest: digest(IMAGE.config) })
    expect(engine.stored.size).toBe(1)
  })

  test('is that the image is for another system than the engine runs', async () => {
    const node = new MemoryNode()
    const { root } = await writeOn(node, IMAGE)
    const { run, engine } = loading(node)
    const info = engine.info.bind(engine)
    engine.info = async () => ({ ...(await info()), os: 'windows' })
    await expect(run(root)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'the image is for linux, the engine runs windows',
    })
    // One that does not say is believed.
    engine.info = async () => ({ ...(await info()), os: '' })
    expect((await run(root)).imageId).toBe(digest(IMAGE.config))
  })

  test('is that the engine cannot read its config, and then nothing is loaded', async () => {
    const node = new MemoryNode()
    const config = { ...(JSON.parse(String(IMAGE.config)) as object), config: { Cmd: '/bin/sh' } }
    const { root } = await writeOn(node, { ...IMAGE, config: Buffer.from(JSON.stringify(config)) })
    const { run, engine } = loading(node, new MemoryEngine({ version: '28.5.2', containerdStore: true }))
    await expect(run(root)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message:
        'the engine cannot read the config of the image: "config.Cmd" is a string, where a list of strings belongs',
      hint: 'Have the tool that built the image write its config as Docker does, and save it again.',
    })
    expect(engine.loads).toEqual([])
    expect(node.pins.names.size).toBe(0)
    // A classic store takes it.
    const classic = loading(node)
    await classic.run(root)
    expect(classic.engine.stored.size).toBe(1)
  })

  test.each(ENGINES)('is that it has more than 125 layers, in %s', async (_, kind) => {
    const [node, engine] = [new MemoryNode(), new MemoryEngine(kind)]
    const deep = (count: number) => imageOf(Array.from({ length: count }, (_, at) => Buffer.from(`layer ${at}`)))
    const [most, more] = [await writeOn(node, deep(125)), await writeOn(node, deep(126))]
    const { run } = loading(node, engine)
    await run(most.root)
    const sent = engine.loads.length
    if (kind.containerdStore) {
      expect((await run(more.root)).imageId).toBe(more.dag.manifestDigest)
      return
    }
    await expect(run(more.root)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: "the image has 126 layers, and the engine's image store takes at most 125",
      hint: 'Use an engine with the containerd image store, or an image that was built with fewer layers.',
    })
    expect(engine.loads.length).toBe(sent)
    expect(await node.pins.isPinned(more.root)).toBe(false)
  })

  test.each([
    ['20.10.24', false, 'plain'],
    ['23.0.6', false, 'plain'],
    ['26.1.5', false, 'plain'],
    ['27.5.1', false, 'plain'],
    ['28.0.0', false, 'zstd'],
    ['29.0.0', false, 'zstd'],
    ['26.1.5', true, 'zstd'],
    ['28.5.2', true, 'zstd'],
  ])(
    'is no reason for Docker %s to end in the middle of a layer (containerd store: %p): they are %s',
    async (version, containerdStore, packing) => {
      const [node, engine] = [new MemoryNode(), new MemoryEngine({ version, containerdStore })]
      const { root } = await writeOn(node, IMAGE)
      await loading(node, engine).run(root)
      const tars = IMAGE.diffIds.map((diffId) => `${diffId.slice(7)}.tar`)
      const files = engine.loads.flat()
      expect(files.filter((path) => tars.includes(path))).toEqual(packing === 'plain' ? tars : [])
      expect(files.includes('oci-layout')).toBe(packing === 'zstd')
    },
  )

  test('is that the engine does not answer: told at once, whatever becomes of the image', async () => {
    const { run, engine } = loading(new MemoryNode(), new MemoryEngine(), 60_000)
    engine.info = () => Promise.reject(new DockerIpfsError('ENGINE_UNREACHABLE', 'no engine'))
    // Nobody has the image: this is waited for no longer.
    await expect(run(parseCid(GOLDEN_ROOTS.large))).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
  })

  test('is that the image was removed before it got its name: its pin is taken back', async () => {
    const node = new MemoryNode()
    const { root } = await writeOn(node, IMAGE)
    const { run, engine } = loading(node)
    engine.tag = () => Promise.reject(new DockerIpfsError('IMAGE_NOT_FOUND', 'no such image'))
    await expect(run(root, { tag: 'app:1' })).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'the image, or a part of it, was removed while it was loaded',
      hint: expect.stringContaining('docker image prune'),
    })
    expect(node.pins.names.size).toBe(0)
    engine.tag = () => Promise.reject(new DockerIpfsError('ENGINE_FAILED', 'no space left'))
    await expect(run(root, { tag: 'app:1' })).rejects.toMatchObject({ message: 'no space left' })
  })

  test('is that something else than an image stands at the root', async () => {
    const node = new MemoryNode()
    const { root, layers } = await writeOn(node, IMAGE)
    const [layer] = layers
    await expect(loading(node).run(layer?.blob.cid ?? root)).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' })
  })
})

describe('an image with several platforms', () => {
  const [amd64, arm64] = [GOLDEN.tiny(), forPlatform(GOLDEN.strange(), 'arm64')]

  test('is loaded for the platform of the engine, or the one that is asked for', async () => {
    const node = new MemoryNode()
    const { root } = await writeOn(node, amd64, arm64)
    const { run, engine } = loading(node)
    expect((await run(root)).configDigest).toBe(digest(amd64.config))
    expect((await run(root, { platform: 'linux/arm64' })).configDigest).toBe(digest(arm64.config))
    expect(engine.stored.size).toBe(2)
    // What was promised of the config of one is not held against another, and no platform is written down as the image.
    await run(root, { platform: 'linux/arm64', configDigest: digest(amd64.config) })
    expect(await node.pins.isPinned(root)).toBe(true)
    expect(await node.catalogue.findImage(digest(arm64.config), signal)).toBeUndefined()
  })

  test('is refused where none fits, and so is a platform that cannot be read', async () => {
    const node = new MemoryNode()
    const { root } = await writeOn(node, amd64, arm64)
    const { run, engine } = loading(node)
    await expect(run(root, { platform: 'linux/s390x' })).rejects.toMatchObject({ code: 'PLATFORM_NOT_FOUND' })
    await expect(run(root, { platform: 'linux/a/b/c' })).rejects.toMatchObject({ code: 'BAD_FLAG' })
    expect(engine.loads).toEqual([])
  })
})

describe('a load that is cancelled', () => {
  const cancelled = new DockerIpfsError('CANCELLED', 'cancelled', { signal: 2 })

  test.each([
    [undefined, 0],
    ['app:1', 1],
  ])('when the engine has the image takes it away, if it has no name (%p)', async (tag, left) => {
    const [node, engine, stop] = [new MemoryNode(), new MemoryEngine(), new AbortController()]
    const { root } = await writeOn(node, IMAGE)
    const write = node.folder.write.bind(node.folder)
    node.folder.write = async (...args) => {
      stop.abort(cancelled)
      await write(...args)
    }
    const options = { signal: stop.signal, ...(tag === undefined ? {} : { tag }) }
    await expect(loading(node, engine).run(root, options)).rejects.toBe(cancelled)
    expect(engine.stored.size).toBe(left)
  })

  test('while its documents are looked for ends at once', async () => {
    const stop = new AbortController()
    const { run, told } = loading(new MemoryNode(), new MemoryEngine(), 60_000)
    const running = run(parseCid(GOLDEN_ROOTS.tiny), { signal: stop.signal })
    await Bun.sleep(5)
    stop.abort(cancelled)
    await expect(running).rejects.toBe(cancelled)
    expect(told.events.map(({ type }) => type)).toEqual(['step'])
  })

  test('while the engine has its archive leaves no image, no pin and no entry', async () => {
    const stop = new AbortController()
    const [node, engine] = [new MemoryNode(), new MemoryEngine()]
    const { root } = await writeOn(node, IMAGE)
    engine.heard = (path) => path === 'manifest.json' && stop.abort(cancelled)
    await expect(loading(node, engine).run(root, { tag: 'app:1', signal: stop.signal })).rejects.toBe(cancelled)
    expect(engine.stored.size).toBe(0)
    expect(node.pins.names.size).toBe(0)
    expect(await node.catalogue.top(signal)).toBeUndefined()
  })
})
