import { describe, expect, test } from 'bun:test'
import { type Counted, startTally } from '../../../../src/load/sources/tally.ts'
import { layeredImage } from '../../../support/layered.ts'
import { Told } from '../../../support/memory/loading.ts'

// A layer that an image has twice is one blob.
const IMAGE = layeredImage('aba')
const LAYERS = IMAGE.layers.slice(0, 2).reduce((sum, { size }) => sum + size, 0)
const ALL = LAYERS + IMAGE.manifestBytes.length + IMAGE.configBytes.length

/** What is told of a load while the node's counter went from one number to another. */
async function told(counts: readonly (number | Error)[], counted: Partial<Counted>, signal?: AbortSignal) {
  const all = new Told()
  let at = 0
  const bytesFetched = async () => {
    const count = counts[at++] ?? 0
    if (count instanceof Error) throw count
    return count
  }
  const options = { traffic: { bytesFetched }, report: all.report, signal: signal ?? new AbortController().signal }
  const nothing = { bytesHad: 0, wasPinned: false, isPinned: true, gatewayBytes: 0 }
  await startTally(options).report(IMAGE, { ...nothing, ...counted })
  return all.sources
}

describe('where the bytes of an image were', () => {
  test('is the network as far as the node fetched, and else the node', async () => {
    const sources = await told([1000, 1000 + 30], {})
    expect(sources).toEqual({ type: 'sources', fromNetwork: 30, onNode: ALL - 30, inEngine: 0 })
  })

  test('is never more than the image has, whatever else the node fetched meanwhile', async () => {
    expect(await told([0, 10_000_000], {})).toEqual({ type: 'sources', fromNetwork: ALL, onNode: 0, inEngine: 0 })
  })

  test('is the node where the image was pinned before', async () => {
    expect(await told([0, 10_000_000], { wasPinned: true })).toMatchObject({ fromNetwork: 0, onNode: ALL })
  })

  test('is the engine for what it was not sent, and without a pin nobody was asked for that', async () => {
    expect(await told([0, 0], { bytesHad: 7, isPinned: false })).toMatchObject({ onNode: ALL - 7, inEngine: 7 })
    expect(await told([0, 0], { bytesHad: 7 })).toMatchObject({ onNode: ALL, inEngine: 7 })
  })

  test('is gateways for what they gave, as far as the network did not', async () => {
    expect(await told([0, 20], { gatewayBytes: 30 })).toEqual({
      type: 'sources',
      fromGateways: 30,
      fromNetwork: 20,
      onNode: ALL - 50,
      inEngine: 0,
    })
    expect(await told([0, 20], { gatewayBytes: 10 * ALL })).toMatchObject({ fromGateways: ALL - 20, onNode: 0 })
  })

  test('is not told by a node that does not count, before or after', async () => {
    expect(await told([new Error('no counter'), 5], {})).toBeUndefined()
    expect(await told([5, new Error('no counter')], {})).toBeUndefined()
  })

  test('is not told when the load is cancelled meanwhile', async () => {
    const stop = AbortSignal.abort(new Error('cancelled'))
    await expect(told([new Error('aborted'), new Error('aborted')], {}, stop)).rejects.toThrow('cancelled')
  })
})
