import { beforeEach, describe, expect, test } from 'bun:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { parseCid } from '../../../../src/dag/cid.ts'
import { hexOf } from '../../../../src/image/canonical.ts'
import { remove } from '../../../../src/names/remove.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, imageOf, noise, small } from '../../../support/images.ts'
import { joined, memoryDoor, OCI_INDEX, OCI_MANIFEST, stream } from '../../../support/memory/door.ts'
import { keepImage, writeOn } from '../../../support/memory/keep-image.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { tarOf } from '../../../support/tar.ts'

const { signal } = new AbortController()
let node: MemoryNode
let door: ReturnType<typeof memoryDoor>
beforeEach(() => {
  node = new MemoryNode()
  door = memoryDoor(node)
})

const plain = (tar: Buffer) => tar
/** An image of another architecture. */
const arm = (name: string) => {
  const image = small(name)
  return { ...image, config: Buffer.from(image.config.toString().replace('amd64', 'arm64')) }
}
const chart = async () => {
  const config = { mediaType: 'application/vnd.cncf.helm.config.v1+json', ...(await door.pushBlob(Buffer.from('{}'))) }
  const tgz = gzipSync(tarOf([{ path: 'chart/Chart.yaml', body: Buffer.from('name: chart') }]))
  const mediaType = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'
  const layers = [{ mediaType, ...(await door.pushBlob(tgz)) }]
  return { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }
}
const named = (name: string) => node.catalogue.findName(name, signal).then(String)

