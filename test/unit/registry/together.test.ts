import { describe, expect, test } from 'bun:test'
import { orAborted, Together } from '../../../src/registry/together.ts'
import { never } from '../../support/never.ts'

const forever = new AbortController().signal
const forgetful = { valueMs: 0, errorMs: 0 }

describe('what many ask for', () => {
  test('is looked for once', async () => {
    const together = new Together<string>(forever, forgetful)
    let searches = 0
    const answer = Promise.withResolvers<string>()
    const work = () => {
      searches += 1
      return answer.promise
    }
    const asked = [1, 2, 3].map(() => together.ask('a', forever, work))
    answer.resolve('found')
    expect(await Promise.all(asked)).toEqual(['found', 'found', 'found'])
    expect(searches).toBe(1)
    await together.ask('a', forever, work)
    expect(searches).toBe(2)
  })

  test('goes on when one of them leaves, and ends with the last', async () => {
    const together = new Together<string>(forever, forgetful)
    const leavers = [new AbortController(), new AbortController()]
    let ended: unknown
    const work = async (signal: AbortSignal) => {
      signal.addEventListener('abort', () => {
        ended = signal.reason
      })
      return never(signal)
    }
    const asked = leavers.map(({ signal }) => together.ask('a', signal, work).catch((error: unknown) => error))
    leavers[0]?.abort('first')
    expect(await asked[0]).toBe('first')
    expect(ended).toBeUndefined()
    leavers[1]?.abort('second')
    expect(await asked[1]).toBe('second')
    expect(ended).toBe('second')
  })

  test('is looked for anew by who comes behind the last that left', async () => {
    const together = new Together<string>(forever, { valueMs: 60_000, errorMs: 60_000 })
    const leaver = new AbortController()
    const first = together.ask('a', leaver.signal, never).catch((error: unknown) => error)
    leaver.abort('left')
    expect(await first).toBe('left')
    expect(await together.ask('a', forever, async () => 'found')).toBe('found')
  })

  test('ends with all that there is', async () => {
    const stop = new AbortController()
    const together = new Together<string>(stop.signal, forgetful)
    const asked = together.ask('a', forever, never).catch((error: unknown) => error)
    stop.abort('closed')
    expect(await asked).toBe('closed')
  })

  test.each([
    ['a miss', { valueMs: 0, errorMs: 60_000 }, true],
    ['what was found', { valueMs: 60_000, errorMs: 0 }, false],
  ])('is remembered: %s', async (_, memory, fails) => {
    const together = new Together<string>(forever, memory)
    let searches = 0
    const work = async () => {
      searches += 1
      if (fails) throw new Error('nobody has it')
      return 'found'
    }
    const ask = (key: string) => together.ask(key, forever, work).catch((error: unknown) => String(error))
    const expected = fails ? 'Error: nobody has it' : 'found'
    expect([await ask('a'), await ask('a'), await ask('b')]).toEqual([expected, expected, expected])
    expect(searches).toBe(2)
  })

  test('is not asked for by who has left already', async () => {
    const together = new Together<string>(forever, forgetful)
    let searches = 0
    const asked = together.ask('a', AbortSignal.abort('gone'), async () => {
      searches += 1
      return ''
    })
    expect(await asked.catch((error: unknown) => error)).toBe('gone')
    expect(searches).toBe(0)
  })
})

test('work of others is waited for as long as somebody wants it', async () => {
  const leaver = new AbortController()
  const waiting = orAborted(Promise.withResolvers<void>().promise, leaver.signal).catch((error: unknown) => error)
  leaver.abort('left')
  expect(await waiting).toBe('left')
  expect(await orAborted(Promise.resolve(1), AbortSignal.abort('gone')).catch((error: unknown) => error)).toBe('gone')
  expect(await orAborted(Promise.resolve(1), forever)).toBe(1)
})
