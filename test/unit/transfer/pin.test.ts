import { expect, test } from 'bun:test'
import { parseCid } from '../../../src/dag/cid.ts'
import type { Node } from '../../../src/kubo/node.ts'
import { pinAhead } from '../../../src/transfer/pin.ts'
import { Rounds } from '../../../src/transfer/rounds.ts'
import { GOLDEN_ROOTS } from '../../support/images.ts'

const ROOT = parseCid(GOLDEN_ROOTS.tiny)

/** A node whose first pin waits for ever. */
function fakeNode() {
  const node = {
    asked: 0,
    unpinned: 0,
    async pin(_root: unknown, _name: string, signal: AbortSignal): Promise<void> {
      node.asked += 1
      if (node.asked > 1) return
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
    isPinned: async () => true,
    async unpin(): Promise<void> {
      node.unpinned += 1
    },
  }
  return node
}

function pinOn(node: ReturnType<typeof fakeNode>, rounds: Rounds, timeoutMs: number) {
  return pinAhead(ROOT, { node: node as unknown as Node, signal: new AbortController().signal, timeoutMs, rounds })
}

test('a pin is asked for anew with what else is asked of the node', async () => {
  const [node, rounds] = [fakeNode(), new Rounds(60_000)]
  const pin = await pinOn(node, rounds, 60_000)
  rounds.anew()
  expect(await pin.done(() => {})).toBe(true)
  expect(node).toMatchObject({ asked: 2, unpinned: 0 })
})

test('a pin that is waited for is asked for anew by itself', async () => {
  const node = fakeNode()
  const pin = await pinOn(node, new Rounds(60_000), 3000)
  expect(await pin.done(() => {})).toBe(true)
  expect(node).toMatchObject({ asked: 2, unpinned: 0 })
})

test('a pin that does not come is given up with a warning, and taken back', async () => {
  const node = fakeNode()
  const pin = await pinOn(node, new Rounds(60_000), 100)
  const warnings: string[] = []
  const isPinned = await pin.done((event) => {
    if (event.type === 'warning') warnings.push(event.text)
  })
  expect(isPinned).toBe(false)
  expect(warnings).toEqual(['the image is loaded, but the node could not pin it: no block came for too long'])
  expect(node.asked).toBe(1)
  expect(node.unpinned).toBeGreaterThan(0)
})

test('a pin that is undone is not asked for again', async () => {
  const [node, rounds] = [fakeNode(), new Rounds(60_000)]
  const pin = await pinOn(node, rounds, 60_000)
  rounds.anew()
  await pin.undo(new Error('cancelled'))
  expect(node.asked).toBe(1)
})
