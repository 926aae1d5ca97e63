import { beforeEach, describe, expect, test } from 'bun:test'
import { zstdCompressSync } from 'node:zlib'
import { rawBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { type DagNode, writeDirectory, writeFile } from '../../../src/format/files.ts'
import { writeImageDag } from '../../../src/format/image-dag.ts'
import type { Layer } from '../../../src/format/layer.ts'
import type { VerifyOptions } from '../../../src/inspect/verify.ts'
import { verify } from '../../../src/inspect/verify.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, small, type TestImage, twoLayers } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import { keepImage, type StoredImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { useCase } from '../../support/memory/use-case.ts'

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})

const verdict = (root: CID | string, more: Partial<VerifyOptions> = {}) =>
  verify(`${root}`, { ...useCase(node, 50), ...more })
const faultsOf = async (root: CID | string) => (await verdict(root)).faults
const blobPath = (text: string) => `blobs/sha256/${text.slice(7)}`

describe('an image that is whole', () => {
  test.each<[string, () => TestImage, number]>([
    ['tiny', GOLDEN.tiny, 1],
    ['strange', GOLDEN.strange, 2],
    ['of two layers', twoLayers, 2],
  ])('has no fault: %s', async (_, image, layers) => {
    const { root } = await keepImage(node, image(), 'app:1')
    const bytes = new Set(image().layers.map((tar) => tar.toString('latin1')))
    const sum = [...bytes].reduce((total, { length }) => total + length, 0)
    const found = await verdict('app:1')
    expect({ ...found, root: String(found.root) }).toEqual({
      root: String(root),
      platforms: 1,
      layers,
      bytes: sum,
      faults: [],
    })
  })

  test('of several platforms is looked at as a whole, or one of them', async () => {
    const { root } = await writeOn(node, twoLayers(), forPlatform(GOLDEN.tiny(), 'arm64'))
    expect(await verdict(root)).toMatchObject({ platforms: 2, layers: 3, faults: [] })
    expect(await verdict(root, { platform: 'arm64' })).toMatchObject({ platforms: 1, layers: 1, faults: [] })
    await expect(verdict(root, { platform: 's390x' })).rejects.toMatchObject({ code: 'PLATFORM_NOT_FOUND' })
  })

  test('may be with another node', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    const other = new MemoryNode('there')
    other.connect(node)
    expect((await verify(String(root), useCase(other))).faults).toContainEqual(
      expect.stringMatching(/^the node lacks the block .* of documents, directories or image\.tar$/),
    )
    await other.pins.pin(root, '', useCase(other).signal)
    expect((await verify(String(root), useCase(other))).faults).toEqual([])
  })
})

describe('a block that is', () => {
  let stored: StoredImage
  beforeEach(async () => {
    stored = await keepImage(node, twoLayers(), 'app:1')
  })

  /** A leaf of a layer's blob, and where it is in that. */
  function leafOf(layer: Layer | undefined, at: number) {
    const links = node.blocks.links(layer?.blob.cid as CID)
    const offset = links.slice(0, at).reduce((sum, { Tsize = 0 }) => sum + Tsize, 0)
    const { Hash, Tsize = 0 } = links[at] ?? {}
    return { cid: Hash as CID, offset, end: offset + Tsize - 1 }
  }
  const layerName = (at: number) => `layer ${at} of 2 (${stored.layers[at - 1]?.diffId})`

  test('missing is told, with its place in the blob, in the tar, and the file that it is in', async () => {
    const { cid, offset, end } = leafOf(stored.layers[0], 1)
    const first = node.blocks.blocks.get(leafOf(stored.layers[0], 0).cid.toString())
    node.blocks.blocks.delete(cid.toString())
    const inTar = Bun.zstdDecompressSync(first ?? new Uint8Array(0)).length
    expect(await faultsOf(stored.root)).toEqual([
      `${layerName(1)}: the block ${cid} is not on the node: bytes ${offset} to ${end} of the blob, from byte ${inTar} of the tar, in data/base`,
    ])
  })

  test('damaged is told in the same way, and the layers above are looked at too', async () => {
    const [one, other] = [leafOf(stored.layers[0], 0), leafOf(stored.layers[1], 0)]
    for (const { cid } of [one, other]) node.blocks.blocks.set(cid.toString(), Buffer.from('damaged'))
    const place = ({ offset, end }: typeof one) => `bytes ${offset} to ${end} of the blob, from byte 0 of the tar`
    expect(await faultsOf(stored.root)).toEqual([
      `${layerName(1)}: the block ${one.cid} does not match its CID: ${place(one)}`,
      `${layerName(2)}: the block ${other.cid} does not match its CID: ${place(other)}`,
    ])
  })

  test('missing in another than a layer is told as such', async () => {
    const tar = node.blocks.links(stored.root).find(({ Name }) => Name === 'image.tar')?.Hash as CID
    const header = node.blocks.links(tar)[0]?.Hash as CID
    node.blocks.blocks.delete(header.toString())
    expect(await faultsOf(stored.root)).toEqual([
      `the node lacks the block ${header} of documents, directories or image.tar`,
    ])
  })

  test('missing above a whole blob is told once', async () => {
    const { cid, fileSize } = stored.layers[1]?.blob ?? stored.dag.root
    node.blocks.blocks.delete(cid.toString())
    expect(await faultsOf(stored.root)).toEqual([
      `${layerName(2)}: the block ${cid} is not on the node: bytes 0 to ${fileSize - 1} of the blob, from byte 0 of the tar`,
    ])
  })

  test('lost among many is told ten times, and the rest is counted', async () => {
    const large = await keepImage(node, GOLDEN.large(), 'big:1')
    const leaves = node.blocks.links(large.layers[0]?.blob.cid as CID)
    for (const { Hash } of leaves) node.blocks.blocks.delete(Hash.toString())
    const faults = await faultsOf(large.root)
    expect(faults).toHaveLength(11)
    expect(faults.at(-1)).toEndWith(`: ${leaves.length - 10} more of its blocks are lost or damaged`)
  })

  test('missing in an image of several platforms is told with the platform', async () => {
    const both = await writeOn(node, GOLDEN.tiny(), forPlatform(small('arm'), 'arm64'))
    node.blocks.blocks.delete(both.layers[1]?.blob.cid.toString() ?? '')
    const [fault, ...more] = await faultsOf(both.root)
    expect(fault).toStartWith(`linux/arm64, layer 1 of 1 (${both.layers[1]?.diffId}): the block `)
    expect(more).toEqual([])
    expect(await verdict(both.root, { platform: 'amd64' })).toMatchObject({ faults: [] })
  })
})

