import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { base32upper } from 'multiformats/bases/base32'
import { type Block, rawBlock } from '../../../../../src/dag/blocks.ts'
import type { CID } from '../../../../../src/dag/cid.ts'
import { type DagNode, joinFile, leafNode, writeDirectory } from '../../../../../src/format/files.ts'
import { OwnRepository } from '../../../../../src/store/kubo/own-files/repository.ts'
import { collect } from '../../../../../src/streams.ts'
import { noise } from '../../../../support/images.ts'

const { signal } = new AbortController()
const folder = mkdtempSync(join(tmpdir(), 'own-repository-'))
const repository = new OwnRepository(folder)
afterAll(() => rmSync(folder, { recursive: true }))

/** As flatfs lays it out. Source: go-ds-flatfs, README */
function pathOf(cid: CID): string {
  const key = base32upper.baseEncode(cid.multihash.bytes)
  return join(folder, 'blocks', key.slice(-3, -1), `${key}.data`)
}

const sink = {
  async put({ cid, bytes }: Block) {
    mkdirSync(dirname(pathOf(cid)), { recursive: true })
    writeFileSync(pathOf(cid), bytes)
  },
}

const SIZES = [70_000, 1, 0, 200_000, 1_048_576, 300_000, 512, 0]
const FILE = noise(
  SIZES.reduce((sum, size) => sum + size),
  'file',
)
let leaves: DagNode[] = []
let node: CID
let root: CID

beforeAll(async () => {
  let at = 0
  for (const size of SIZES) {
    const leaf = rawBlock(FILE.subarray(at, at + size))
    at += size
    await sink.put(leaf)
    leaves = [...leaves, leafNode(leaf)]
  }
  const file = await joinFile(leaves, sink)
  node = file.cid
  const top = await writeDirectory(
    new Map([
      ['file', file],
      ['leaf', leaves[0] as DagNode],
    ]),
    sink,
  )
  root = top.cid
})

const read = async (offset = 0, length = FILE.length - offset, name = 'file', of = root) =>
  collect(repository.read({ root: of, path: [name] }, { offset, length }, signal), FILE.length, 'it')

/** Does something to a block for as long as this takes. */
async function spoiled(cid: CID, spoil: (path: string) => void, act: () => Promise<void>): Promise<void> {
  const kept = join(folder, 'kept')
  renameSync(pathOf(cid), kept)
  try {
    spoil(pathOf(cid))
    await act()
  } finally {
    rmSync(pathOf(cid), { force: true, recursive: true })
    renameSync(kept, pathOf(cid))
  }
}

describe('a repository on the disk', () => {
  test('gives any part of a file', async () => {
    const part = fc.nat(FILE.length - 1).chain((offset) => fc.tuple(fc.constant(offset), fc.nat(FILE.length - offset)))
    await fc.assert(
      fc.asyncProperty(part, async ([offset, length]) => {
        expect(Buffer.compare(await read(offset, length), FILE.subarray(offset, offset + length))).toBe(0)
      }),
    )
    expect(Buffer.compare(await read(), FILE)).toBe(0)
  })

  test('gives a file of one leaf', async () => {
    const got = await read(1000, 2000, 'leaf')
    expect(Buffer.compare(got, FILE.subarray(1000, 3000))).toBe(0)
  })

  test('says whether it has a block', () => {
    expect(repository.has(node)).toBe(true)
    expect(repository.has(rawBlock(Buffer.from('not there')).cid)).toBe(false)
    expect(new OwnRepository(join(folder, 'elsewhere')).has(node)).toBe(false)
  })

  test.each<[string, () => CID, (path: string) => void]>([
    ['a leaf is missing', () => leafAt(3), () => undefined],
    ['a leaf is cut', () => leafAt(3), (at) => writeFileSync(at, FILE.subarray(70_001, 71_000))],
    ['a leaf is a link to another file', () => leafAt(3), (at) => symlinkSync(join(folder, 'kept'), at)],
    ['a leaf is a folder', () => leafAt(3), (at) => mkdirSync(at)],
    ['a leaf is a pipe that nobody writes', () => leafAt(3), (at) => spawnSync('mkfifo', [at])],
    ['the node is missing', () => node, () => undefined],
    ['the node is another one', () => node, (at) => writeFileSync(at, 'something else')],
    ['the node is empty', () => node, (at) => writeFileSync(at, '')],
  ])('fails where %s', async (_, which, spoil) => {
    await spoiled(which(), spoil, async () => {
      await expect(read()).rejects.toThrow()
    })
    expect((await read()).length).toBe(FILE.length)
  })

  test('fails where there is no such file', async () => {
    await expect(read(0, 10, 'other')).rejects.toThrow()
  })

  test('gives no memory to a node that lies about the size of a leaf', async () => {
    const huge = { ...leafNode(rawBlock(Buffer.from('small'))), fileSize: 2 ** 40 }
    const liar = await joinFile([huge, leaves[0] as DagNode], sink)
    const top = await writeDirectory(new Map([['file', liar]]), sink)
    await expect(read(0, 2 ** 40, 'file', top.cid)).rejects.toThrow('bytes')
  })

  test('stops where the signal says so', async () => {
    const stop = new AbortController()
    const pieces = repository
      .read({ root, path: ['file'] }, { offset: 0, length: FILE.length }, stop.signal)
      [Symbol.asyncIterator]()
    await pieces.next()
    stop.abort(new Error('cancelled'))
    await expect(pieces.next()).rejects.toThrow('cancelled')
  })
})

function leafAt(index: number): CID {
  return (leaves[index] as DagNode).cid
}
