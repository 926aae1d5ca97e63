import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { openWhole } from '../../../src/read/open-image.ts'
import { ImageDocuments } from '../../../src/registry/documents.ts'
import { digest, imageOf, noise, type TestImage } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import { writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { tarOf } from '../../support/tar.ts'

/** More runs where somebody has the time: PROPERTY_RUNS=10000. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 50)
const signal = new AbortController().signal
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'

async function documentsOf(...platforms: TestImage[]) {
  const node = new MemoryNode()
  const { root } = await writeOn(node, ...platforms)
  return new ImageDocuments(await openWhole(root, { blocks: node.blocks, signal, timeoutMs: 1000 }))
}

const json = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString())
const descriptor = (mediaType: string, bytes: Uint8Array) => ({ mediaType, digest: digest(bytes), size: bytes.length })
const PLAIN = { isPlain: true, takesIndex: true }
const PACKED = { isPlain: false, takesIndex: true }
const layerTar = (seed: string) => tarOf([{ path: seed, body: noise(seed.length * 400, seed) }])
const seeds = fc.array(fc.constantFrom('a', 'bb', 'ccc', 'dddd'), { maxLength: 6 })

describe('plain manifests', () => {
  test('name the config and the layer tars as they are, whatever the image', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (layers) => {
        const image = imageOf(layers.map(layerTar))
        const documents = await documentsOf(image)
        const plain = documents.manifest(PLAIN)
        expect(plain).toMatchObject({ digest: digest(plain.bytes), mediaType: MANIFEST })
        expect(json(plain.bytes)).toEqual({
          schemaVersion: 2,
          mediaType: MANIFEST,
          config: descriptor('application/vnd.oci.image.config.v1+json', image.config),
          layers: image.layers.map((tar) => descriptor('application/vnd.oci.image.layer.v1.tar', tar)),
        })
        expect(documents.manifestOf(plain.digest)).toEqual(plain)
      }),
      { numRuns: RUNS },
    )
  })

  test('are the same bytes wherever the image is read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(seeds, { minLength: 1, maxLength: 4 }), async (platforms) => {
        const images = platforms.map((layers, at) => forPlatform(imageOf(layers.map(layerTar)), 'arm', `v${at + 5}`))
        const [one, two] = [await documentsOf(...images), await documentsOf(...images.toReversed())]
        expect(one.manifest(PLAIN)).toEqual(two.manifest(PLAIN))
      }),
      { numRuns: RUNS },
    )
  })

  test('of several platforms are in an index of the same shape as that of the format', async () => {
    const [amd64, arm64] = [imageOf([layerTar('a')]), forPlatform(imageOf([layerTar('bb')]), 'arm64', '')]
    const documents = await documentsOf(amd64, arm64)
    const [plain, packed] = [documents.manifest(PLAIN), documents.manifest(PACKED)]
    expect([plain.mediaType, packed.mediaType]).toEqual([INDEX, INDEX])
    const platforms = ({ bytes }: typeof plain) =>
      json(bytes).manifests.map((entry: { platform: unknown }) => entry.platform)
    expect(platforms(plain)).toEqual(platforms(packed))
    for (const entry of json(plain.bytes).manifests) {
      const manifest = documents.manifestOf(entry.digest)
      expect(manifest).toMatchObject({ mediaType: MANIFEST, bytes: { length: entry.size } })
      expect(json(manifest?.bytes ?? Buffer.alloc(0)).layers).toHaveLength(1)
    }
  })
})

describe('a client that takes no index', () => {
  test.each([true, false])('gets the manifest for this machine (plain layers: %p)', async (isPlain) => {
    const here = process.arch === 'arm64' ? 'arm64' : 'amd64'
    const mine = forPlatform(imageOf([layerTar('a')]), here, '')
    const documents = await documentsOf(forPlatform(imageOf([layerTar('bb')]), 's390x', ''), mine)
    const { mediaType, bytes } = documents.manifest({ isPlain, takesIndex: false })
    expect([mediaType, json(bytes).config.digest]).toEqual([MANIFEST, digest(mine.config)])
  })

  test('is told which platforms there are, where none of them runs here', async () => {
    const documents = await documentsOf(
      ...['s390x', 'ppc64le'].map((name) => forPlatform(imageOf([layerTar(name)]), name, '')),
    )
    expect(() => documents.manifest({ isPlain: false, takesIndex: false })).toThrow(
      /^the image has no linux\/\w+, only linux\/ppc64le, linux\/s390x$/,
    )
  })

  test('gets the only manifest of an image of one platform, whatever that is', async () => {
    const documents = await documentsOf(forPlatform(imageOf([layerTar('a')]), 's390x', ''))
    expect(documents.manifest({ isPlain: false, takesIndex: false })).toEqual(documents.manifest(PACKED))
  })
})
