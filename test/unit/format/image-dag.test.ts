import { describe, expect, test } from 'bun:test'
import { zstdDecompressSync } from 'node:zlib'
import { writeImage } from '../../../src/format/image-dag.ts'
import { writeLayer } from '../../../src/format/layer.ts'
import { readSavedImage } from '../../../src/image/saved/saved-image.ts'
import { archive20, archiveOci, digest, GOLDEN, GOLDEN_ROOTS, type TestImage } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'

async function save(archive: Buffer, image: TestImage) {
  const sink = new MemorySink()
  const saved = await readSavedImage(pieces(archive), {
    diffIds: new Set(image.diffIds),
    onLayer: (tar) => writeLayer(tar, sink),
  })
  return { sink, ...(await writeImage(saved.platforms, sink)) }
}

async function* pieces(bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

describe('the image DAG', () => {
  for (const name of ['tiny', 'strange', 'large'] as const) {
    const image = GOLDEN[name]()

    test(`the golden image "${name}" has its root CID from every archive layout`, async () => {
      const roots = []
      for (const archive of [archive20(image), archiveOci(image, 'plain'), archiveOci(image, 'gzip')]) {
        roots.push((await save(archive, image)).root.cid.toString())
      }
      expect(roots).toEqual([GOLDEN_ROOTS[name], GOLDEN_ROOTS[name], GOLDEN_ROOTS[name]])
    })

    test(`"${name}" is an OCI layout whose layers are the original tars`, async () => {
      const { sink, root, manifestDigest } = await save(archive20(image), image)
      const index = JSON.parse(sink.read(root.cid, 'index.json').toString())
      expect(index.manifests).toHaveLength(1)
      expect(index.manifests[0].digest).toBe(manifestDigest)
      const manifest = JSON.parse(blob(sink, root, manifestDigest).toString())
      expect(blob(sink, root, manifest.config.digest).equals(image.config)).toBe(true)
      for (const [at, layer] of manifest.layers.entries()) {
        const bytes = blob(sink, root, layer.digest)
        expect(bytes.length).toBe(layer.size)
        expect(digest(bytes)).toBe(layer.digest)
        expect(zstdDecompressSync(bytes).equals(image.layers[at] as Buffer)).toBe(true)
      }
    })
  }

  test('image.tar holds the very same files, byte by byte', async () => {
    const image = GOLDEN.large()
    const { sink, root } = await save(archive20(image), image)
    const tar = sink.read(root.cid, 'image.tar')
    const seen: string[] = []
    for (let at = 0; tar[at] !== 0; ) {
      const path = tar.toString('latin1', at, tar.indexOf(0, at))
      const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8)
      expect(tar.subarray(at + 512, at + 512 + size).equals(sink.read(root.cid, path))).toBe(true)
      seen.push(path)
      at += 512 + Math.ceil(size / 512) * 512
    }
    expect(seen.slice(0, 3)).toEqual(['oci-layout', 'index.json', 'manifest.json'])
    expect(seen).toHaveLength(7)
    expect(tar.length % 512).toBe(0)
  })

  test('image.tar adds no block with layer bytes', async () => {
    const image = GOLDEN.large()
    const { sink } = await save(archive20(image), image)
    const stored = [...sink.blocks.values()].reduce((sum, block) => sum + block.length, 0)
    const layers = image.layers.reduce((sum, layer) => sum + layer.length, 0)
    expect(stored).toBeLessThan(layers)
  })
})

test('an image of no platform, and one whose config is no JSON in UTF-8, are refused', async () => {
  await expect(writeImage([], new MemorySink())).rejects.toThrow('the image has no platform')
  for (const config of [Buffer.from('no JSON'), Buffer.from('{"os":"\xff"}', 'latin1'), Buffer.from('[]')]) {
    const work = writeImage([{ configBytes: config, layers: [] }], new MemorySink())
    await expect(work).rejects.toThrow('the image config cannot be read')
  }
})

function blob(sink: MemorySink, root: { cid: Parameters<MemorySink['read']>[0] }, digestOf: string): Buffer {
  return sink.read(root.cid, `blobs/sha256/${digestOf.slice(7)}`)
}
