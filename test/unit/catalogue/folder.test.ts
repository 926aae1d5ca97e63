import { beforeEach, describe, expect, test } from 'bun:test'
import { replace } from '../../../src/catalogue/folder.ts'
import { rawBlock } from '../../../src/dag/blocks.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../../support/images.ts'
import { writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'

const signal = new AbortController().signal

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})

const text = async (path: string, limit = 1000) => {
  const bytes = await node.folder.read(path, limit, signal)
  return bytes && Buffer.from(bytes).toString()
}

describe('a folder', () => {
  test('has what was written, at the last time', async () => {
    await node.folder.write('a/b', Buffer.from('one'), signal)
    await node.folder.write('a/b', Buffer.from('two'), signal)
    await node.folder.sync(signal)
    expect(await text('a/b')).toBe('two')
    expect((await node.folder.find('a/b', signal))?.fileSize).toBe(3)
    expect((await node.folder.find('a', signal))?.fileSize).toBe(0)
    expect((await node.folder.entries('', signal))?.map(({ name }) => name)).toEqual(['a'])
  })

  test('gives no file that is larger than is wanted, and no folder for one', async () => {
    await node.folder.write('a/b', Buffer.from('four'), signal)
    expect(await text('a/b', 3)).toBeUndefined()
    expect(await text('a/b', 4)).toBe('four')
    expect(await text('a')).toBeUndefined()
  })

  test('does not link where something is, and replaces what is to be replaced', async () => {
    const { root } = await writeOn(node, GOLDEN.tiny())
    const leaf = rawBlock(Buffer.from('leaf'))
    await node.blocks.put(leaf)
    expect(await node.folder.link('a/b', leaf.cid, signal)).toBe(true)
    expect(await node.folder.link('a/b', root, signal)).toBe(false)
    expect(await text('a/b')).toBe('leaf')
    await replace(node.folder, 'a/b', root, signal)
    expect((await node.folder.find('a/b', signal))?.cid.toString()).toBe(GOLDEN_ROOTS.tiny)
    await replace(node.folder, 'a/c', root, signal)
    expect((await node.folder.entries('a', signal))?.map(({ name }) => name)).toEqual(['b', 'c'])
  })

  test('shows what is in a DAG that was linked, and reads its files', async () => {
    const { root } = await writeOn(node, GOLDEN.tiny())
    await node.folder.link('image', root, signal)
    expect(await text('image/oci-layout')).toBe('{"imageLayoutVersion":"1.0.0"}')
    expect((await node.folder.entries('image/blobs', signal))?.map(({ name }) => name)).toEqual(['sha256'])
    expect([...(await node.folder.readAll('image', signal)).keys()].sort()).toEqual([
      'image.tar',
      'index.json',
      'manifest.json',
      'oci-layout',
    ])
  })

  test('does not have what its node has lost, and lets it be taken away', async () => {
    const { root } = await writeOn(node, GOLDEN.tiny())
    await node.folder.link('image', root, signal)
    node.blocks.blocks.delete(root.toString())
    expect(await node.folder.find('image', signal)).toBeUndefined()
    expect(await node.folder.entries('image', signal)).toBeUndefined()
    expect(await text('image/oci-layout')).toBeUndefined()
    await node.folder.remove('image', signal)
    expect(await node.folder.entries('', signal)).toBeUndefined()
  })

  test('of which nothing is there can be emptied all the same, and is not made by that', async () => {
    await node.folder.remove('a/b', signal)
    expect(await node.folder.find('', signal)).toBeUndefined()
    expect(await node.folder.entries('a', signal)).toBeUndefined()
    expect(await node.folder.readAll('a', signal)).toEqual(new Map())
  })

  test('has no folder where a file is', async () => {
    await node.folder.write('a', Buffer.from('x'), signal)
    await expect(node.folder.write('a/b', Buffer.from('y'), signal)).rejects.toMatchObject({ code: 'NODE_FAILED' })
  })
})
