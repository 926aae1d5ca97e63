import { beforeEach, describe, expect, test } from 'bun:test'
import { rawBlock } from '../../../src/dag/blocks.ts'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { writeDirectory, writeFile } from '../../../src/format/files.ts'
import { compareTrees, DirectorySink, readTree, type Tree } from '../../../src/inspect/tree.ts'
import { GOLDEN } from '../../support/images.ts'
import { type StoredImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'

const signal = new AbortController().signal

let node: MemoryNode
let stored: StoredImage
beforeEach(async () => {
  node = new MemoryNode()
  stored = await writeOn(node, GOLDEN.tiny())
})

const read = (root: CID) => readTree(root, (cid) => node.blocks.ownBlock(cid, signal))

describe('the tree of an image', () => {
  test('has each file by its path, blobs by their digests', async () => {
    const { dag, layers } = stored
    const blobs = [dag.configDigest, dag.manifestDigest, layers[0]?.blobDigest ?? '']
    const paths = blobs.map((digest) => `blobs/sha256/${digest.slice(7)}`)
    const tree = await read(stored.root)
    expect([...tree.keys()].sort()).toEqual([...paths, 'image.tar', 'index.json', 'manifest.json', 'oci-layout'].sort())
    expect(tree.get(paths[2] ?? '')).toEqual(layers[0]?.blob.cid as CID)
  })

  test('is the same from the directories alone, as they are written', async () => {
    const sink = new DirectorySink()
    for (const [cid, bytes] of node.blocks.blocks) await sink.put({ cid: parseCid(cid), bytes })
    expect(await sink.tree(stored.root)).toEqual(await read(stored.root))
  })

  test('has a folder that is lost as an entry itself', async () => {
    const folder = node.blocks.links(stored.root).find(({ Name }) => Name === 'blobs')?.Hash as CID
    node.blocks.blocks.delete(folder.toString())
    expect((await read(stored.root)).get('blobs')).toEqual(folder)
  })

  test('goes into no folder but those of blobs, whatever lies in them', async () => {
    const file = await writeFile(Buffer.from('x'), node.blocks)
    const folder = await writeDirectory(new Map([['x', file]]), node.blocks)
    const sha256 = await writeDirectory(new Map([['deep', folder]]), node.blocks)
    const blobs = await writeDirectory(new Map([['sha256', sha256]]), node.blocks)
    const root = await writeDirectory(
      new Map([
        ['blobs', blobs],
        ['other', folder],
      ]),
      node.blocks,
    )
    expect([...(await read(root.cid)).keys()]).toEqual(['blobs/sha256/deep', 'other'])
  })

  test('of a file is the file', async () => {
    const { cid } = rawBlock(Buffer.from('x'))
    expect(await read(cid)).toEqual(new Map([['', cid]]))
  })
})

test('what is missing, what does not belong there, and what is another, is told in this order', () => {
  const [a, b] = [rawBlock(Buffer.from('a')).cid, rawBlock(Buffer.from('b')).cid]
  const is: Tree = new Map([
    ['same', a],
    ['extra', a],
    ['other', b],
  ])
  const should: Tree = new Map([
    ['same', a],
    ['other', a],
    ['missing', a],
  ])
  expect(compareTrees(is, should)).toEqual([
    'missing is missing',
    'extra does not belong to the image',
    `other is ${b}, but should be ${a}`,
  ])
  expect(compareTrees(should, should)).toEqual([])
})
