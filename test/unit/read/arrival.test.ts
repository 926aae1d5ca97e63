import { describe, expect, test } from 'bun:test'
import { Arrival } from '../../../src/read/arrival.ts'

const MIB = 1024 * 1024
const never = new AbortController().signal

/** Whether it is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    promise.then(
      () => true,
      () => true,
    ),
    Bun.sleep(5).then(() => false),
  ])
}

describe('a file that arrives', () => {
  test('is read in large steps, and its end at once', async () => {
    const arrival = new Arrival(3 * MIB + 5)
    const first = arrival.beyond(0, never)
    arrival.advance(MIB - 1)
    expect(await isSettled(first)).toBe(false)
    arrival.advance(MIB + 7)
    expect(await first).toBe(MIB + 7)
    const rest = arrival.beyond(3 * MIB, never)
    arrival.advance(3 * MIB + 4)
    expect(await isSettled(rest)).toBe(false)
    arrival.advance(3 * MIB + 5)
    expect(await rest).toBe(3 * MIB + 5)
    expect(await arrival.beyond(0, never)).toBe(3 * MIB + 5)
  })

  test('is read in small steps when it comes slowly', async () => {
    const arrival = new Arrival(3 * MIB)
    const slow = arrival.beyond(0, never)
    await Bun.sleep(1050)
    arrival.advance(10)
    expect(await slow).toBe(10)
  })

  test('keeps what has come, whatever is said afterwards', async () => {
    const arrival = new Arrival(10)
    arrival.advance(10)
    arrival.advance(4)
    arrival.fail(new Error('too late'))
    expect(await arrival.beyond(0, never)).toBe(10)
  })

  test('ends with why nothing more comes, and with the signal', async () => {
    const arrival = new Arrival(10)
    const waiting = arrival.beyond(0, never)
    arrival.fail(new Error('the node is gone'))
    await expect(waiting).rejects.toThrow('the node is gone')
    await expect(arrival.beyond(0, never)).rejects.toThrow('the node is gone')

    const stop = new AbortController()
    const other = new Arrival(10).beyond(0, stop.signal)
    stop.abort(new Error('cancelled'))
    await expect(other).rejects.toThrow('cancelled')
    await expect(new Arrival(10).beyond(0, stop.signal)).rejects.toThrow('cancelled')
  })
})
