import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { writeImage } from '../../../src/format/image-dag.ts'
import { digest, imageOf, noise, small, twoLayers } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import { keepImage, type StoredImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { MODERN, OLD, registryOf, repository } from '../../support/memory/node-registry.ts'
import { writeCatalogue } from '../../support/memory/publication.ts'
import { tarOf } from '../../support/tar.ts'

const signal = new AbortController().signal
const KEY = 'k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8'
const LOOKS = { ...MODERN, onlyLooks: true }
const IMAGE = twoLayers()
const json = (bytes: Uint8Array | undefined) => JSON.parse(Buffer.from(bytes ?? '{}').toString())

/** A node that keeps an image under these names, and its registry. */
async function served(...names: string[]) {
  const node = new MemoryNode()
  const stored = await keepImage(node, IMAGE, ...names)
  return { node, stored, ...registryOf(node) }
}

const manifestOf = ({ dag }: StoredImage) => dag.manifestDigest
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing',
    (error: { code?: string }) => error.code,
  )

describe('a tag', () => {
  test.each([
    ['nginx', '1.27'],
    ['library/nginx', '1.27'],
    ['docker.io/library/nginx', '1.27'],
    ['plain/nginx', '1.27'],
    ['ghcr.io/x/y', 'latest'],
  ])('of %s leads to the image of the catalogue', async (path, tag) => {
    const { stored, reads } = await served('nginx:1.27', 'ghcr.io/x/y')
    expect((await reads.manifest(path, tag))?.root).toBe(stored.root.toString())
    expect(await reads.manifest(path, 'other')).toBeUndefined()
  })

  test('of a name below the registry that a mirror stands for leads there too', async () => {
    const { stored, reads } = await served('ghcr.io/x/y:1')
    expect((await reads.manifest('x/y', '1', MODERN, 'ghcr.io'))?.digest).toBe(manifestOf(stored))
    expect(await reads.manifest('x/y', '1', MODERN, 'docker.io')).toBeUndefined()
    expect(await reads.manifest('x/y', '1')).toBeUndefined()
  })

  test('of a CID is latest, and no other', async () => {
    const { stored, reads } = await served()
    const path = stored.root.toString()
    expect((await reads.manifest(path, 'latest'))?.digest).toBe(manifestOf(stored))
    expect(await reads.manifest(path, '1.27')).toBeUndefined()
  })

  test('that another process writes is seen at once, and so is where it goes', async () => {
    const { node, stored, reads } = await served('app:1')
    expect((await reads.manifest('app', '1'))?.root).toBe(stored.root.toString())
    const next = await keepImage(node, small('next'), 'app:1', 'app:2')
    for (const tag of ['1', '2']) expect((await reads.manifest('app', tag))?.root).toBe(next.root.toString())
  })

  test('that the catalogue does not have is looked for nowhere', async () => {
    const [near, far] = [new MemoryNode('near'), new MemoryNode('far')]
    near.connect(far)
    await keepImage(far, IMAGE, 'nginx:1.27')
    expect(await registryOf(near).reads.manifest('nginx', '1.27')).toBeUndefined()
  })
})

describe('a published name', () => {
  /** A node that finds what another one has published. */
  async function published() {
    const [near, far] = [new MemoryNode('near'), new MemoryNode('far')]
    near.connect(far)
    const images = { one: await writeOn(far, IMAGE), two: await writeOn(far, small('two')) }
    const root = await writeCatalogue(far, { 'nginx:1.27': images.one.root, 'nginx:1.28': images.two.root })
    far.naming.paths.set(KEY, `/ipfs/${root}`)
    far.naming.paths.set('images.example.org', `/ipfs/${images.one.root}`)
    return { near, far, root, images, ...registryOf(near) }
  }

  test('leads to the images of the publication, by a key and by its CID', async () => {
    const { reads, images, root } = await published()
    for (const path of [`ipns/${KEY}/nginx`, `ipns/${KEY}/docker.io/library/nginx`, `${root}/nginx`]) {
      expect((await reads.manifest(path, '1.27'))?.root).toBe(images.one.root.toString())
      expect((await reads.manifest(path, '1.28'))?.root).toBe(images.two.root.toString())
    }
  })

  test('leads to the image itself where a domain stands for one', async () => {
    const { reads, images, registry } = await published()
    expect((await reads.manifest('ipns/images.example.org', 'latest'))?.root).toBe(images.one.root.toString())
    expect(await registry.tags(repository('ipns/images.example.org'), signal)).toEqual(['latest'])
    expect(await codeOf(reads.manifest('ipns/images.example.org/nginx', '1.27'))).toBe('IMAGE_NOT_FOUND')
  })

  test('has the tags that are published', async () => {
    const { registry } = await published()
    expect(await registry.tags(repository(`ipns/${KEY}/nginx`), signal)).toEqual(['1.27', '1.28'])
  })

  test.each([
    [`ipns/${KEY}/nginx`, '9', /has no tag 9, only 1\.27, 1\.28$/],
    [`ipns/${KEY}/other`, '1', /has no other$/],
    [`ipns/${KEY}`, 'latest', /has 2 images: put the name of one behind it$/],
  ])('says what is wrong with %s:%s', async (path, tag, words) => {
    const { reads } = await published()
    const error = await reads.manifest(path, tag).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code: 'IMAGE_NOT_FOUND', message: expect.stringMatching(words) })
  })

  test('gives manifests and blobs by digest, of images that are not here yet too', async () => {
    const { near, reads, images } = await published()
    const path = `ipns/${KEY}/nginx`
    expect((await reads.manifest(path, manifestOf(images.two)))?.root).toBe(images.two.root.toString())
    const fresh = registryOf(near).reads
    expect(await fresh.bytes(path, digest(IMAGE.config))).toEqual(IMAGE.config)
  })
})