describe('an image that is pushed', () => {
  test.each(['tiny', 'strange', 'large'] as const)('becomes the root that a save gives: %s', async (name) => {
    for (const pack of [gzipSync, zstdCompressSync, plain]) {
      const other = memoryDoor(new MemoryNode())
      const { root } = await other.pushImage('app', '1', GOLDEN[name](), pack)
      expect(root).toBe(GOLDEN_ROOTS[name])
    }
  })

  test('is pinned, named as its repository and tag say, and known by its IDs and layers', async () => {
    const image = GOLDEN.large()
    const { root, digest: pushed } = await door.pushImage('app', '1.2', image)
    expect(node.pins.names.get(root ?? '')).toBe('')
    // Nothing else is: what came is linked.
    expect(node.pins.names.size).toBe(1)
    expect(await named('docker.io/library/app:1.2')).toBe(root ?? '')
    for (const id of [digest(image.config), pushed]) {
      expect((await node.catalogue.findImage(id, signal))?.root.toString()).toBe(root)
    }
    for (const tar of image.layers) {
      for (const key of [digest(tar), digest(gzipSync(tar))]) {
        expect((await node.catalogue.findLayer(hexOf(key), signal))?.diffId).toBe(digest(tar))
      }
    }
  })

  test.each([
    ['ghcr.io/user/app', 'ghcr.io/user/app:1'],
    ['user/app', 'docker.io/user/app:1'],
    ['docker.io/library/app', 'docker.io/library/app:1'],
    ['plain/app', 'docker.io/library/app:1'],
  ])('to %s is called %s', async (path, name) => {
    const { root } = await door.pushImage(path, '1', small('a'))
    expect(await named(name)).toBe(root ?? '')
  })

  test.each([GOLDEN_ROOTS.tiny, 'ipns/example.org/app', 'UPPER'])('to %s is refused', async (path) => {
    await expect(door.pushImage(path, '1', small('a'))).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
    expect(await node.catalogue.entries('images', signal)).toBeUndefined()
  })

  test('is pulled again byte for byte, by its tag and its digest, after garbage collection', async () => {
    const image = GOLDEN.large()
    const { digest: pushed, bytes, root } = await door.pushImage('app', '1', image)
    await node.gc()
    for (const reference of ['1', pushed]) {
      const back = await door.pull('app', reference)
      expect(back?.bytes).toEqual(bytes)
      expect(back?.mediaType).toBe(OCI_MANIFEST)
    }
    expect((await door.pull('app', '1'))?.root).toBe(root)
    for (const tar of image.layers)
      expect(digest(await door.pullBlob(digest(gzipSync(tar))))).toBe(digest(gzipSync(tar)))
    expect(digest(await door.pullBlob(digest(image.config)))).toBe(digest(image.config))
    const blob = await door.blob(digest(image.config))
    const part = await joined(blob?.read({ offset: 3, length: 5 }, signal) ?? stream([]))
    expect(part.toString()).toBe(image.config.toString().slice(3, 8))
    expect(await door.pushed.tags(door.repository('app'), signal)).toEqual(['1'])
    expect(await door.pushed.repositories(signal)).toEqual(['docker.io/library/app'])
  })

  test('is not read again where its layers are known, whatever it calls them', async () => {
    const image = GOLDEN.large()
    const stored = await keepImage(node, image, 'app:1')
    const documents = new Map([[digest(image.config), image.config]])
    const read: string[] = []
    const sizes = new Map(
      stored.layers.flatMap((l) => [[l.diffId, l.tarSize] as const, [l.blobDigest, l.blob.fileSize] as const]),
    )
    const reading = {
      blob: async (_: unknown, wanted: string) => {
        const size = documents.get(wanted)?.length ?? sizes.get(wanted)
        if (size === undefined) return undefined
        return {
          digest: wanted,
          size,
          async *read() {
            read.push(wanted)
            yield documents.get(wanted) ?? Buffer.alloc(0)
          },
        }
      },
    }
    const again = memoryDoor(node, reading)
    const config = {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      digest: digest(image.config),
      size: image.config.length,
    }
    const mediaType = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
    for (const [tag, key] of [
      ['2', 'diffId'],
      ['3', 'blobDigest'],
    ] as const) {
      const layers = stored.layers.map((layer) => ({ mediaType, digest: layer[key], size: sizes.get(layer[key]) }))
      const put = await again.put('app', tag, {
        schemaVersion: 2,
        config,
        layers,
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      })
      expect(put.root).toBe(stored.root.toString())
    }
    expect(new Set(read)).toEqual(new Set([digest(image.config)]))
  })

  test('that shares layers with another is made of the blobs that are here', async () => {
    const [base, app] = [GOLDEN.large().layers, tarOf([{ path: 'app', body: noise(9000, 'app') }])] as const
    await door.pushImage('base', '1', imageOf(base))
    const image = imageOf([...base, app])
    const layers = image.layers.map((tar) => gzipSync(tar))
    await door.pushBlob(layers.at(-1) as Buffer)
    await door.pushBlob(image.config)
    const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip'
    const refs = layers.map((blob) => ({ mediaType, digest: digest(blob), size: blob.length }))
    for (const { digest: layer } of refs)
      expect(await door.writer.mount(door.repository('app'), layer, 'base', signal)).toBe(true)
    const config = {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digest(image.config),
      size: image.config.length,
    }
    const { root } = await door.put('app', '1', { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: refs })
    expect(root).toBe((await writeOn(new MemoryNode(), image)).root.toString())
  })

  test('is made of the kept blobs where what was made of them has gone', async () => {
    const image = GOLDEN.large()
    await door.pushImage('app', undefined, image)
    // Of the upload the blob alone stays.
    const later = memoryDoor(node, {}, -1)
    const { root } = await later.put('other', '1', await chart())
    expect(root).toBeUndefined()
    expect(await node.originals.uploads(signal)).toEqual([])
    await node.gc()
    const pushed = await door.pull('app', digest(imageManifest(image)))
    const again = await door.put('app', '1', Buffer.from(pushed?.bytes ?? []))
    expect(again.root).toBe(GOLDEN_ROOTS.large)
  })

  test('without all of its blobs is refused, and leaves no name', async () => {
    const image = small('a')
    await door.pushBlob(image.config)
    await expect(door.put('app', '1', imageManifest(image))).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(await door.pull('app', '1')).toBeUndefined()
    expect(await named('docker.io/library/app:1')).toBe('undefined')
  })

  test('whose layers are not those of its config is kept, and is no image', async () => {
    const image = { ...small('a'), layers: small('b').layers }
    const { root, bytes } = await door.pushImage('app', '1', image)
    expect(root).toBeUndefined()
    expect((await door.pull('app', '1'))?.bytes).toEqual(bytes)
    expect(node.pins.names.size).toBe(0)
    expect(door.warnings.length).toBe(1)
  })

  test('with a layer that is nowhere but at an address of its own is kept, and is no image', async () => {
    const image = small('a')
    await door.pushBlob(image.config)
    const manifest = JSON.parse(imageManifest(image).toString())
    manifest.layers[0].mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
    manifest.layers[0].urls = ['https://example.org/layer']
    const bytes = Buffer.from(JSON.stringify(manifest))
    expect((await door.put('app', '1', bytes)).root).toBeUndefined()
    expect((await door.pull('app', '1'))?.bytes).toEqual(bytes)
    await door.pushBlob(gzipSync(image.layers[0] as Buffer))
    expect((await door.put('app', '1', bytes)).root).toBeDefined()
  })

  test('gives way to what takes its name later', async () => {
    await door.pushImage('app', '1', small('a'))
    const { root } = await keepImage(node, small('b'), 'app:1')
    expect(await door.pull('app', '1')).toBeUndefined()
    expect(await door.pushed.tags(door.repository('app'), signal)).toBeUndefined()
    expect(await named('docker.io/library/app:1')).toBe(root.toString())
  })

  test('is stored once where docker-ipfs packed its layers', async () => {
    const image = GOLDEN.large()
    const stored = await writeOn(new MemoryNode(), image)
    const source = new MemoryNode()
    const { layers } = await writeOn(source, image)
    const packed = new Map(layers.map((layer) => [layer.diffId, Buffer.from(source.blocks.read(layer.blob.cid))]))
    const { root } = await door.pushImage('app', '1', image, (tar) => packed.get(digest(tar)) as Buffer)
    expect(root).toBe(stored.root.toString())
    const total = [...node.blocks.blocks.values()].reduce((sum, { length }) => sum + length, 0)
    expect(total).toBeLessThan(1.02 * layers.reduce((sum, { blob }) => sum + blob.fileSize, 0) + 20_000)
  })
})