describe('an image that somebody else has put together', () => {
  /** The image with other files in its directory. */
  async function changed(root: CID, change: (top: Map<string, DagNode>, blobs: Map<string, DagNode>) => unknown) {
    const entries = (cid: CID) =>
      new Map(
        node.blocks
          .links(cid)
          .map(({ Name = '', Hash, Tsize = 0 }) => [Name, { cid: Hash, fileSize: 0, dagSize: Tsize }]),
      )
    const top = entries(root)
    const above = entries(top.get('blobs')?.cid as CID)
    const blobs = entries(above.get('sha256')?.cid as CID)
    change(top, blobs)
    const sha256 = await writeDirectory(blobs, node.blocks)
    top.set('blobs', await writeDirectory(new Map([['sha256', sha256]]), node.blocks))
    return (await writeDirectory(top, node.blocks)).cid
  }

  /** The tiny image with something else for its layer. */
  async function withLayer(more: (layer: Layer) => Partial<Layer>): Promise<CID> {
    const { layers } = await writeOn(node, GOLDEN.tiny())
    const [layer] = layers
    if (layer === undefined) throw new Error('no layer')
    return (await writeImageDag(GOLDEN.tiny().config, [{ ...layer, ...more(layer) }], node.blocks)).root.cid
  }
  const [tar = Buffer.alloc(0)] = GOLDEN.tiny().layers
  const name = `layer 1 of 1 (${digest(tar)})`

  test('lacks a file, or has one too many, or another', async () => {
    const { root } = await writeOn(node, GOLDEN.tiny())
    const extra = await writeFile(Buffer.from('x'), node.blocks)
    const wrong = await changed(root, (top) => {
      top.delete('manifest.json')
      top.set('extra', extra)
      top.set('image.tar', extra)
    })
    const tarCid = node.blocks.links(root).find(({ Name }) => Name === 'image.tar')?.Hash
    expect(await faultsOf(wrong)).toEqual([
      'manifest.json is missing',
      'extra does not belong to the image',
      `image.tar is ${extra.cid}, but should be ${tarCid}`,
    ])
  })

  test('lacks the blob of a layer: then only names are told of the rest', async () => {
    const { root, layers } = await writeOn(node, GOLDEN.tiny())
    const extra = await writeFile(Buffer.from('x'), node.blocks)
    const path = blobPath(layers[0]?.blobDigest ?? '')
    const wrong = await changed(root, (top, blobs) => {
      blobs.delete(path.slice('blobs/sha256/'.length))
      blobs.set('0'.repeat(64), extra)
      top.delete('oci-layout')
      top.set('oci-layout', extra)
      top.delete('manifest.json')
    })
    expect(await faultsOf(wrong)).toEqual([
      `${name}: its blob is missing: ${path}`,
      'manifest.json is missing',
      `blobs/sha256/${'0'.repeat(64)} does not belong to the image`,
    ])
  })

  test('has a layer that is packed in another way', async () => {
    const packed = zstdCompressSync(tar)
    const blob = await writeFile(packed, node.blocks)
    const { layers } = await writeOn(node, GOLDEN.tiny())
    const [fault, ...more] = await faultsOf(await withLayer(() => ({ blob, blobDigest: digest(packed) })))
    const ours = layers[0]?.blobDigest
    expect(fault).toBe(
      `${name}: the digest of the blob, cut and packed anew, is ${ours}, but should be ${digest(packed)}`,
    )
    expect(more).toEqual([])
  })

  test('has a layer of another size than it says', async () => {
    const size = tar.length
    const wrong = await withLayer((layer) => ({ tarSize: layer.tarSize + 1 }))
    expect(await faultsOf(wrong)).toEqual([`${name}: the size of the tar is ${size}, but should be ${size + 1}`])
  })

  test('has a layer that its config does not know', async () => {
    const { layers } = await writeOn(node, GOLDEN.tiny())
    const { root } = await writeImageDag(small('other').config, layers, node.blocks)
    const other = small('other').diffIds[0]
    expect(await faultsOf(root.cid)).toEqual([
      `layer 1 of 1 (${other}): the diffID is ${digest(tar)}, but should be ${other}`,
    ])
  })
})

test('what is no image cannot be gone through', async () => {
  const leaf = rawBlock(Buffer.from('x'))
  await node.blocks.put(leaf)
  await expect(verdict(leaf.cid)).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' })
  await expect(verdict(GOLDEN_ROOTS.large)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  await expect(verdict('app:1')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
  await expect(verdict(leaf.cid, { platform: 'a/b/c/d' })).rejects.toMatchObject({ code: 'BAD_FLAG' })
})
