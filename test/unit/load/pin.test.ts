import { expect, test } from 'bun:test'
import { parseCid } from '../../../src/dag/cid.ts'
import { pinAfter } from '../../../src/load/pin.ts'
import type { LayerFetch } from '../../../src/read/fetch.ts'
import type { Node } from '../../../src/store/kubo/node.ts'
import { GOLDEN_ROOTS } from '../../support/images.ts'

const ROOT = parseCid(GOLDEN_ROOTS.tiny)

/** A node that says what was asked of it; its pin may wait for ever. */
class FakeNode {
  readonly asked: string[] = []
  answers = true

  async pin(_root: unknown, _name: string, signal: AbortSignal): Promise<void> {
    this.asked.push('pin')
    if (this.answers) return
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }

  isPinned = async () => true

  async unpin(): Promise<void> {
    this.asked.push('unpin')
  }

  pinAfter(timeoutMs: number, fetch?: { readonly arrived: Promise<void>; rest(): Promise<void> }) {
    return pinAfter(ROOT, {
      node: this as unknown as Node,
      signal: new AbortController().signal,
      timeoutMs,
      fetch: fetch as unknown as LayerFetch | undefined,
    })
  }
}

test('a pin begins when what is read is there, after the rest', async () => {
  const node = new FakeNode()
  const read = Promise.withResolvers<void>()
  const pin = node.pinAfter(60_000, {
    arrived: read.promise,
    rest: async () => {
      node.asked.push('rest')
    },
  })
  await Bun.sleep(5)
  expect(node.asked).toEqual([])
  read.resolve()
  await Bun.sleep(5)
  expect(node.asked).toEqual(['rest', 'pin'])
  expect(await pin.done(() => {})).toBe(true)
})

test('a pin begins when it is waited for, where nothing is read', async () => {
  const node = new FakeNode()
  const pin = node.pinAfter(60_000)
  await Bun.sleep(5)
  expect(node.asked).toEqual([])
  expect(await pin.done(() => {})).toBe(true)
  expect(node.asked).toEqual(['pin'])
})

test('a pin that does not come is given up with a warning, and taken back', async () => {
  const node = new FakeNode()
  node.answers = false
  const pin = node.pinAfter(100)
  const warnings: string[] = []
  const isPinned = await pin.done((event) => {
    if (event.type === 'warning') warnings.push(event.text)
  })
  expect(isPinned).toBe(false)
  expect(warnings).toEqual(['the image is loaded, but the node could not pin it: no block came for too long'])
  expect(node.asked.slice(0, 2)).toEqual(['pin', 'unpin'])
})

test('a pin is given up when the rest does not come, and then there is nothing to take back', async () => {
  const node = new FakeNode()
  const never = new Promise<void>(() => undefined)
  const rest = (signal?: AbortSignal) =>
    new Promise<void>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
  const pin = node.pinAfter(100, { arrived: never, rest })
  expect(await pin.done(() => {})).toBe(false)
  expect(node.asked).toEqual([])
})

test('a pin that is undone is taken back where it was begun, and else never begun', async () => {
  const node = new FakeNode()
  node.answers = false
  const begun = node.pinAfter(60_000, { arrived: Promise.resolve(), rest: async () => undefined })
  await Bun.sleep(5)
  await begun.undo(new Error('cancelled'))
  expect(node.asked.slice(0, 2)).toEqual(['pin', 'unpin'])

  const other = new FakeNode()
  await other.pinAfter(60_000).undo(new Error('cancelled'))
  expect(other.asked).toEqual([])
})
