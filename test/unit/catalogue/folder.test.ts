import { expect, test } from 'bun:test'
import { replace } from '../../../src/catalogue/folder.ts'
import { rawBlock } from '../../../src/dag/blocks.ts'
import { conformsAsFolder } from '../../support/conformance/folder.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../../support/images.ts'
import { writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'

const signal = new AbortController().signal

conformsAsFolder('a node in memory', async () => {
  const node = new MemoryNode()
  return {
    folder: node.folder,
    other: () => node.folder,
    blocks: node.blocks,
    lose: async (cid) => void node.blocks.blocks.delete(cid.toString()),
    close: async () => undefined,
  }
})

test('a link takes the place of what was there', async () => {
  const node = new MemoryNode()
  const { root } = await writeOn(node, GOLDEN.tiny())
  const leaf = rawBlock(Buffer.from('leaf'))
  await node.blocks.put(leaf)
  await node.folder.link('a/b', leaf.cid, signal)
  await replace(node.folder, 'a/b', root, signal)
  await replace(node.folder, 'a/c', root, signal)
  await node.folder.sync(signal)
  expect((await node.folder.find('a/b', signal))?.cid.toString()).toBe(GOLDEN_ROOTS.tiny)
  expect((await node.folder.entries('a', signal))?.map(({ name }) => name)).toEqual(['b', 'c'])
})
