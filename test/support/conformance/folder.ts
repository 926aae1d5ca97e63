import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { WritableFolder } from '../../../src/catalogue/folder.ts'
import { rawBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { type DagNode, joinFile, leafNode, writeDirectory } from '../../../src/format/files.ts'
import type { BlockStore } from '../../../src/store/blocks.ts'
import type { FolderEntry } from '../../../src/store/folder.ts'
import { errorOf } from '../error-of.ts'
import { noise } from '../images.ts'

/** A node whose folder is empty: nothing was ever written into it. */
export interface FolderNode {
  readonly folder: WritableFolder
  /** Somebody else who uses the same folder at the same time. */
  other(): WritableFolder
  readonly blocks: BlockStore
  /** The node has this block no more. */
  lose(cid: CID): Promise<void>
  close(): Promise<void>
}

const open = new AbortController().signal

/** Holds an implementation of the port against what the port says. The tests are in order: the folder is empty in the first. */
export function conformsAsFolder(name: string, start: () => Promise<FolderNode>): void {
  describe(`the folder of ${name}`, () => {
    let node: FolderNode
    beforeAll(async () => {
      node = await start()
    })
    afterAll(() => node.close())
    looked(() => node)
    written(() => node)
    linked(() => node)
    lost(() => node)

    test('is shared: what another one synced is seen after a sync', async () => {
      const { folder } = node
      const other = node.other()
      expect(await textOf(folder, 'shared/a')).toBeUndefined()
      await other.write('shared/a', Buffer.from('theirs'), open)
      await other.sync(open)
      await folder.sync(open)
      expect(await textOf(folder, 'shared/a')).toBe('theirs')
      await folder.write('shared/b', Buffer.from('ours'), open)
      await folder.sync(open)
      await other.sync(open)
      expect(await textOf(other, 'shared/b')).toBe('ours')
    })

    test('is not asked with a signal that is aborted, and can be asked then', async () => {
      const { folder, blocks } = node
      const linked = await file(blocks, 'aborted')
      await folder.write('aborted/file', Buffer.from('x'), open)
      await folder.sync(open)
      const reason = new Error('stopped')
      const signal = AbortSignal.abort(reason)
      const asked = [
        folder.find('aborted/file', signal),
        folder.entries('aborted', signal),
        folder.read('aborted/file', 10, signal),
        folder.readAll('aborted', signal),
        folder.write('aborted/other', Buffer.from('y'), signal),
        folder.link('aborted/link', linked.cid, signal),
        folder.remove('aborted/file', signal),
      ]
      expect(await Promise.all(asked.map(errorOf))).toEqual(asked.map(() => reason))
      expect(await textOf(folder, 'aborted/file')).toBe('x')
      expect(namesOf(await folder.entries('aborted', open))).toEqual(['file'])
    })
  })
}

function looked(node: () => FolderNode): void {
  test('is not there before anything is written', async () => {
    const { folder } = node()
    expect(await folder.find('', open)).toBeUndefined()
    expect(await folder.find('a/b', open)).toBeUndefined()
    expect(await folder.entries('', open)).toBeUndefined()
    expect(await folder.read('a', 10, open)).toBeUndefined()
    expect(await folder.readAll('', open)).toEqual(new Map())
    await folder.remove('a/b', open)
    await folder.sync(open)
    expect(await folder.find('', open)).toBeUndefined()
  })

  test('is there, and empty, when all is taken away', async () => {
    const { folder } = node()
    await folder.write('a', Buffer.from('x'), open)
    await folder.remove('a', open)
    await folder.sync(open)
    expect(await folder.find('', open)).toMatchObject({ fileSize: 0 })
    expect(await folder.entries('', open)).toEqual([])
  })
}

function written(node: () => FolderNode): void {
  test('has files that were written, with the folders above them', async () => {
    const { folder } = node()
    await folder.write('files/one', Buffer.from('first'), open)
    await folder.write('files/below/two', Buffer.from('second'), open)
    await folder.sync(open)
    expect(await textOf(folder, 'files/one')).toBe('first')
    expect(await textOf(folder, 'files/below/two')).toBe('second')
    const [top, below, one] = await Promise.all(['', 'files', 'files/one'].map((path) => folder.find(path, open)))
    expect([top?.fileSize, below?.fileSize, one?.fileSize]).toEqual([0, 0, 5])
    expect(below?.dagSize).toBeGreaterThan(one?.dagSize ?? 0)
    expect(namesOf(await folder.entries('files', open))).toEqual(['below', 'one'])
    const entry = (await folder.entries('files', open))?.find(({ name }) => name === 'one')
    expect(entry?.cid.toString()).toBe(`${one?.cid}`)
  })

  test('has a file in place of the one before', async () => {
    const { folder } = node()
    await folder.write('again', Buffer.from('a long text'), open)
    await folder.write('again', Buffer.from('short'), open)
    await folder.sync(open)
    expect(await textOf(folder, 'again')).toBe('short')
  })

  test('gives files as a whole, and none that are too large', async () => {
    const { folder } = node()
    const bytes = noise(700_000, 'large')
    await folder.write('sizes/large', bytes, open)
    await folder.write('sizes/empty', new Uint8Array(0), open)
    await folder.sync(open)
    expect(Buffer.from((await folder.read('sizes/large', 700_000, open)) ?? []).equals(bytes)).toBe(true)
    expect(await folder.read('sizes/large', 699_999, open)).toBeUndefined()
    expect(await folder.read('sizes/empty', 10, open)).toHaveLength(0)
  })

  test('tells nothing of what is something else', async () => {
    const { folder } = node()
    expect(await folder.read('files', 1000, open)).toBeUndefined()
    expect(await folder.entries('files/one', open)).toBeUndefined()
    expect(await folder.entries('nothing', open)).toBeUndefined()
    expect(await folder.find('files/one/below', open)).toBeUndefined()
    expect(await folder.readAll('files/one', open)).toEqual(new Map())
  })

  test('has no folder where a file is', async () => {
    const { folder } = node()
    const error = await errorOf(folder.write('files/one/below', Buffer.from('x'), open))
    expect(error).toMatchObject({ code: 'NODE_FAILED' })
    await folder.sync(open)
    expect(await textOf(folder, 'files/one')).toBe('first')
  })

  test('gives all files of a folder at once, however many', async () => {
    const { folder } = node()
    for (let at = 0; at < 150; at += 1) await folder.write(`many/${at}`, Buffer.from(`text ${at}`), open)
    await folder.sync(open)
    const files = await folder.readAll('many', open)
    const texts = Array.from({ length: 150 }, (_, at) => Buffer.from(files.get(`${at}`) ?? []).toString())
    expect(texts).toEqual(Array.from({ length: 150 }, (_, at) => `text ${at}`))
    expect(files.size).toBe(150)
  })

  test('has no more what was taken away, with all below it', async () => {
    const { folder } = node()
    for (const path of ['gone/a', 'gone/b/c', 'gone/b/d']) await folder.write(path, Buffer.from(path), open)
    await folder.remove('gone/a', open)
    await folder.remove('gone/b', open)
    await folder.remove('gone/nothing', open)
    await folder.remove('nothing/at/all', open)
    await folder.sync(open)
    expect(await folder.entries('gone', open)).toEqual([])
    expect(await folder.find('gone/b/c', open)).toBeUndefined()
    expect(await folder.find('nothing', open)).toBeUndefined()
  })
}

function linked(node: () => FolderNode): void {
  test('has links to DAGs, with what is below them', async () => {
    const { folder, blocks } = node()
    const below = await file(blocks, 'below')
    const dag = await directory(blocks, { below })
    expect(await folder.link('links/deep/dag', dag.cid, open)).toBe(true)
    expect(await folder.link('links/file', below.cid, open)).toBe(true)
    await folder.sync(open)
    expect(await folder.find('links/deep/dag', open)).toMatchObject({ fileSize: 0, dagSize: dag.dagSize })
    expect(`${(await folder.find('links/deep/dag', open))?.cid}`).toBe(`${dag.cid}`)
    expect(await folder.find('links/deep/dag/below', open)).toMatchObject({ fileSize: below.fileSize })
    expect(await folder.find('links/file', open)).toMatchObject({ fileSize: below.fileSize, dagSize: below.dagSize })
    expect(namesOf(await folder.entries('links/deep/dag', open))).toEqual(['below'])
    expect(await folder.read('links/file', 10_000, open)).toHaveLength(below.fileSize)
  })

  test('links nothing that the node lacks', async () => {
    const { folder, blocks, lose } = node()
    const gone = await file(blocks, 'not linked')
    await lose(gone.cid)
    expect(await errorOf(folder.link('lacking', gone.cid, open))).toMatchObject({ code: 'NODE_FAILED' })
    await folder.sync(open)
    expect(await folder.find('lacking', open)).toBeUndefined()
  })

  test('keeps what is there when something is linked in its place', async () => {
    const { folder, blocks } = node()
    const [one, other] = [await file(blocks, 'one'), await file(blocks, 'other')]
    expect(await folder.link('kept/a', one.cid, open)).toBe(true)
    expect(await folder.link('kept/a', other.cid, open)).toBe(false)
    await folder.write('kept/b', Buffer.from('b'), open)
    expect(await folder.link('kept/b', other.cid, open)).toBe(false)
    await folder.sync(open)
    expect(`${(await folder.find('kept/a', open))?.cid}`).toBe(`${one.cid}`)
    expect(await textOf(folder, 'kept/b')).toBe('b')
  })
}

function lost(node: () => FolderNode): void {
  test('does not wait for what the node has lost, and has all else', async () => {
    const { folder, blocks, lose } = node()
    const below = await file(blocks, 'lost below')
    const [dag, whole] = [await directory(blocks, { below }), await file(blocks, 'whole')]
    await folder.link('lost/dag', dag.cid, open)
    await folder.link('lost/whole', whole.cid, open)
    await folder.write('lost/text', Buffer.from('text'), open)
    await folder.sync(open)
    await lose(dag.cid)
    await folder.sync(open)
    expect(namesOf(await folder.entries('lost', open))).toEqual(['dag', 'text', 'whole'])
    expect(await folder.find('lost/dag', open)).toBeUndefined()
    expect(await folder.entries('lost/dag', open)).toBeUndefined()
    expect(await folder.read('lost/dag', 1000, open)).toBeUndefined()
    // Kubo itself would wait here, as long as it is let.
    const soon = AbortSignal.timeout(8000)
    expect(await folder.find('lost/dag/below', soon)).toBeUndefined()
    expect(await folder.find('lost/dag/below/further', soon)).toBeUndefined()
    expect(await folder.entries('lost/dag/below', soon)).toBeUndefined()
    expect(await folder.read('lost/dag/below', 1000, soon)).toBeUndefined()
    expect(await folder.find('lost/whole', open)).toMatchObject({ dagSize: whole.dagSize })
    expect(await textOf(folder, 'lost/text')).toBe('text')
    await folder.remove('lost/dag', open)
    await folder.sync(open)
    expect(namesOf(await folder.entries('lost', open))).toEqual(['text', 'whole'])
  })
}

async function textOf(folder: WritableFolder, path: string): Promise<string | undefined> {
  const bytes = await folder.read(path, 1_000_000, open)
  return bytes && Buffer.from(bytes).toString()
}

function namesOf(entries: readonly FolderEntry[] | undefined): string[] | undefined {
  return entries?.map(({ name }) => name).sort()
}

/** A file of two leaves on the node, linked nowhere; the import pins something else. */
async function file(blocks: BlockStore, seed: string): Promise<DagNode> {
  return made(blocks, seed, async (session) => {
    const leaves = ['1', '2'].map((at) => rawBlock(noise(300, `folder ${seed} ${at}`)))
    for (const leaf of leaves) await session.put(leaf)
    return joinFile(leaves.map(leafNode), session)
  })
}

async function directory(blocks: BlockStore, entries: Readonly<Record<string, DagNode>>): Promise<DagNode> {
  const nodes = new Map(Object.entries(entries))
  return made(blocks, Object.keys(entries).join(), (session) => writeDirectory(nodes, session))
}

async function made(
  blocks: BlockStore,
  seed: string,
  make: (session: ReturnType<BlockStore['openImport']>) => Promise<DagNode>,
): Promise<DagNode> {
  const session = blocks.openImport(open)
  const pinned = rawBlock(noise(50, `folder pin ${seed}`))
  await session.put(pinned)
  const node = await make(session)
  await session.finish(pinned.cid)
  return node
}
