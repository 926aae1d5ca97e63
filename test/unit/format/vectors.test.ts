import { describe, expect, test } from 'bun:test'
import { zstdDecompressSync } from 'node:zlib'
import { Chunker } from '../../../src/format/chunker.ts'
import { writeImage } from '../../../src/format/image-dag.ts'
import { writeLayer } from '../../../src/format/layer.ts'
import { digest } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'
import { imageVectors, layerVectors, unxz } from '../../support/vectors.ts'

const layers = layerVectors()
const images = imageVectors()

test('no vector is lost, and no two have the same name', () => {
  expect([layers.length, images.length]).toEqual([57 + 23, 10])
  expect(new Set([...layers, ...images].map(({ name }) => name)).size).toBe(layers.length + images.length)
})

describe('the layer', () => {
  test.each(layers.map((vector) => [vector.name, vector] as const))('"%s" is cut and stored so', async (_, vector) => {
    const tar = unxz(vector.tarXzBase64)
    expect({ tarSize: tar.length, diffId: digest(tar) }).toEqual({ tarSize: vector.tarSize, diffId: vector.diffId })

    const sink = new MemorySink()
    const { diffId, tarSize, blobDigest, blob } = await writeLayer(inPieces(tar), sink)
    expect({ diffId, tarSize }).toEqual({ diffId: vector.diffId, tarSize: vector.tarSize })
    expect({ digest: blobDigest, size: blob.fileSize, cid: blob.cid.toString() }).toEqual(vector.blob)

    const stored = sink.read(blob.cid)
    expect({ digest: digest(stored), size: stored.length }).toMatchObject({
      digest: vector.blob.digest,
      size: vector.blob.size,
    })
    expect(zstdDecompressSync(stored).equals(tar)).toBe(true)
  })

  test.each(layers.map((vector) => [vector.name, vector] as const))('"%s" has these chunks', (_, vector) => {
    const chunker = new Chunker()
    const chunks = [...chunker.write(unxz(vector.tarXzBase64)), ...chunker.end()]
    expect(chunks.map((chunk) => chunk.length)).toEqual([...vector.chunks])
  })
})

describe('the image', () => {
  test.each(images.map((vector) => [vector.name, vector] as const))('"%s" has this root', async (_, vector) => {
    const sink = new MemorySink()
    const platforms = []
    for (const { config, layersXzBase64 } of vector.platforms) {
      const written = []
      for (const tar of layersXzBase64) written.push(await writeLayer(inPieces(unxz(tar)), sink))
      platforms.push({ configBytes: Buffer.from(config), layers: written })
    }
    const { root, manifestDigest, configDigest } = await writeImage(platforms, sink)
    expect({ root: root.cid.toString(), manifestDigest, configDigest }).toEqual({
      root: vector.root,
      manifestDigest: vector.manifestDigest,
      configDigest: vector.configDigest,
    })

    const imageTar = sink.links(root.cid).find(({ Name }) => Name === 'image.tar')?.Hash ?? root.cid
    const bytes = sink.read(imageTar)
    expect({ cid: imageTar.toString(), size: bytes.length, digest: digest(bytes) }).toEqual(vector.imageTar)
  })
})

async function* inPieces(bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 10_007) yield bytes.subarray(at, at + 10_007)
}
