import { beforeAll, describe, expect, test } from 'bun:test'
import { rawBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { joinFile, leafNode } from '../../../src/format/files.ts'
import type { BlockStore } from '../../../src/store/blocks.ts'
import type { Pins } from '../../../src/store/pins.ts'
import { errorOf } from '../error-of.ts'
import { noise } from '../images.ts'

/** A node with nothing pinned of what a test makes. */
export interface PinningNode {
  readonly pins: Pins
  readonly blocks: BlockStore
}

const open = new AbortController().signal

/** Holds an implementation of the port against what the port says. */
export function conformsAsPins(name: string, start: () => PinningNode): void {
  describe(`pins of ${name}`, () => {
    let node: PinningNode
    beforeAll(() => {
      node = start()
    })
    /** A file of these leaves, whose blocks are there, and which is not pinned. */
    const root = (...leaves: string[]) => put(node.blocks, leaves)

    test('keep a root under a name, until it is taken away', async () => {
      const { pins } = node
      const [one, other] = [await root('a', 'b'), await root('c')]
      await pins.pin(one, 'a name', open)
      await pins.pin(other, '', open)
      expect(await Promise.all([pins.pinName(one, open), pins.pinName(other, open)])).toEqual(['a name', ''])
      expect(await pins.isPinned(one, open)).toBe(true)
      const roots = await pins.pinnedRoots(open)
      expect([one, other].filter((cid) => roots.has(cid.toString()))).toEqual([one, other])
      await pins.unpin(one, open)
      expect(await pins.isPinned(one, open)).toBe(false)
      expect(await pins.pinName(one, open)).toBeUndefined()
      expect((await pins.pinnedRoots(open)).has(one.toString())).toBe(false)
      expect(await pins.isPinned(other, open)).toBe(true)
    })

    test('are those of roots alone, not of what is below one', async () => {
      const leaf = await root('below')
      await node.pins.pin(await root('below', 'beside'), '', open)
      expect(await node.pins.isPinned(leaf, open)).toBe(false)
      expect((await node.pins.pinnedRoots(open)).has(leaf.toString())).toBe(false)
    })

    test('may be made twice', async () => {
      const { pins } = node
      const cid = await root('twice')
      await pins.pin(cid, 'twice', open)
      await pins.pin(cid, 'twice', open)
      expect(await pins.pinName(cid, open)).toBe('twice')
    })

    test('can be made beside one that there is, and not beside none', async () => {
      const { pins } = node
      const [first, second, third] = [await root('1', '2'), await root('1', '3'), await root('1', '4')]
      expect(await pins.pinBeside(second, first, open)).toBe(false)
      expect(await pins.isPinned(second, open)).toBe(false)
      await pins.pin(first, '', open)
      expect(await pins.pinBeside(second, first, open)).toBe(true)
      expect(await Promise.all([first, second].map((cid) => pins.pinName(cid, open)))).toEqual(['', ''])
      await pins.pin(third, 'third', open)
      const fourth = await root('1', '5')
      expect(await pins.pinBeside(fourth, third, open)).toBe(true)
      expect(await pins.pinName(fourth, open)).toBe('third')
    })

    test('that are not there cannot be taken away', async () => {
      const cid = await root('never pinned')
      expect(await errorOf(node.pins.unpin(cid, open))).toMatchObject({ code: 'NODE_FAILED' })
    })

    test('wait for what is lost, and are not made when the wait ends', async () => {
      const lost = rawBlock(noise(100, 'lost pin'))
      const here = rawBlock(noise(100, 'here'))
      const session = node.blocks.openImport(open)
      await session.put(here)
      const top = await joinFile([leafNode(here), leafNode(lost)], session)
      // So that there is something to be finished with.
      await session.finish(here.cid)
      const limit = AbortSignal.timeout(300)
      expect(await errorOf(node.pins.pin(top.cid, '', limit))).toBe(limit.reason)
      expect(await node.pins.isPinned(top.cid, open)).toBe(false)
    })

    test('are not asked for with a signal that is aborted', async () => {
      const { pins } = node
      const [cid, reason] = [await root('aborted'), new Error('stopped')]
      const signal = AbortSignal.abort(reason)
      const asked = [
        pins.pin(cid, '', signal),
        pins.pinBeside(cid, cid, signal),
        pins.unpin(cid, signal),
        pins.pinName(cid, signal),
        pins.isPinned(cid, signal),
        pins.pinnedRoots(signal),
      ]
      expect(await Promise.all(asked.map(errorOf))).toEqual(asked.map(() => reason))
      expect(await pins.isPinned(cid, open)).toBe(false)
    })
  })
}

async function put(blocks: BlockStore, leaves: readonly string[]): Promise<CID> {
  const session = blocks.openImport(open)
  const all = leaves.map((text) => rawBlock(noise(500, `pins ${text}`)))
  for (const leaf of all) await session.put(leaf)
  const { cid } = await joinFile(all.map(leafNode), session)
  // An import pins its roots; here another one, of no interest.
  const other = rawBlock(noise(50, `pins of ${leaves.join()}`))
  await session.put(other)
  await session.finish(other.cid)
  return cid
}
