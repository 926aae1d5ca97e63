import { expect, test } from 'bun:test'
import { pathOf } from '../../../src/dag/block-source.ts'
import { parseCid } from '../../../src/dag/cid.ts'
import { blobFile, distinct, layersIn } from '../../../src/read/layers.ts'
import { collect } from '../../../src/streams.ts'
import { digest, GOLDEN_ROOTS, twoLayers } from '../../support/images.ts'
import { layeredImage } from '../../support/layered.ts'
import { writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'

test('a blob stands where the format says', () => {
  const [root, name] = [parseCid(GOLDEN_ROOTS.tiny), digest(Buffer.from('blob'))]
  expect(pathOf(blobFile(root, name))).toBe(`/ipfs/${root}/blobs/sha256/${name.slice(7)}`)
  expect(blobFile(root, name).digest).toBe(name)
})

test('a layer is read from where its blob stands, in parts', async () => {
  const node = new MemoryNode()
  const { root, layers } = await writeOn(node, twoLayers())
  const [{ blobDigest, blob, diffId, tarSize } = { blobDigest: '', blob: { fileSize: 0 }, diffId: '', tarSize: 0 }] =
    layers
  const layer = { digest: blobDigest, size: blob.fileSize, diffId, tarSize }
  const read = layersIn(node.blocks.ownFiles(), root)
  const part = async (offset: number, length: number) =>
    collect(read(layer, { offset, length }, new AbortController().signal), layer.size, 'the layer')
  const whole = await part(0, layer.size)
  expect(digest(whole)).toBe(blobDigest)
  expect(Buffer.from(await part(1000, 70_000)).equals(whole.subarray(1000, 71_000))).toBe(true)
})

test('a layer that an image has twice is one blob', () => {
  const { layers } = layeredImage('abcab')
  expect(distinct(layers)).toEqual(layers.slice(0, 3))
  expect(distinct([])).toEqual([])
})