describe('a manifest', () => {
  test('is the bytes of the format, or of plain layers for who reads no zstd', async () => {
    const { reads, stored } = await served('app:1')
    const [packed, plain] = [await reads.manifest('app', '1'), await reads.manifest('app', '1', OLD)]
    expect(packed?.digest).toBe(manifestOf(stored))
    expect(digest(packed?.bytes ?? Buffer.alloc(0))).toBe(manifestOf(stored))
    expect(json(plain?.bytes).layers.map((layer: { digest: string }) => layer.digest)).toEqual([...IMAGE.diffIds])
    expect(await reads.manifest('plain/app', '1')).toEqual(plain as NonNullable<typeof plain>)
  })

  test('is found by its digest in any repository, when its image was served or is in the catalogue', async () => {
    const { node, stored, reads } = await served('app:1')
    for (const path of ['app', 'other', 'docker.io/library/nginx', stored.root.toString()]) {
      expect((await registryOf(node).reads.manifest(path, manifestOf(stored)))?.digest).toBe(manifestOf(stored))
    }
    const plain = (await reads.manifest('app', '1', OLD))?.digest ?? ''
    expect((await reads.manifest('other', plain))?.digest).toBe(plain)
  })

  test('with plain layers is found by its digest by the name of its image alone', async () => {
    const { node, stored, reads } = await served('app:1')
    const plain = (await reads.manifest('app', '1', OLD))?.digest ?? ''
    for (const path of ['app', stored.root.toString()]) {
      expect((await registryOf(node).reads.manifest(path, plain))?.digest).toBe(plain)
    }
  })

  test('of each of several platforms is found by its digest', async () => {
    const node = new MemoryNode()
    const arm64 = forPlatform(small('arm'), 'arm64', '')
    await keepImage(node, [IMAGE, arm64], 'app:1')
    const { reads } = registryOf(node)
    const index = await reads.manifest('app', '1')
    for (const entry of json(index?.bytes).manifests) {
      const fresh = registryOf(node).reads
      expect((await fresh.manifest('app', entry.digest))?.digest).toBe(entry.digest)
      expect((await fresh.manifest('other', entry.digest))?.digest).toBe(entry.digest)
    }
    expect(await registryOf(node).reads.bytes('other', digest(arm64.config))).toEqual(arm64.config)
  })

  test('that nobody has is not there', async () => {
    const { reads, stored } = await served('app:1')
    for (const path of ['app', 'other', stored.root.toString()]) {
      expect(await reads.manifest(path, digest(Buffer.from('no'))), path).toBeUndefined()
      expect(await reads.blob(path, digest(Buffer.from('no'))), path).toBeUndefined()
    }
  })
})

