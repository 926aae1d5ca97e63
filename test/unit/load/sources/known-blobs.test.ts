import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { writeImage } from '../../../../src/format/image-dag.ts'
import { knownBlobs } from '../../../../src/load/sources/known-blobs.ts'
import { openImage } from '../../../../src/read/open-image.ts'
import { imageOf, noise } from '../../../support/images.ts'
import { entryOf, writeOn } from '../../../support/memory/keep-image.ts'
import { loading } from '../../../support/memory/loading.ts'
import { MemoryNode } from '../../../support/memory/node.ts'

const { signal } = new AbortController()
const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((name) => noise(3000, name)) as [Buffer, Buffer, Buffer, Buffer]

/** A node with an image that is to be loaded, and others that a containerd store may have. */
async function withImages(...others: readonly (readonly Buffer[])[]) {
  const node = new MemoryNode()
  const { options } = loading(node)
  const image = await openImage((await writeOn(node, imageOf([A, B]))).root, options)
  const ids: string[] = []
  const roots = []
  for (const layers of others) {
    const stored = await writeOn(node, imageOf(layers))
    const { record, ...entry } = await entryOf(node, stored)
    // As a containerd store calls it.
    await node.catalogue.add({ ...entry, record: { ...record, imageIds: [stored.dag.manifestDigest] } }, signal)
    await node.pins.pin(stored.root, '', signal)
    ids.push(stored.dag.manifestDigest)
    roots.push(stored.root)
  }
  const known = async (asked = ids) => [...(await knownBlobs(image, asked, options))]
  return { node, image, ids, roots, known }
}

describe('blobs that a containerd store has', () => {
  test('are those of its images that the node knows and that share a layer', async () => {
    const { known, image } = await withImages([A, C], [D])
    const found = await known()
    expect(found).toContain(image.layers[0]?.digest ?? '')
    expect(found).not.toContain(image.layers[1]?.digest ?? '')
    expect(found).toHaveLength(2)
  })

  test('are those of the three images that share most', async () => {
    const { known, image } = await withImages([A], [A, C], [A, D], [A, B, C])
    const found = await known()
    expect(found).toContain(image.layers[1]?.digest ?? '')
    expect(found.length).toBeLessThanOrEqual(5)
  })

  test('are none where the disk of the node is full, and its catalogue cannot be read', async () => {
    const { known, node } = await withImages([A, C])
    node.catalogue.findImage = () => Promise.reject(new DockerIpfsError('NODE_FAILED', 'the disk is full'))
    expect(await known()).toEqual([])
    node.catalogue.findImage = () => Promise.reject(new DockerIpfsError('NODE_UNREACHABLE', 'gone'))
    await expect(known()).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  })

  test('are none where the node knows none of its images, or no image shares a layer', async () => {
    const { known } = await withImages([C, D])
    expect(await known()).toEqual([])
    expect(await known([`sha256:${'0'.repeat(64)}`])).toEqual([])
    expect(await known([])).toEqual([])
  })

  test('are none of the image itself: the store lacks a part of that', async () => {
    const { known } = await withImages([A, B])
    expect(await known()).toEqual([])
  })

  test('are none of an image that is not pinned, since it may be far away', async () => {
    const { known, node, roots } = await withImages([A, C])
    for (const root of roots) await node.pins.unpin(root)
    expect(await known()).toEqual([])
  })

  test('are none of an image whose documents the node has lost', async () => {
    const { known, node, roots } = await withImages([A, C])
    for (const root of roots) node.blocks.blocks.set(root.toString(), Buffer.from('damaged'))
    expect(await known()).toEqual([])
  })

  test('are none of several platforms, whose manifests are others', async () => {
    const { known, node, ids } = await withImages()
    const stored = await writeOn(node, imageOf([A, C]))
    const dag = await writeImage(
      [
        { configBytes: imageOf([A, C]).config, layers: stored.layers },
        { configBytes: Buffer.from(String(imageOf([A, C]).config).replace('amd64', 'arm64')), layers: stored.layers },
      ],
      node.blocks,
    )
    const { record, ...entry } = await entryOf(node, { ...stored, root: dag.root.cid, dag })
    await node.catalogue.add({ ...entry, record: { ...record, imageIds: [dag.manifestDigest] } }, signal)
    await node.pins.pin(dag.root.cid, '', signal)
    expect(await known([...ids, dag.manifestDigest])).toEqual([])
  })

  test('are not told by a node that does not answer', async () => {
    const { known, node } = await withImages([A, C])
    node.catalogue.findImage = () => Promise.reject(new DockerIpfsError('NODE_UNREACHABLE', 'gone'))
    await expect(known()).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  })
})
