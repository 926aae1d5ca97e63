import { describe, expect, test } from 'bun:test'
import { inTime, outlasting, within } from '../../src/time.ts'
import { never } from '../support/never.ts'

const open = new AbortController().signal
const late = new Error('late')

describe('within a time limit', () => {
  test('the answer is given, and an error as it is', async () => {
    expect(
      await within(
        10_000,
        open,
        async () => 7,
        () => late,
      ),
    ).toBe(7)
    const failed = new Error('failed')
    await expect(
      within(
        10_000,
        open,
        () => Promise.reject(failed),
        () => late,
      ),
    ).rejects.toBe(failed)
  })

  test('what is late ends with what is made of its error', async () => {
    let cause: unknown
    const onLate = (error: unknown) => {
      cause = error
      return late
    }
    await expect(within(1, open, never, onLate)).rejects.toBe(late)
    expect(cause).toMatchObject({ name: 'TimeoutError' })
  })

  test('the reason of the signal goes before the limit', async () => {
    const reason = new Error('stopped')
    const stop = new AbortController()
    const asked = within(10_000, stop.signal, never, () => late)
    stop.abort(reason)
    await expect(asked).rejects.toBe(reason)
  })

  test('the reason of the signal goes before the limit also where both are over', async () => {
    const reason = new Error('stopped')
    const stop = new AbortController()
    const both = async (limited: AbortSignal) => {
      await never(limited).catch(() => undefined)
      stop.abort(reason)
      throw reason
    }
    await expect(within(1, stop.signal, both, () => late)).rejects.toBe(reason)
  })

  test('an answer that comes although time is up counts', async () => {
    const slow = (limited: AbortSignal) => never(limited).catch(() => 7)
    expect(await within(1, open, slow, () => late)).toBe(7)
  })
})

describe('in time', () => {
  test('the answer is given, and what is late is undefined', async () => {
    expect(await inTime(10_000, open, async () => 7)).toBe(7)
    expect(await inTime<number>(1, open, never)).toBeUndefined()
  })

  test('an error, and the reason of the signal, are thrown', async () => {
    const failed = new Error('failed')
    await expect(inTime(10_000, open, () => Promise.reject(failed))).rejects.toBe(failed)
    const stop = new AbortController()
    const asked = inTime(10_000, stop.signal, never)
    stop.abort(failed)
    await expect(asked).rejects.toBe(failed)
  })
})

describe('a signal that outlasts another', () => {
  test('is aborted later, for the same reason', async () => {
    const first = new AbortController()
    const later = outlasting(first.signal, 30)
    const reason = new Error('cancelled')
    first.abort(reason)
    expect(later.aborted).toBe(false)
    await new Promise((resolve) => later.addEventListener('abort', resolve))
    expect(later.reason).toBe(reason)
  })

  test('also where that one was aborted before, and never where it is not', async () => {
    const reason = new Error('cancelled')
    const later = outlasting(AbortSignal.abort(reason), 1)
    const never = outlasting(open, 1)
    await new Promise((resolve) => later.addEventListener('abort', resolve))
    expect(later.reason).toBe(reason)
    expect(never.aborted).toBe(false)
  })
})
