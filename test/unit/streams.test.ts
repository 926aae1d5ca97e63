import { describe, expect, test } from 'bun:test'
import { abortable, type Bytes, collect, counted, leaveOpen, readAtOnce, splitAt } from '../../src/streams.ts'

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

describe('a stream that is read at once', () => {
  async function* three(seen: string[], end?: Error) {
    for (const text of ['a', 'b', 'c']) {
      seen.push(text)
      yield Buffer.from(text)
      await Bun.sleep(1)
    }
    if (end !== undefined) throw end
  }

  test('is read though nobody takes it, and whole for who comes late', async () => {
    const seen: string[] = []
    const stream = readAtOnce(three(seen))
    // Nobody takes anything: it must go on by itself.
    for (let tries = 0; seen.length < 3 && tries < 500; tries += 1) await Bun.sleep(10)
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(Buffer.from(await collect(stream, 10, 'it')).toString()).toBe('abc')
  })

  test('gives each piece when it comes', async () => {
    const seen: string[] = []
    for await (const bytes of readAtOnce(three(seen))) expect(seen.at(-1)).toBe(Buffer.from(bytes).toString())
    expect(seen).toHaveLength(3)
  })

  test('fails behind the pieces that came before, or when nobody reads it, without a word', async () => {
    const end = new Error('cut')
    const got: string[] = []
    const reading = (async () => {
      for await (const bytes of readAtOnce(three([], end))) got.push(Buffer.from(bytes).toString())
    })()
    readAtOnce(three([], end))
    expect(await reading.catch((error: unknown) => error)).toBe(end)
    expect(got).toEqual(['a', 'b', 'c'])
  })
})

describe('a stream that is cut in two at a mark', () => {
  async function* pieces(...texts: string[]): Bytes {
    for (const text of texts) yield Buffer.from(text)
  }
  const cut = async (limit: number, ...texts: string[]) => {
    const { head, body } = await splitAt(pieces(...texts), '--', limit)
    return [head.toString(), body && Buffer.from(await collect(body, 100, 'it')).toString()]
  }

  test('gives what is before it and behind it, whatever pieces it comes in', async () => {
    expect(await cut(10, 'ab--cd--e')).toEqual(['ab', 'cd--e'])
    expect(await cut(10, 'a', 'b-', '-', 'c', 'd')).toEqual(['ab', 'cd'])
    expect(await cut(10, 'ab--')).toEqual(['ab', ''])
    expect(await cut(10, '--ab')).toEqual(['', 'ab'])
  })

  test('has no body where the mark does not come, or too late', async () => {
    expect(await cut(10)).toEqual(['', undefined])
    expect(await cut(10, 'ab-')).toEqual(['ab-', undefined])
    expect(await cut(2, 'abc', '--d')).toEqual(['abc', undefined])
  })
})

test('a stream that is left open goes on where its reader stopped', async () => {
  async function* numbers(): Bytes {
    for (const number of [1, 2, 3]) yield Uint8Array.of(number)
  }
  const source = numbers()
  for await (const bytes of leaveOpen(source)) {
    expect([...bytes]).toEqual([1])
    break
  }
  expect([...(await collect(source, 10, 'the rest'))]).toEqual([2, 3])
})

test('a stream that is counted passes on as it is, and each piece is told before it is taken', async () => {
  async function* source() {
    yield Buffer.from('one')
    yield Buffer.from('three')
  }
  const told: (number | string)[] = []
  for await (const bytes of counted(source(), (bytesDone) => told.push(bytesDone))) told.push(String(bytes))
  expect(told).toEqual([3, 'one', 8, 'three'])
})
