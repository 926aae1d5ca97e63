import { describe, expect, test } from 'bun:test'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { fetchAhead } from '../../../src/read/fetch.ts'
import { GOLDEN_ROOTS } from '../../support/images.ts'
import { never } from '../../support/never.ts'

/** The folder of blobs. */
const BLOBS = parseCid(GOLDEN_ROOTS.tiny)

describe('the first blocks of all blobs', () => {
  const ahead = (
    fetchBelow: (cid: CID, signal: AbortSignal, levels?: number) => AsyncGenerator<void>,
    signal: AbortSignal,
  ) => fetchAhead(BLOBS, { fetchBelow }, signal)

  test('are asked for at once, and waited for', async () => {
    const asked: [string, number | undefined][] = []
    let links = 0
    await ahead(async function* (cid, _, levels) {
      asked.push([cid.toString(), levels])
      for (; links < 5; links += 1) {
        await Bun.sleep(2)
        yield
      }
    }, new AbortController().signal)
    expect(asked).toEqual([[BLOBS.toString(), 2]])
    expect(links).toBe(5)
  })

  test('are not waited for when one does not come, or the node cannot give them', async () => {
    let isOpen = true
    await ahead(async function* (_, signal) {
      try {
        yield await never(signal)
      } finally {
        isOpen = false
      }
    }, new AbortController().signal)
    expect(isOpen).toBe(false)
    // biome-ignore lint/correctness/useYield: it fails before.
    await ahead(async function* () {
      throw new Error('the node is gone')
    }, new AbortController().signal)
  })

  test('end with the signal', async () => {
    const stop = new AbortController()
    const asking = ahead(async function* (_, signal) {
      yield await never(signal)
    }, stop.signal)
    stop.abort(new Error('cancelled'))
    await expect(asking).rejects.toThrow('cancelled')
  })
})
