import { describe, expect, test } from 'bun:test'
import { Rounds } from '../../../src/transfer/rounds.ts'

const never = new AbortController().signal

describe('requests in rounds', () => {
  test('are all broken off when one of them is quiet, and begin anew a moment later', async () => {
    const rounds = new Rounds(300)
    const busy = await rounds.join(0, never)
    const quiet = await rounds.join(0, never)
    const pin = await rounds.follow(never)
    const hearing = setInterval(() => busy.heard(), 20)
    while (!quiet.signal.aborted) await Bun.sleep(5)
    clearInterval(hearing)
    expect([busy.signal.aborted, pin.aborted]).toEqual([true, true])
    for (const round of [busy, quiet]) round.leave()

    const began = performance.now()
    expect((await rounds.follow(never)).aborted).toBe(false)
    expect(performance.now() - began).toBeGreaterThan(100)
  })

  test('go on while each of them hears something, or is over', async () => {
    const rounds = new Rounds(150)
    const [one, other] = [await rounds.join(0, never), await rounds.join(0, never)]
    other.leave()
    for (let times = 0; times < 10; times += 1) {
      await Bun.sleep(20)
      one.heard()
    }
    expect(one.signal.aborted).toBe(false)
    one.leave()
  })

  test('that follow begin before those that are behind, but for the first round', async () => {
    const rounds = new Rounds(60_000)
    const order: string[] = []
    const first = performance.now()
    ;(await rounds.join(10_000, never)).leave()
    expect(performance.now() - first).toBeLessThan(5000)
    rounds.anew()
    await Promise.all([
      rounds.join(50, never).then((round) => {
        order.push('behind')
        round.leave()
      }),
      rounds.follow(never).then(() => order.push('follows')),
    ])
    expect(order).toEqual(['follows', 'behind'])
  })

  test('end with the signal while they wait', async () => {
    const rounds = new Rounds(60_000)
    rounds.anew()
    const stop = new AbortController()
    const waiting = Promise.allSettled([rounds.follow(stop.signal), rounds.join(60_000, stop.signal)])
    const reason = new Error('cancelled')
    stop.abort(reason)
    expect(await waiting).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ])
  })
})