/** As `pushImage` puts it. */
function imageManifest(image: ReturnType<typeof small>): Buffer {
  const ref = (mediaType: string, bytes: Uint8Array) => ({ mediaType, digest: digest(bytes), size: bytes.length })
  const layers = image.layers.map((tar) => ref('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar)))
  const config = ref('application/vnd.oci.image.config.v1+json', image.config)
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }))
}

describe('an index that is pushed', () => {
  const platform = (architecture: string) => ({ architecture, os: 'linux' })

  async function pushIndex(tag: string) {
    const images = [small('a'), arm('b')]
    const manifests = []
    for (const image of images) {
      const { digest, size, mediaType, root } = await door.pushImage('app', undefined, image)
      expect(root).toBeUndefined()
      manifests.push({ mediaType, digest, size, platform: platform(image === images[0] ? 'amd64' : 'arm64') })
    }
    const config = {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      ...(await door.pushBlob(Buffer.from('{"a":1}'))),
    }
    const layers = [{ mediaType: 'application/vnd.in-toto+json', ...(await door.pushBlob(Buffer.from('{"b":1}'))) }]
    const attestation = await door.put('app', undefined, { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers })
    const { digest, size, mediaType } = attestation
    const index = {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [...manifests, { mediaType, digest, size, platform: { architecture: 'unknown', os: 'unknown' } }],
    }
    return { images, put: await door.put('app', tag, index) }
  }

  test('becomes the image of its platforms, without its attestations', async () => {
    const { images, put } = await pushIndex('1')
    expect(put.root).toBe((await writeOn(new MemoryNode(), ...images)).root.toString())
    expect((await node.catalogue.findImage(put.digest, signal))?.root.toString()).toBe(put.root)
    await node.gc()
    const pushed = await door.pull('app', '1')
    expect(pushed?.bytes).toEqual(put.bytes)
    for (const { digest } of JSON.parse(Buffer.from(put.bytes).toString()).manifests) {
      expect(await door.pull('app', digest)).toBeDefined()
    }
  })

  test('is refused without its manifests', async () => {
    const manifests = [
      { mediaType: OCI_MANIFEST, digest: digest(Buffer.from('x')), size: 1, platform: platform('amd64') },
    ]
    const put = door.put('app', '1', { schemaVersion: 2, mediaType: OCI_INDEX, manifests })
    await expect(put).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })

  test('of no images is kept', async () => {
    const { digest, size, mediaType } = await door.put('x', undefined, await chart())
    const put = await door.put('x', 'charts', {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ digest, size, mediaType }],
    })
    expect(put.root).toBeUndefined()
    expect((await door.pull('x', 'charts'))?.bytes).toEqual(put.bytes)
  })
})

