import { describe, expect, test } from 'bun:test'
import { catBlocks, type FileRef } from '../../../src/dag/block-source.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { type DagNode, writeDirectory, writeFile } from '../../../src/format/files.ts'
import { openImage } from '../../../src/read/open-image.ts'
import { MemorySink } from '../../support/memory-sink.ts'

const signal = new AbortController().signal

async function opened(root: CID, sink: MemorySink) {
  const block = async (cid: CID) => sink.blocks.get(cid.toString()) ?? Promise.reject(new Error(`no block ${cid}`))
  return openImage(root, {
    blocks: { block, cat: (file: FileRef) => catBlocks(file, block, signal) },
    signal,
    timeoutMs: 5000,
  })
}

describe('a root that is no image is told by what it lacks', () => {
  test.each([
    [['blobs', 'oci-layout'], 'it lacks index.json'],
    [['index.json', 'oci-layout'], 'it lacks blobs'],
    [['index.json', 'blobs'], 'it lacks oci-layout'],
    [[], 'it lacks index.json'],
  ])('with %p alone', async (names, why) => {
    const sink = new MemorySink()
    const empty = await writeDirectory(new Map<string, DagNode>(), sink)
    const { cid } = await writeDirectory(new Map(names.map((name) => [name, empty])), sink)
    await expect(opened(cid, sink)).rejects.toThrow(`${cid} is not an image saved by docker ipfs: ${why}`)
  })

  test('and a file by being one', async () => {
    const sink = new MemorySink()
    const { cid } = await writeFile(Buffer.from('Hello\n'), sink)
    await expect(opened(cid, sink)).rejects.toThrow('it is a file, not a directory')
  })
})
