import { describe, expect, test } from 'bun:test'
import { decode } from '@ipld/dag-pb'
import { rawBlock } from '../../../src/dag/blocks.ts'
import { type DagNode, joinFile, leafNode, writeDirectory, writeFile } from '../../../src/format/files.ts'
import { FORMAT } from '../../../src/format/numbers.ts'
import { bulk } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'

/** Leaves of one byte each. */
async function leaves(count: number, sink: MemorySink): Promise<DagNode[]> {
  const nodes: DagNode[] = []
  for (let at = 0; at < count; at += 1) {
    const leaf = rawBlock(Uint8Array.of(at % 251))
    await sink.put(leaf)
    nodes.push(leafNode(leaf))
  }
  return nodes
}

const linksOf = (sink: MemorySink, { cid }: DagNode) => sink.links(cid).map(({ Hash }) => Hash.toString())

describe('a file', () => {
  test('without bytes is one empty leaf', async () => {
    const sink = new MemorySink()
    const { cid, fileSize, dagSize } = await writeFile(new Uint8Array(0), sink)
    expect([cid.code, fileSize, dagSize, sink.read(cid).length]).toEqual([0x55, 0, 0, 0])
  })

  test.each([
    [1, 1],
    [FORMAT.pieceSize, 1],
    [FORMAT.pieceSize + 1, 2],
    [3 * FORMAT.pieceSize, 3],
  ])('of %d bytes has leaves of M bytes: %d', async (size, count) => {
    const sink = new MemorySink()
    const bytes = bulk(size, 'file')
    const { cid, fileSize } = await writeFile(bytes, sink)
    expect([...sink.blocks.keys()].filter((key) => key.startsWith('bafkrei'))).toHaveLength(count)
    expect(fileSize).toBe(size)
    expect(sink.read(cid).equals(bytes)).toBe(true)
  })

  test('of one part is that part', async () => {
    const sink = new MemorySink()
    const [only] = await leaves(1, sink)
    expect(await joinFile([only as DagNode], sink)).toBe(only as DagNode)
  })

  test('of 1024 parts is one node over them', async () => {
    const sink = new MemorySink()
    const parts = await leaves(1024, sink)
    const file = await joinFile(parts, sink)
    expect(linksOf(sink, file)).toEqual(parts.map(({ cid }) => cid.toString()))
  })

  test('of 1025 parts has the last of them beside the node over the others', async () => {
    const sink = new MemorySink()
    const parts = await leaves(1025, sink)
    const file = await joinFile(parts, sink)
    const [first, last, ...more] = sink.links(file.cid)
    expect(more).toEqual([])
    expect(last?.Hash.toString()).toBe(parts[1024]?.cid.toString())
    expect(sink.links(first?.Hash ?? file.cid)).toHaveLength(1024)
    expect(sink.read(file.cid).length).toBe(1025)
  })

  test('counts in Tsize its block and all that is below it, as often as it is linked', async () => {
    const sink = new MemorySink()
    const [a, b] = await leaves(2, sink)
    const { cid, fileSize, dagSize } = await joinFile([a as DagNode, b as DagNode, a as DagNode], sink)
    const block = sink.blocks.get(cid.toString()) ?? new Uint8Array(0)
    expect([fileSize, dagSize]).toEqual([3, block.length + 3])
    expect(sink.links(cid).map(({ Name, Tsize }) => [Name, Tsize])).toEqual([
      ['', 1],
      ['', 1],
      ['', 1],
    ])
  })
})

describe('a directory', () => {
  test('is sorted by the bytes of its names, and says that it is one, and nothing else', async () => {
    const sink = new MemorySink()
    const [leaf] = await leaves(1, sink)
    // In UTF-16 the last two would change places.
    const names = ['a', 'a.b', 'ab', 'ü', '\u{ff5e}', '\u{1f600}']
    const { cid, fileSize } = await writeDirectory(
      new Map(names.toReversed().map((name) => [name, leaf as DagNode])),
      sink,
    )
    const { Data, Links } = decode(sink.blocks.get(cid.toString()) ?? new Uint8Array(0))
    expect(Links.map(({ Name }) => Name)).toEqual(names)
    expect([...(Data ?? [])]).toEqual([8, 1])
    expect(fileSize).toBe(0)
  })

  test('counts in Tsize its block and all that is below it', async () => {
    const sink = new MemorySink()
    const file = await writeFile(bulk(FORMAT.pieceSize + 1, 'file'), sink)
    const inner = await writeDirectory(new Map([['file', file]]), sink)
    const { cid, dagSize } = await writeDirectory(new Map([['inner', inner]]), sink)
    const all = [...sink.blocks.values()].reduce((sum, { length }) => sum + length, 0)
    expect(dagSize).toBe(all)
    expect(sink.links(cid).map(({ Name, Tsize }) => [Name, Tsize])).toEqual([['inner', inner.dagSize]])
  })
})
