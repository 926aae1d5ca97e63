import { describe, expect, test } from 'bun:test'
import { findFile } from '../../../src/dag/block-source.ts'
import { dagPbBlock, rawBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { breadthFirst, depthFirst, descend } from '../../../src/dag/walk.ts'
import { writeDirectory, writeFile } from '../../../src/format/files.ts'
import { MemorySink } from '../../support/memory-sink.ts'

/** A DAG of names: those with something below them are nodes, the others leaves. */
class Names {
  /** What was asked for, in order. */
  readonly asked: string[] = []
  readonly #below: Readonly<Record<string, string>>

  constructor(below: Readonly<Record<string, string>>) {
    this.#below = below
  }

  cid(name: string): CID {
    const make = name in this.#below ? dagPbBlock : rawBlock
    return make(Buffer.from(name)).cid
  }

  item(name: string): { readonly name: string; readonly cid: CID } {
    return { name, cid: this.cid(name) }
  }

  children(name: string): string[] {
    this.asked.push(name)
    return [...(this.#below[name] ?? '')]
  }

  walk(top: string) {
    return depthFirst(this.item(top), async ({ name }) => this.children(name).map((child) => this.item(child)))
  }

  /** The name of a node. */
  nameOf(cid: CID): string {
    return Object.keys(this.#below).find((name) => this.cid(name).equals(cid)) ?? ''
  }
}

describe('depth first', () => {
  const tree = { t: 'anb', n: 'cmd', m: 'aa' }

  test('each comes before what is below it, as often as it is linked', async () => {
    const items = await Array.fromAsync(new Names(tree).walk('t'))
    expect(items.map(({ name }) => name).join('')).toBe('tancmaadb')
  })

  test('what is below a node is asked for when the next item is', async () => {
    const names = new Names(tree)
    const walk = names.walk('t')
    const asked: string[] = []
    for await (const { name } of walk) {
      asked.push(`${name}:${names.asked.join('')}`)
      if (name === 'm') break
    }
    expect(asked).toEqual(['t:', 'a:t', 'n:t', 'c:tn', 'm:tn'])
  })

  test('a leaf alone is all, and nothing is asked', async () => {
    const names = new Names({})
    expect(await Array.fromAsync(names.walk('x'))).toHaveLength(1)
    expect(names.asked).toEqual([])
  })

  test('a tree deeper than that of any file is none', async () => {
    const deep = (levels: number) =>
      Object.fromEntries(Array.from({ length: levels }, (_, at) => [`${at}`, `${at + 1}`]))
    expect(await Array.fromAsync(new Names(deep(8)).walk('0'))).toHaveLength(9)
    await expect(Array.fromAsync(new Names(deep(9)).walk('0'))).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' })
  })

  test.each([
    ['without any leaf', 'n'.repeat(1000), 4097],
    ['with a leaf now and then', `${'n'.repeat(999)}x`, undefined],
  ])('a tree of nodes %s', async (_, links, most) => {
    // Some 10 ^ 9 items, if somebody walked them all.
    const names = new Names({ t: 'o'.repeat(1000), o: 'm'.repeat(1000), m: links, n: '' })
    let count = 0
    const walk = async () => {
      for await (const _ of names.walk('t')) {
        count += 1
        if (count > 10_000) return
      }
    }
    if (most === undefined) await walk()
    else await expect(walk()).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' })
    expect(count).toBe(most ?? 10_001)
  })
})

describe('breadth first', () => {
  test('each node is asked for once, level by level, and no leaf is', async () => {
    const names = new Names({ t: 'nxm', n: 'op', m: 'pon', o: 'x', p: '' })
    await breadthFirst(names.cid('t'), async (cid) =>
      names.children(names.nameOf(cid)).map((child) => names.cid(child)),
    )
    expect(names.asked.join('')).toBe('tnmop')
  })

  test('some are under way at a time, and no more', async () => {
    const nodes = Array.from({ length: 50 }, (_, at) => dagPbBlock(Buffer.from(`${at}`)).cid)
    const root = dagPbBlock(Buffer.from('root')).cid
    let [now, most, all] = [0, 0, 0]
    const below = async (cid: CID) => {
      now += 1
      all += 1
      most = Math.max(most, now)
      await Promise.resolve()
      now -= 1
      return cid.equals(root) ? nodes : []
    }
    await breadthFirst(root, below, 8)
    expect({ most, all }).toEqual({ most: 8, all: 51 })
  })

  test('it ends with the error of whoever reads', async () => {
    const root = dagPbBlock(Buffer.from('root')).cid
    await expect(breadthFirst(root, () => Promise.reject(new Error('lost')))).rejects.toThrow('lost')
  })
})

describe('the way down to an entry', () => {
  const sink = new MemorySink()
  const block = async (cid: CID) => sink.blocks.get(cid.toString())
  const made = (async () => {
    const file = await writeFile(Buffer.from('x'), sink)
    const folder = await writeDirectory(new Map([['file', file]]), sink)
    return { file, root: await writeDirectory(new Map([['folder', folder]]), sink) }
  })()

  test('leads through directories', async () => {
    const { file, root } = await made
    expect((await descend(root.cid, ['folder', 'file'], block))?.toString()).toBe(file.cid.toString())
    expect((await descend(root.cid, [], block))?.toString()).toBe(root.cid.toString())
  })

  test.each([['nothing'], ['folder/nothing'], ['folder/file/below']])('%s is not there', async (path) => {
    const { root } = await made
    expect(await descend(root.cid, path.split('/'), block)).toBeUndefined()
    const read = async (cid: CID) => (await block(cid)) ?? new Uint8Array(0)
    await expect(findFile({ root: root.cid, path: path.split('/') }, read)).rejects.toMatchObject({
      code: 'NOT_AN_IMAGE',
      message: `${root.cid} has no ${path}`,
    })
  })

  test('ends at a directory that is lost', async () => {
    const { root } = await made
    const lost = async (cid: CID) => (cid.equals(root.cid) ? block(cid) : undefined)
    expect(await descend(root.cid, ['folder', 'file'], lost)).toBeUndefined()
  })
})
