import { describe, expect, test } from 'bun:test'
import { abortable } from '../../src/streams.ts'

describe('a stream that can be stopped', () => {
  async function* endless(onEnd: () => void) {
    try {
      for (;;) yield Buffer.alloc(1_000_000)
    } finally {
      onEnd()
    }
  }

  test('ends with the reason, even while it waits for a piece that never comes', async () => {
    const stop = new AbortController()
    async function* stuck() {
      yield Buffer.from('first')
      await new Promise(() => undefined)
    }
    const seen: string[] = []
    const reading = (async () => {
      for await (const bytes of abortable(stuck(), stop.signal)) seen.push(Buffer.from(bytes).toString())
    })()
    await Bun.sleep(10)
    stop.abort(new Error('enough'))
    expect(reading).rejects.toThrow('enough')
    await reading.catch(() => undefined)
    expect(seen).toEqual(['first'])
  })

  test('lets its source go when the reader has had enough', async () => {
    let ended = false
    const source = endless(() => {
      ended = true
    })
    for await (const _ of abortable(source, new AbortController().signal)) break
    expect(ended).toBe(true)
  })

  test('keeps none of the pieces that have passed', async () => {
    const passed: WeakRef<Uint8Array>[] = []
    for await (const bytes of abortable(
      endless(() => undefined),
      new AbortController().signal,
    )) {
      passed.push(new WeakRef(bytes))
      // A weak reference holds on until the next turn.
      await Bun.sleep(0)
      if (passed.length < 200) continue
      Bun.gc(true)
      expect(passed.filter((piece) => piece.deref() !== undefined).length).toBeLessThan(50)
      break
    }
  })
})