describe('a blob', () => {
  test('is a config or a layer, as it is stored or as a tar, with its exact size', async () => {
    const { reads, stored } = await served('app:1')
    const blobs: [string, number][] = [
      [digest(IMAGE.config), IMAGE.config.length],
      ...stored.layers.map(({ blobDigest, blob }): [string, number] => [blobDigest, blob.fileSize]),
      ...IMAGE.layers.map((tar): [string, number] => [digest(tar), tar.length]),
    ]
    for (const [name, size] of blobs) {
      expect((await reads.blob('app', name))?.size).toBe(size)
      expect(digest((await reads.bytes('app', name)) ?? Buffer.alloc(0))).toBe(name)
    }
  })

  test('can be read in parts', async () => {
    const { reads, stored } = await served('app:1')
    for (const name of [digest(IMAGE.config), stored.layers[0]?.blobDigest ?? '', digest(IMAGE.layers[0] as Buffer)]) {
      const whole = (await reads.bytes('app', name)) ?? Buffer.alloc(0)
      const size = whole.length
      for (const [offset, length] of [
        [0, 0],
        [0, 1],
        [size - 1, 1],
        [100, size - 100],
        [1, size - 2],
      ] as const) {
        const part = await reads.bytes('app', name, MODERN, { offset, length })
        expect(part, `${offset}+${length} of ${name}`).toEqual(whole.subarray(offset, offset + length))
      }
    }
  })

  test('is found in any repository, whichever image of the catalogue has it', async () => {
    const node = new MemoryNode()
    for (const name of ['a', 'b', 'c']) await keepImage(node, small(name), `${name}:1`)
    const stored = await keepImage(node, IMAGE)
    const layer = stored.layers[1]?.blobDigest ?? ''
    expect((await registryOf(node).reads.blob('no/such', layer))?.digest).toBe(layer)
    expect((await registryOf(node).reads.blob('a', digest(IMAGE.layers[1] as Buffer)))?.size).toBe(
      IMAGE.layers[1]?.length,
    )
  })

  test('of an image that another process saves is seen some time later', async () => {
    const { node, reads } = await served('app:1')
    const next = await writeOn(node, small('next'))
    const layer = next.layers[0]?.blobDigest ?? ''
    expect(await reads.blob('app', layer)).toBeUndefined()
    await keepImage(node, small('next'))
    let found = await reads.blob('app', layer)
    for (const until = Date.now() + 10_000; found === undefined && Date.now() < until; ) {
      await Bun.sleep(50)
      found = await reads.blob('app', layer)
    }
    expect(found?.digest).toBe(layer)
  })

  test('of an image that the node does not keep any more is not promised in other repositories', async () => {
    const { node, stored, reads } = await served()
    const layer = stored.layers[0]?.blobDigest ?? ''
    await node.pins.unpin(stored.root, signal)
    expect(await reads.blob('other', layer)).toBeUndefined()
    // It may still be found for who asks for the image itself.
    expect((await reads.blob(stored.root.toString(), layer))?.digest).toBe(layer)
  })

  test('of a named image that is not pinned is there in its repository', async () => {
    const { node, stored, reads } = await served('app:1')
    await node.pins.unpin(stored.root, signal)
    await reads.manifest('app', '1')
    expect(await reads.bytes('app', stored.layers[0]?.blobDigest ?? '')).toBeDefined()
  })

  test('is shown as a tar to who only looks, where that reads no zstd', async () => {
    const { reads, stored } = await served('app:1')
    const tar = digest(IMAGE.layers[0] as Buffer)
    expect(await reads.blob('app', tar, LOOKS)).toBeUndefined()
    expect(await reads.blob('other', tar, LOOKS)).toBeUndefined()
    expect((await reads.blob('app', tar, { ...OLD, onlyLooks: true }))?.digest).toBe(tar)
    expect((await reads.blob('plain/app', tar, LOOKS))?.digest).toBe(tar)
    expect((await reads.blob('app', stored.layers[0]?.blobDigest ?? '', LOOKS))?.digest).toBe(
      stored.layers[0]?.blobDigest as string,
    )
  })

  test.each([1, -1])('whose tar is not as long as the manifest says is broken off (%p)', async (more) => {
    const node = new MemoryNode()
    const [layer] = (await writeOn(node, IMAGE)).layers
    const layers = [{ ...(layer as NonNullable<typeof layer>), tarSize: (layer?.tarSize ?? 0) + more }]
    const { root } = await writeImage([{ configBytes: imageOf(IMAGE.layers.slice(0, 1)).config, layers }], node.blocks)
    const { reads } = registryOf(node)
    const tar = digest(IMAGE.layers[0] as Buffer)
    expect(await codeOf(reads.bytes(root.cid.toString(), tar))).toBe('INTEGRITY')
  })
})

test('a node that does not let its catalogue be asked still gives what is asked for by CID', async () => {
  const { node, stored, reads } = await served()
  const denied = async () => {
    throw new DockerIpfsError('NODE_DENIED', 'not allowed')
  }
  node.folder.find = denied
  node.pins.isPinned = denied
  const path = stored.root.toString()
  const layer = stored.layers[0]?.blobDigest ?? ''
  expect((await reads.manifest(path, 'latest'))?.digest).toBe(manifestOf(stored))
  expect(digest((await reads.bytes(path, layer)) ?? Buffer.alloc(0))).toBe(layer)
  expect(await reads.blob(path, digest(Buffer.from('no')))).toBeUndefined()
  expect(await codeOf(reads.manifest('app', '1'))).toBe('NODE_DENIED')
})

