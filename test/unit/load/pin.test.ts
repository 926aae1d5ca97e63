import { expect, test } from 'bun:test'
import { parseCid } from '../../../src/dag/cid.ts'
import type { ProgressEvent } from '../../../src/events.ts'
import { noPin, type PinOptions, pinAfter } from '../../../src/load/pin.ts'
import { GOLDEN_ROOTS } from '../../support/images.ts'
import { never } from '../../support/never.ts'
import { NO_SEEKER } from '../../support/no-seeker.ts'

const ROOT = parseCid(GOLDEN_ROOTS.tiny)

/** Pins that say what was asked of them; a pin may wait for ever. */
class SlowPins {
  readonly asked: string[] = []
  answers = true
  /** Tells the pin's progress, as often as it is called. */
  progress: () => void = () => undefined

  async pin(_: unknown, __: string, signal: AbortSignal, onProgress: () => void = () => undefined): Promise<void> {
    this.asked.push('pin')
    this.progress = onProgress
    if (!this.answers) await never(signal)
  }

  isPinned = async () => true

  async unpin(): Promise<void> {
    this.asked.push('unpin')
  }

  pinAfter(patienceMs: number, fetch?: PinOptions['fetch'], signal = new AbortController().signal) {
    return pinAfter(ROOT, { pins: this, signal, patienceMs: () => patienceMs, seeker: NO_SEEKER, fetch })
  }
}

/** Lets everything go on that waits for nothing. */
const soon = () => Bun.sleep(5)

test('a pin begins when what is read is there, after the rest', async () => {
  const pins = new SlowPins()
  const read = Promise.withResolvers<void>()
  const pin = pins.pinAfter(60_000, {
    arrived: read.promise,
    rest: async () => {
      pins.asked.push('rest')
    },
  })
  await soon()
  expect(pins.asked).toEqual([])
  read.resolve()
  await soon()
  expect(pins.asked).toEqual(['rest', 'pin'])
  expect(await pin.done(() => {})).toBe(true)
})

test('a pin begins when it is waited for, where nothing is read', async () => {
  const pins = new SlowPins()
  const pin = pins.pinAfter(60_000)
  await soon()
  expect(pins.asked).toEqual([])
  expect(await pin.done(() => {})).toBe(true)
  expect(pins.asked).toEqual(['pin'])
})

test('a pin that does not come is given up with a warning, and taken back', async () => {
  const pins = new SlowPins()
  pins.answers = false
  const pin = pins.pinAfter(100)
  const warnings: string[] = []
  const isPinned = await pin.done((event) => {
    if (event.type === 'warning') warnings.push(event.text)
  })
  expect(isPinned).toBe(false)
  expect(warnings).toEqual(['the image is loaded, but the node could not pin it: no block came for too long'])
  expect(pins.asked.slice(0, 2)).toEqual(['pin', 'unpin'])
})

test('a pin is waited for as long as blocks come', async () => {
  const pins = new SlowPins()
  const done = Promise.withResolvers<void>()
  pins.pin = async (_, __, ___, onProgress = () => undefined) => {
    const beat = setInterval(onProgress, 20)
    await done.promise.finally(() => clearInterval(beat))
  }
  const events: ProgressEvent[] = []
  const waiting = pins.pinAfter(200).done((event) => events.push(event))
  expect(await Promise.race([waiting, Bun.sleep(500)])).toBeUndefined()
  done.resolve()
  expect(await waiting).toBe(true)
  expect(events).toEqual([])
})

test('a pin is given up when the rest does not come, and then there is nothing to take back', async () => {
  const pins = new SlowPins()
  const arrived = new Promise<void>(() => undefined)
  const pin = pins.pinAfter(100, { arrived, rest: (signal) => never(signal) })
  expect(await pin.done(() => {})).toBe(false)
  expect(pins.asked).toEqual([])
})

test('a pin that is undone is taken back where it was begun, and else never begun', async () => {
  const pins = new SlowPins()
  pins.answers = false
  const begun = pins.pinAfter(60_000, { arrived: Promise.resolve(), rest: async () => undefined })
  await soon()
  await begun.undo(new Error('cancelled'))
  expect(pins.asked.slice(0, 2)).toEqual(['pin', 'unpin'])

  const other = new SlowPins()
  await other.pinAfter(60_000).undo(new Error('cancelled'))
  expect(other.asked).toEqual([])
})

test('a pin that is waited for ends with the signal, and says nothing', async () => {
  const pins = new SlowPins()
  pins.answers = false
  const stop = new AbortController()
  const events: ProgressEvent[] = []
  const waiting = pins.pinAfter(60_000, undefined, stop.signal).done((event) => events.push(event))
  await soon()
  stop.abort(new Error('cancelled'))
  await expect(waiting).rejects.toThrow('cancelled')
  expect(events).toEqual([])
})

test('a pin that the node was told to break off and made all the same is looked for again', async () => {
  const pins = new SlowPins()
  pins.answers = false
  let looks = 0
  pins.isPinned = async () => {
    looks += 1
    return looks === 3
  }
  const pin = pins.pinAfter(60_000, { arrived: Promise.resolve(), rest: async () => undefined })
  await soon()
  await pin.undo(new Error('cancelled'))
  expect(pins.asked).toEqual(['pin', 'unpin'])
  expect(looks).toBeGreaterThan(3)
})

test('an image that is pinned already, or is not to be, is neither pinned nor unpinned', async () => {
  for (const isPinned of [true, false]) {
    const pin = noPin(isPinned)
    expect(await pin.done(() => {})).toBe(isPinned)
    await pin.undo(new Error('cancelled'))
  }
})
