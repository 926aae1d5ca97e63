import { describe, expect, test } from 'bun:test'
import { until } from '../../../src/background/until.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { withFastClock } from '../../support/fast-clock.ts'

const never = new AbortController().signal
const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')

describe('what is asked for until there is an answer', () => {
  test('is asked for again and again', async () => {
    let asked = 0
    const answer = await until(async () => (++asked < 3 ? undefined : 'it'), 60_000, never)
    expect([answer, asked]).toEqual(['it', 3])
  })

  test('is asked for at least once, and no longer than the time is', async () => {
    let asked = 0
    const ask = async () => void ++asked
    expect(await until(ask, -1, never)).toBeUndefined()
    expect(asked).toBe(1)
    expect(await withFastClock(() => until(ask, 60_000, never))).toBeUndefined()
    expect(asked).toBeGreaterThan(2)
  })

  test('may be false, or nothing but empty', async () => {
    expect(await until(async () => false, 60_000, never)).toBe(false)
    expect(await until(async () => '', 60_000, never)).toBe('')
  })

  test('is given up with the signal, and when asking fails', async () => {
    const stop = new AbortController()
    const waiting = until(async () => stop.abort(cancelled), 60_000, stop.signal)
    await expect(waiting).rejects.toHaveProperty('cause', cancelled)
    await expect(until(() => Promise.reject(new TypeError('x')), 60_000, never)).rejects.toThrow(TypeError)
  })
})