describe('what is no image', () => {
  test('is kept byte for byte, and its name can be removed', async () => {
    const value = await chart()
    const { root, bytes, digest: pushed } = await door.put('charts/web', '1.0', value)
    expect(root).toBeUndefined()
    await node.gc()
    expect((await door.pull('charts/web', '1.0'))?.bytes).toEqual(bytes)
    for (const { digest: blob } of [value.config, ...value.layers]) expect(digest(await door.pullBlob(blob))).toBe(blob)
    expect(node.pins.names.size).toBe(0)
    const { untagged } = await remove('charts/web:1.0', { ...door, signal })
    expect(untagged).toEqual(['docker.io/charts/web:1.0'])
    expect(await door.pull('charts/web', '1.0')).toBeUndefined()
    expect(await door.pull('charts/web', pushed)).toBeDefined()
  })

  test('takes a name from an image, and gives it back to the next', async () => {
    const { root } = await door.pushImage('app', '1', small('a'))
    const { bytes } = await door.put('app', '1', await chart())
    expect((await door.pull('app', '1'))?.bytes).toEqual(bytes)
    expect(await named('docker.io/library/app:1')).toBe('undefined')
    const again = await door.pushImage('app', '1', small('a'))
    expect(again.root).toBe(root)
    expect((await door.pull('app', '1'))?.root).toBe(root)
  })

  test('is found by what it belongs to', async () => {
    const { digest: subject, size } = await door.pushImage('app', '1', small('a'))
    const signature = {
      ...(await chart()),
      artifactType: 'application/vnd.example.signature',
      subject: { mediaType: OCI_MANIFEST, digest: subject, size },
      annotations: { by: 'somebody' },
    }
    const put = await door.put('app', undefined, signature)
    expect(put.subject).toBe(subject)
    expect(await door.referrers(subject)).toEqual([
      {
        mediaType: OCI_MANIFEST,
        digest: put.digest,
        size: put.size,
        artifactType: 'application/vnd.example.signature',
        annotations: { by: 'somebody' },
      },
    ])
    expect(await door.writer.deleteManifest(door.repository('app'), put.digest, signal)).toBe(true)
    expect(await door.referrers(subject)).toEqual([])
  })

  test.each([
    ['no JSON', Buffer.from('{')],
    ['a list', Buffer.from('[]')],
    ['schema 1', Buffer.from('{"schemaVersion":1,"fsLayers":[]}')],
    ['without a config', Buffer.from('{"schemaVersion":2,"layers":[]}')],
    ['a digest that is none', Buffer.from('{"config":{"digest":"sha256:x","size":1},"layers":[]}')],
    ['a size that is none', Buffer.from(`{"config":{"digest":"${digest(Buffer.of())}","size":-1},"layers":[]}`)],
  ])('is refused where it cannot be read: %s', async (_, bytes) => {
    const manifest = { digest: digest(bytes), mediaType: OCI_MANIFEST, bytes }
    const put = door.writer.putManifest(door.repository('app'), '1', manifest, signal)
    await expect(put).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  })

  test('whose blob has another size than it says is refused', async () => {
    const value = await chart()
    const layers = value.layers.map((layer) => ({ ...layer, size: layer.size + 1 }))
    await expect(door.put('x', '1', { ...value, layers })).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  })
})

