import { describe, expect, test } from 'bun:test'
import { rawBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { type DagNode, leafNode, writeDirectory } from '../../../src/format/files.ts'
import { DocumentReader } from '../../../src/read/document-reader.ts'
import { digest, GOLDEN, twoLayers } from '../../support/images.ts'
import { writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { never } from '../../support/never.ts'

const signal = new AbortController().signal

const reader = (root: CID, node: MemoryNode, more = {}) =>
  new DocumentReader(root, { blocks: node.blocks, signal, timeoutMs: 150, ...more })

/** A descriptor of a document. */
function refOf(bytes: Uint8Array, more = {}) {
  const json = 'application/json'
  return {
    mediaType: json,
    digest: digest(bytes),
    size: bytes.length,
    annotations: {},
    platform: undefined,
    isArtifact: false,
    ...more,
  }
}

/** A directory with these files, and a folder of blobs with those. */
async function written(node: MemoryNode, files: Readonly<Record<string, string>>, blobs: readonly Buffer[] = []) {
  const leaf = async (bytes: Uint8Array): Promise<DagNode> => {
    const block = rawBlock(bytes)
    await node.blocks.put(block)
    return leafNode(block)
  }
  const named = await Promise.all(blobs.map(async (blob) => [digest(blob).slice(7), await leaf(blob)] as const))
  const sha256 = await writeDirectory(new Map(named), node.blocks)
  const entries = new Map([['blobs', await writeDirectory(new Map([['sha256', sha256]]), node.blocks)]])
  for (const [name, text] of Object.entries(files)) entries.set(name, await leaf(Buffer.from(text)))
  return (await writeDirectory(entries, node.blocks)).cid
}

describe('the document at the top', () => {
  test('is what index.json names', async () => {
    const node = new MemoryNode()
    const { root, dag } = await writeOn(node, twoLayers())
    expect(await reader(root, node).top()).toMatchObject({ digest: dag.manifestDigest })
  })

  test('is none of a file, of a folder without index.json, and of a layout with two images', async () => {
    const node = new MemoryNode()
    const block = rawBlock(Buffer.from('a file'))
    await node.blocks.put(block)
    const two = JSON.stringify({ manifests: [refOf(Buffer.from('a')), refOf(Buffer.from('b'))] })
    const layout = { 'oci-layout': '{}' }
    for (const [root, why] of [
      [block.cid, 'it is a file, not a directory'],
      [await written(node, layout), 'it lacks index.json'],
      [await written(node, { ...layout, 'index.json': two }), 'its index names 2 manifests'],
      [await written(node, { ...layout, 'index.json': '{"manifests":[]}' }), 'its index names 0 manifests'],
    ] as const) {
      await expect(reader(root, node).top()).rejects.toMatchObject({
        code: 'NOT_AN_IMAGE',
        message: `${root} is not an image saved by docker ipfs: ${why}`,
      })
    }
  })

  test('is not found in time where nobody has the root, and is what the node says where it fails', async () => {
    const { root } = await writeOn(new MemoryNode(), twoLayers())
    await expect(reader(root, new MemoryNode()).top()).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: `no node gave ${root} within 0 s`,
    })
    const node = new MemoryNode()
    node.blocks.block = () => Promise.reject(new Error('the node is gone'))
    await expect(reader(root, node).top()).rejects.toThrow('the node is gone')
  })

  test('is asked for no more once the signal says so', async () => {
    const stop = new AbortController()
    const { root } = await writeOn(new MemoryNode(), twoLayers())
    const top = reader(root, new MemoryNode(), { signal: stop.signal, timeoutMs: 60_000 }).top()
    stop.abort(new Error('cancelled'))
    await expect(top).rejects.toThrow('cancelled')
  })
})

describe('a document', () => {
  const [right, other] = [Buffer.from('{"right":1}'), Buffer.from('{"other":1}')]

  test('is read by its digest', async () => {
    const node = new MemoryNode()
    const root = await written(node, {}, [right, Buffer.alloc(0)])
    expect(Buffer.from(await reader(root, node).read(refOf(right), 'the manifest')).equals(right)).toBe(true)
    expect((await reader(root, node).read(refOf(Buffer.alloc(0)), 'the manifest')).length).toBe(0)
  })

  test.each<[string, object, string]>([
    ['is shorter', { size: 12 }, 'has 11 bytes, but should have 12'],
    ['is longer', { size: 10 }, 'has more than the 10 bytes it should have'],
    ['is empty, and should not be', { digest: digest(Buffer.alloc(0)), size: 0 }, 'has more than the 0 bytes'],
  ])('that %s is wrong', async (_, more, words) => {
    const node = new MemoryNode()
    const root = await written(node, {}, [right])
    // Under the name of what it should be.
    const ref = refOf(right, more)
    const blocks = { block: node.blocks.block.bind(node.blocks), cat: () => once(right) }
    await expect(reader(root, node, { blocks }).read(ref, 'the manifest')).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringContaining(words),
    })
  })

  test('with the right size and other bytes is wrong', async () => {
    const node = new MemoryNode()
    const root = await written(node, {}, [right])
    const blocks = { block: node.blocks.block.bind(node.blocks), cat: () => once(other) }
    await expect(reader(root, node, { blocks }).read(refOf(right), 'the manifest')).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: `the manifest of ${root} has digest ${digest(other)}, but should have ${digest(right)}`,
    })
  })

  test('that is said to be empty, and of which nothing comes, is wrong where its digest is another', async () => {
    const node = new MemoryNode()
    const root = await written(node, {}, [right])
    const blocks = { block: node.blocks.block.bind(node.blocks), cat: () => nothing() }
    await expect(reader(root, node, { blocks }).read(refOf(right, { size: 0 }), 'the manifest')).rejects.toMatchObject({
      code: 'INTEGRITY',
    })
  })

  test('that is said to be huge is not asked for', async () => {
    const node = new MemoryNode()
    const { root } = await writeOn(node, GOLDEN.tiny())
    const blocks = { block: node.blocks.block.bind(node.blocks), cat: () => expect.unreachable() }
    await expect(
      reader(root, node, { blocks }).read(refOf(right, { size: 2 ** 40 }), 'the manifest'),
    ).rejects.toMatchObject({
      code: 'NOT_AN_IMAGE',
      message: expect.stringMatching(
        /the manifest is said to have 1100000MB, and documents of at most 33.55MB are read$/,
      ),
    })
  })

  test('that does not come is not found, and its request ends', async () => {
    const node = new MemoryNode()
    const root = await written(node, {}, [right])
    let ended: unknown
    async function* cat(_: unknown, limited: AbortSignal) {
      yield await never(limited).catch((reason: unknown) => {
        ended = reason
        throw reason
      })
    }
    const blocks = { block: node.blocks.block.bind(node.blocks), cat }
    await expect(reader(root, node, { blocks }).read(refOf(right), 'the manifest')).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
    })
    expect(ended).toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })
})

async function* once(bytes: Uint8Array) {
  yield bytes
}

async function* nothing() {}