describe('what is listed', () => {
  test('are repositories by their full names, as far as a client can ask for them', async () => {
    const { registry } = await served('nginx:1', 'nginx:2', 'ghcr.io/x/y:1', 'localhost:5000/z:1')
    expect(await registry.repositories(signal)).toEqual(['docker.io/library/nginx', 'ghcr.io/x/y'])
  })

  test('are the tags of a repository, and none of a repository that is not there', async () => {
    const { registry, stored } = await served('nginx:1', 'nginx:2', 'nginx-more:3')
    const tags = (path: string) => registry.tags(repository(path), signal)
    expect((await tags('nginx'))?.toSorted()).toEqual(['1', '2'])
    expect(await tags('docker.io/library/nginx-more')).toEqual(['3'])
    expect(await tags(stored.root.toString())).toEqual(['latest'])
    expect(await tags('no/such')).toBeUndefined()
    expect(await registry.referrers(repository('nginx'), manifestOf(stored), signal)).toEqual([])
  })

  test('is nothing where the catalogue is empty', async () => {
    const { registry } = registryOf(new MemoryNode())
    expect(await registry.repositories(signal)).toEqual([])
    expect(await registry.tags(repository('nginx'), signal)).toBeUndefined()
  })
})

test('what is no image is told so', async () => {
  const { node, reads, stored } = await served()
  const root = await writeCatalogue(node, { 'app:1': stored.root })
  expect(await codeOf(reads.manifest(root.toString(), 'latest'))).toBe('NOT_AN_IMAGE')
})

describe('what was pushed', () => {
  const bytes = Buffer.from('{"pushed":true}')
  const pushed = (root?: string) => ({
    digest: digest(bytes),
    mediaType: 'application/json',
    bytes,
    ...(root === undefined ? {} : { root }),
  })

  async function withPushed(rootOf: (stored: StoredImage) => string | undefined) {
    const node = new MemoryNode()
    const stored = await keepImage(node, IMAGE, 'app:1')
    const originals = {
      manifest: async (_: unknown, reference: string) =>
        ['1', 'artifact', digest(bytes)].includes(reference) ? pushed(rootOf(stored)) : undefined,
      blob: async (_: unknown, name: string) =>
        name === digest(bytes) ? { digest: name, size: bytes.length, read: async function* () {} } : undefined,
      tags: async ({ path }: { path: string }) => (path === 'app' ? ['1', 'artifact'] : undefined),
      repositories: async () => ['docker.io/library/app', 'charts/x'],
      referrers: async () => [],
    }
    return { stored, ...registryOf(node, { pushed: originals }) }
  }

  test('comes back under its tag as long as the name means the same image', async () => {
    const { reads } = await withPushed(({ root }) => root.toString())
    expect((await reads.manifest('app', '1'))?.bytes).toEqual(bytes)
    const moved = await withPushed(() => 'another')
    expect((await moved.reads.manifest('app', '1'))?.digest).toBe(manifestOf(moved.stored))
  })

  test('comes back though it is no image, where the catalogue has none of this name', async () => {
    const { reads } = await withPushed(() => undefined)
    for (const client of [MODERN, OLD]) expect((await reads.manifest('app', 'artifact', client))?.bytes).toEqual(bytes)
    expect((await reads.manifest('app', '1'))?.bytes).not.toEqual(bytes)
  })

  test('is no answer for who wants plain layers', async () => {
    const { reads } = await withPushed(({ root }) => root.toString())
    expect(json((await reads.manifest('app', '1', OLD))?.bytes).layers).toHaveLength(2)
  })

  test('is found by its digest, and is listed', async () => {
    const { reads, registry } = await withPushed(() => undefined)
    expect((await reads.manifest('other', digest(bytes)))?.bytes).toEqual(bytes)
    expect((await reads.blob('other', digest(bytes)))?.size).toBe(bytes.length)
    expect(await registry.tags(repository('app'), signal)).toEqual(['1', 'artifact'])
    expect(await registry.repositories(signal)).toEqual(['docker.io/library/app', 'charts/x'])
  })
})

test('an image without layers, and one with a layer twice, are served', async () => {
  const node = new MemoryNode()
  const tar = tarOf([{ path: 'a', body: noise(3000, 'a') }])
  await keepImage(node, imageOf([]), 'none:1')
  await keepImage(node, imageOf([tar, tar]), 'twice:1')
  const { reads } = registryOf(node)
  expect(json((await reads.manifest('none', '1', OLD))?.bytes).layers).toEqual([])
  expect(json((await reads.manifest('twice', '1'))?.bytes).layers).toHaveLength(2)
  expect(await reads.bytes('twice', digest(tar))).toEqual(tar)
})
