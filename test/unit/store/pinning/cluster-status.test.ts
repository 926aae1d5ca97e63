import { describe, expect, test } from 'bun:test'
import { copyOf, readClusterStatus } from '../../../../src/store/pinning/cluster-status.ts'

/** What IPFS Cluster 1.1.6 answers to `GET /pins/CID`, as far as it is looked at. `peers`: status, and error, by name. */
function answer(allocations: readonly string[], peers: Readonly<Record<string, readonly [string, string?]>>) {
  const map = Object.entries(peers).map(([peername, [status, error = '']]) => [
    peername.toUpperCase(),
    { peername, ipfs_peer_id: `12D3${peername}`, status, timestamp: '2026-11-28T14:01:13Z', error, attempt_count: 0 },
  ])
  return { cid: 'bafy', name: 'x', allocations, origins: [], peer_map: Object.fromEntries(map) as object }
}
function copy(...said: Parameters<typeof answer>) {
  const status = readClusterStatus(answer(...said))
  return status === undefined ? undefined : copyOf(status)
}

describe('a cluster says of an image that it is', () => {
  test('not there', () => {
    expect(copy([], { one: ['unpinned'], two: ['unpinned'] })).toEqual({ state: 'absent', how: 'asked' })
  })

  test('pinned on those that were chosen, whatever the others say', () => {
    expect(copy(['ONE', 'TWO'], { one: ['pinned'], two: ['pinned'], three: ['remote'] })).toEqual({
      state: 'claimed',
      how: 'it says pinned on 2 of 2',
    })
  })

  test('pinned everywhere; a peer that died is not counted, so that the number is told', () => {
    expect(copy([], { one: ['pinned'], two: ['pinned'] })).toMatchObject({
      state: 'claimed',
      how: 'it says pinned on 2 of 2',
    })
  })

  test('on its way', () => {
    expect(copy(['ONE', 'TWO'], { one: ['pinned'], two: ['pin_queued'] })).toMatchObject({ state: 'pinning' })
    expect(copy(['ONE', 'TWO'], { one: ['pinning'], two: ['pin_error', 'no'] })).toEqual({
      state: 'pinning',
      how: 'it says pinned on 0 of 2',
      reason: 'two: no',
    })
    // Allocated, and no peer has heard of it yet.
    expect(copy(['ONE', 'TWO'], { three: ['remote'] })).toMatchObject({ state: 'pinning' })
  })

  test('on two of three, where the third is dead: two copies are two copies', () => {
    const said = { one: ['pinned'], two: ['pinned'], three: ['cluster_error', 'dial backoff'] } as const
    expect(copy(['ONE', 'TWO', 'THREE'], said)).toEqual({
      state: 'partial',
      how: 'it says pinned on 2 of 3',
      reason: 'three: dial backoff',
    })
  })

  test('failed, with the words of each peer', () => {
    const said = { one: ['pin_error', 'context canceled'], two: ['unexpectedly_unpinned'] } as const
    expect(copy(['ONE', 'TWO'], said)).toEqual({
      state: 'failed',
      how: 'it says pinned on 0 of 2',
      reason: 'one: context canceled; two: unexpectedly_unpinned',
    })
  })
})

test('words of peers move no cursor', () => {
  expect(copy(['ONE'], { one: ['pin_error', '\u001b[2Jgone'] })).toMatchObject({ reason: 'one: [2Jgone' })
})

test.each([undefined, {}, { peer_map: [] }, { peer_map: 'x' }])('what is no status is none: %p', (value) => {
  expect(readClusterStatus(value)).toBeUndefined()
})
