import { describe, expect, test } from 'bun:test'
import { zstdCompressSync } from 'node:zlib'
import { checkBlock, rawBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type DagNode, joinFile, leafNode, writeDirectory } from '../../../src/format/files.ts'
import { findDamage } from '../../../src/inspect/leaves.ts'
import { noise } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'
import { tarOf } from '../../support/tar.ts'

const TAR = tarOf([
  { path: 'first', body: noise(5000, 'first') },
  { path: 'second', body: noise(8000, 'second') },
])
const FRAMES = Array.from({ length: 16 }, (_, at) =>
  rawBlock(zstdCompressSync(TAR.subarray(at * 1000, (at + 1) * 1000))),
)
/** Where in the blob a frame begins. */
const beginOf = (frame: number) => FRAMES.slice(0, frame).reduce((sum, { bytes }) => sum + bytes.length, 0)

/** A blob of four nodes with four frames each, on a node that may lose something. */
async function blob() {
  const sink = new MemorySink()
  const nodes: DagNode[] = []
  for (const frame of FRAMES) await sink.put(frame)
  for (let at = 0; at < 16; at += 4) nodes.push(await joinFile(FRAMES.slice(at, at + 4).map(leafNode), sink))
  const file = await joinFile(nodes, sink)
  const blocks = {
    async ownBlock(cid: CID) {
      const bytes = sink.blocks.get(cid.toString())
      if (bytes !== undefined) checkBlock({ cid, bytes })
      return bytes
    },
  }
  return {
    sink,
    nodes,
    find: () => findDamage(file.cid, file.fileSize, { blocks, signal: new AbortController().signal }),
  }
}

describe('the damage of a blob', () => {
  test('is none where every block is right', async () => {
    expect(await (await blob()).find()).toEqual([])
  })

  test('is told with its place in the blob, and of the first in the tar', async () => {
    const { sink, find } = await blob()
    const [lost, damaged] = [FRAMES[9], FRAMES[12]] as [(typeof FRAMES)[0], (typeof FRAMES)[0]]
    sink.blocks.delete(lost.cid.toString())
    sink.blocks.set(damaged.cid.toString(), Buffer.from('something else'))
    const bytes = (frame: number) => `bytes ${beginOf(frame)} to ${beginOf(frame + 1) - 1} of the blob`
    expect(await find()).toEqual([
      `the block ${lost.cid} is not on the node: ${bytes(9)}, from byte 9000 of the tar, in second`,
      `the block ${damaged.cid} does not match its CID: ${bytes(12)}`,
    ])
  })

  test('is that of a node where all below it is lost', async () => {
    const { sink, nodes, find } = await blob()
    const [, second] = nodes as [DagNode, DagNode]
    sink.blocks.delete(second.cid.toString())
    expect(await find()).toEqual([
      `the block ${second.cid} is not on the node: bytes ${beginOf(4)} to ${beginOf(8) - 1} of the blob, from byte 4000 of the tar, in first`,
    ])
  })

  test('is counted where there is much of it', async () => {
    const { sink, find } = await blob()
    for (const { cid } of FRAMES) sink.blocks.delete(cid.toString())
    const faults = await find()
    expect(faults).toHaveLength(11)
    expect(faults[10]).toBe('6 more of its blocks are lost or damaged')
  })

  test('is all of it where it is no file', async () => {
    const sink = new MemorySink()
    const folder = await writeDirectory(new Map(), sink)
    const blocks = { ownBlock: async (cid: CID) => sink.blocks.get(cid.toString()) }
    const faults = await findDamage(folder.cid, 10, { blocks, signal: new AbortController().signal })
    expect(faults).toEqual([
      `the block ${folder.cid} is no node of a file: bytes 0 to 9 of the blob, from byte 0 of the tar`,
    ])
  })

  test('is not told where the node does not answer', async () => {
    const blocks = { ownBlock: () => Promise.reject(new DockerIpfsError('NODE_UNREACHABLE', 'gone')) }
    const found = findDamage(rawBlock(Buffer.from('x')).cid, 1, { blocks, signal: new AbortController().signal })
    await expect(found).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  })
})
