import { describe, expect, test } from 'bun:test'
import { parseCid } from '../../../src/dag/cid.ts'
import { notFound, withoutStall } from '../../../src/read/stall.ts'
import { type Bytes, collect } from '../../../src/streams.ts'
import { GOLDEN_ROOTS } from '../../support/images.ts'
import { never } from '../../support/never.ts'

const ROOT = parseCid(GOLDEN_ROOTS.tiny)

/** Pieces that come so many milliseconds after each other, and then none. */
async function* slow(waits: readonly number[], signal: AbortSignal, thenNever = false): Bytes {
  for (const wait of waits) {
    await Bun.sleep(wait)
    yield Buffer.from('.')
  }
  if (thenNever) await never(signal)
}

describe('a stream that must not stand still', () => {
  test('may take its time as long as something comes', async () => {
    const stop = new AbortController()
    const bytes = withoutStall(slow([60, 60, 60, 60], stop.signal), ROOT, 150, stop)
    expect((await collect(bytes, 10, 'it')).length).toBe(4)
    expect(stop.signal.aborted).toBe(false)
  })

  test('is not found when nothing comes, and what is behind it ends', async () => {
    const stop = new AbortController()
    let got = 0
    const read = async () => {
      for await (const piece of withoutStall(slow([0, 0], stop.signal, true), ROOT, 50, stop)) got += piece.length
    }
    await expect(read()).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(got).toBe(2)
    expect(stop.signal.aborted).toBe(true)
  })

  test('costs no time while nobody takes it', async () => {
    const stop = new AbortController()
    for await (const _ of withoutStall(slow([0, 0, 0], stop.signal), ROOT, 50, stop)) await Bun.sleep(80)
    expect(stop.signal.aborted).toBe(false)
  })

  test('is let go when its reader stops', async () => {
    const stop = new AbortController()
    let isOpen = true
    async function* source(): Bytes {
      try {
        for (;;) yield Buffer.from('.')
      } finally {
        isOpen = false
      }
    }
    for await (const _ of withoutStall(source(), ROOT, 50, stop)) break
    await Bun.sleep(0)
    expect(isOpen).toBe(false)
  })
})

test('what is not found says for how long it was looked for', () => {
  const { message, hint } = notFound(ROOT, 90_000)
  expect(message).toBe(`no node gave ${ROOT} within 90 s`)
  expect(hint).toContain('--timeout')
})
