import { describe, expect, test } from 'bun:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseCid } from '../../../src/dag/cid.ts'
import { persist } from '../../../src/read/persist.ts'
import { never } from '../../support/never.ts'

const root = parseCid('bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi')

/** Asks a node whose counter gives these answers, one after the other, and then the last again and again. */
async function asking(
  counts: readonly (number | Error)[],
  timeoutMs: number,
  answer: (round: AbortSignal, heard: (isNew: boolean) => void, nth: number) => Promise<void>,
  signal = new AbortController().signal,
) {
  let looks = 0
  const bytesReceived = async () => {
    const count = counts[Math.min(looks++, counts.length - 1)]
    if (count instanceof Error) throw count
    return count ?? 0
  }
  const [askedAt, began]: [number[], number] = [[], performance.now()]
  let heardOf = 0
  const work = persist(
    { traffic: { bytesReceived }, root, signal, timeoutMs, onProgress: () => heardOf++ },
    (round, heard) => {
      askedAt.push(Math.round(performance.now() - began))
      return answer(round, heard, askedAt.length)
    },
  )
  const error = await work.then(
    () => undefined,
    (reason) => reason,
  )
  return { error, askedAt, heardOf, tookMs: performance.now() - began }
}

const GROWING = Array.from({ length: 10_000 }, (_, at) => at * 4096)

describe('a question whose answer comes from others', () => {
  test('is put once when it is answered', async () => {
    const { error, askedAt } = await asking([0], 300, async (_, heard) => heard(true))
    expect(error).toBeUndefined()
    expect(askedAt).toHaveLength(1)
  })

  test('is put anew when nothing comes, and given up at the limit', async () => {
    const { error, askedAt, tookMs } = await asking([7], 900, (round) => never(round))
    expect(error).toMatchObject({ code: 'CONTENT_NOT_FOUND', message: `no node gave ${root} within 1 s` })
    expect(askedAt).toEqual([expect.any(Number), expect.any(Number)])
    expect(tookMs).toBeGreaterThanOrEqual(900)
  })

  test('is not put anew while the node gets bytes, though nothing is answered', async () => {
    const { error, askedAt, heardOf } = await asking(GROWING, 900, async (round) => {
      await Promise.race([sleep(1200), never(round)])
    })
    expect(error).toBeUndefined()
    expect(askedAt).toHaveLength(1)
    expect(heardOf).toBeGreaterThan(3)
  })

  test('is put anew, and given up in the end, when the node gets bytes that may be for others', async () => {
    const { error, askedAt, tookMs } = await asking(GROWING, 60, (round) => never(round))
    expect(error).toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(askedAt.length).toBeGreaterThan(1)
    expect(tookMs).toBeGreaterThanOrEqual(20 * 60)
  })

  test('is given up when the same is answered again and again', async () => {
    const { error, askedAt } = await asking([7], 600, async (round, heard) => {
      heard(false)
      await never(round)
    })
    expect(error).toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(askedAt.length).toBeGreaterThan(1)
  })

  test('is put to a node that counts nothing too', async () => {
    const { error, askedAt } = await asking([new Error('no counter')], 300, async (round, heard, nth) => {
      heard(true)
      if (nth === 1) await never(round)
    })
    expect(error).toBeUndefined()
    expect(askedAt).toHaveLength(2)
  })

  test('ends with what the node says', async () => {
    const { error } = await asking([0], 300, async () => {
      throw new Error('the node is gone')
    })
    expect(error).toMatchObject({ message: 'the node is gone' })
  })

  test('ends with the signal, also between two questions', async () => {
    const stop = new AbortController()
    const reason = new Error('cancelled')
    const { error, askedAt } = await asking(
      [0],
      300,
      async (round) => {
        round.addEventListener('abort', () => queueMicrotask(() => stop.abort(reason)))
        await never(round)
      },
      stop.signal,
    )
    expect(error).toBe(reason)
    expect(askedAt).toHaveLength(1)
  })
})