describe('a blob that comes', () => {
  test('stays through garbage collection until its manifest comes, and goes when nobody wants it', async () => {
    const tar = gzipSync(GOLDEN.large().layers[0] as Buffer)
    const { digest: kept } = await door.pushBlob(tar)
    const received = await door.writer.receive(
      door.repository('app'),
      stream([Buffer.from('unwanted')]),
      signal,
      () => ({}),
    )
    await received.forget()
    await node.gc()
    expect(digest(await door.pullBlob(kept))).toBe(kept)
    expect(await door.blob(digest(Buffer.from('unwanted')))).toBeUndefined()
    expect(node.pins.names.size).toBe(0)
  })

  test('goes in time where no manifest names it, and stays where one does', async () => {
    const { digest: lost } = await door.pushBlob(gzipSync(small('lost').layers[0] as Buffer))
    const { layers, config } = await chart()
    const kept = [config.digest, layers[0]?.digest ?? '']
    await memoryDoor(node, {}, -1).put('x', '1', { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers })
    expect(await node.originals.uploads(signal)).toEqual([])
    expect(await door.blob(lost)).toBeUndefined()
    await node.gc()
    for (const blob of kept) expect(digest(await door.pullBlob(blob))).toBe(blob)
  })

  test('is not mounted where HEAD does not tell of it: a tar by its diffID', async () => {
    const wanted = digest(Buffer.from('a tar'))
    const blob = { digest: wanted, size: 5, read: () => stream([Buffer.from('a tar')]) }
    const read = memoryDoor(node, { blob: async (_, __, client) => (client.onlyLooks ? undefined : blob) })
    expect(await read.writer.mount(door.repository('x'), wanted, 'y', signal)).toBe(false)
    const any = memoryDoor(node, { blob: async () => blob })
    expect(await any.writer.mount(door.repository('x'), wanted, 'y', signal)).toBe(true)
  })

  test('can be deleted', async () => {
    const { digest: blob } = await door.pushBlob(Buffer.from('x'))
    expect(await door.writer.deleteBlob(door.repository('x'), blob, signal)).toBe(true)
    expect(await door.writer.deleteBlob(door.repository('x'), blob, signal)).toBe(false)
    expect(await door.blob(blob)).toBeUndefined()
    expect(await door.writer.mount(door.repository('x'), blob, undefined, signal)).toBe(false)
  })
})

describe('a deletion', () => {
  test('of a tag takes the image too where it was the last', async () => {
    const { root = '' } = await door.pushImage('app', '1', small('a'))
    await door.pushImage('app', '2', small('a'))
    const app = door.repository('app')
    expect(await door.writer.deleteManifest(app, '1', signal)).toBe(true)
    expect(await door.writer.deleteManifest(app, '1', signal)).toBe(false)
    expect(await node.pins.isPinned(parseCid(root))).toBe(true)
    expect(await door.pushed.tags(app, signal)).toEqual(['2'])
    expect(await door.writer.deleteManifest(app, '2', signal)).toBe(true)
    expect(await node.pins.isPinned(parseCid(root))).toBe(false)
  })

  test('by digest takes the tags of this repository, and none that stands for something else', async () => {
    const { digest: pushed } = await door.pushImage('app', '1', small('a'))
    await door.pushImage('app', '2', small('a'))
    await door.pushImage('other', '1', small('a'))
    await keepImage(node, small('b'), 'app:2')
    expect(await door.writer.deleteManifest(door.repository('app'), pushed, signal)).toBe(true)
    expect(await named('docker.io/library/app:1')).toBe('undefined')
    expect(await named('docker.io/library/app:2')).not.toBe('undefined')
    expect(await named('docker.io/library/other:1')).not.toBe('undefined')
    expect(await door.writer.deleteManifest(door.repository('app'), pushed, signal)).toBe(false)
  })
})
