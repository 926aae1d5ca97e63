import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { parseCid } from '../../../../src/dag/cid.ts'
import { ServicePlace } from '../../../../src/store/pinning/service.ts'
import type { SendOptions } from '../../../../src/store/places.ts'
import type { Peer } from '../../../../src/store/routing.ts'
import { ourErrorOf } from '../../../support/error-of.ts'
import { GOLDEN_ROOTS } from '../../../support/images.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { failure, TestService } from '../../../support/pinning/service.ts'

const ROOT = parseCid(GOLDEN_ROOTS.tiny)
const ID = '12D3KooWJQEux5YpgarjaetDzwVmobVwo5K48omSP7qeKmbqhFfA'
const PUBLIC = `/ip4/93.184.216.34/tcp/4001/p2p/${ID}`
const NEAR = `/ip4/192.168.1.5/tcp/4001/p2p/${ID}`
const ODD = `/ip4/93.184.216.34/udp/4001/webrtc-direct/certhash/uEi/p2p/${ID}`

let service: TestService
let node: MemoryNode
let met: Peer[]
let said: string[]
beforeEach(() => {
  service = new TestService()
  node = new MemoryNode('here')
  met = []
  said = []
  node.routing.self = async () => ({ id: ID, addresses: [PUBLIC, NEAR, ODD] })
  node.routing.connect = async (peer) => met.push(peer) > 0
})
afterEach(() => service.server.close())

const { signal } = new AbortController()
const place = () => new ServicePlace(service.access, 1)
function send(more: Partial<SendOptions> = {}) {
  const image = { root: ROOT, name: 'tiny:1', from: node.ports }
  const doing = (what: string) => void said.push(what)
  return place().send(image, { signal, stillMs: 2000, wait: true, doing, moved: () => {}, warn: () => {}, ...more })
}
describe('an image that a service is to pin', () => {
  test('is queued, then pinning, then pinned: that is its claim', async () => {
    service.next = (pin) => {
      pin.status = pin.status === 'queued' ? 'pinning' : 'pinned'
    }
    expect(await send()).toEqual({ state: 'claimed', how: 'it says pinned' })
    expect(said).toEqual(['Queued', 'Pinning'])
    expect(service.pins.map(({ pin }) => pin)).toEqual([
      { cid: GOLDEN_ROOTS.tiny, name: 'tiny:1', origins: [PUBLIC, NEAR] },
    ])
  })

  test('is not asked for again where it is pinned or on its way', async () => {
    service.add(GOLDEN_ROOTS.tiny, 'pinning')
    expect(await send()).toMatchObject({ state: 'claimed' })
    expect(await send()).toMatchObject({ state: 'claimed' })
    expect(service.changes).toEqual([])
  })

  test('is found among thousands', async () => {
    for (let at = 0; at < 2500; at += 1) service.add(`bafkother${at}`, 'pinned')
    service.add(GOLDEN_ROOTS.tiny, 'pinned')
    expect(await place().look(ROOT, { signal, reads: 0 })).toEqual({ state: 'claimed', how: 'it says pinned' })
  })

  test('is asked for again where it failed, and the failure goes only when there is a better one', async () => {
    service.add(GOLDEN_ROOTS.tiny, 'failed', { info: { status_details: 'no peers' } })
    expect(await place().look(ROOT, { signal, reads: 0 })).toEqual({
      state: 'failed',
      how: 'it says failed',
      reason: 'no peers',
    })
    expect(await send()).toMatchObject({ state: 'claimed' })
    expect(service.changes).toEqual(['POST /pins', 'DELETE /pins/r1'])
    expect(service.pins.map(({ status }) => status)).toEqual(['pinned'])
  })

  test('fails with what the service says of it', async () => {
    service.next = (pin) =>
      Object.assign(pin, { status: 'failed', info: { status_details: 'blocked\u001b[2J\nby law' } })
    expect(await send()).toEqual({ state: 'failed', how: 'it says failed', reason: 'blocked [2J by law' })
    expect(service.changes).toEqual(['POST /pins'])
  })

  test('is left to it when nobody wants to wait', async () => {
    expect(await send({ wait: false })).toEqual({ state: 'pinning', how: 'it says queued' })
  })

  test('is given up when nothing moves, with its last words', async () => {
    service.next = (pin) => Object.assign(pin, { status: 'pinning', info: { status_details: 'looking for peers' } })
    const { message, hint } = await ourErrorOf(send({ stillMs: 150 }))
    expect(message).toBe('nothing has moved at shop for 0 s; it says: pinning, looking for peers')
    expect(hint).toContain('docker ipfs copies')
  })

  test('is waited for as long as our node gives blocks away', async () => {
    let asked = 0
    service.next = (pin) => {
      asked += 1
      node.blocks.bytesSent += 1000
      pin.status = asked < 12 ? 'pinning' : 'pinned'
    }
    expect(await send({ stillMs: 300 })).toMatchObject({ state: 'claimed' })
  })

  test('is fetched by its delegates, which our node connects to', async () => {
    service.delegates = [`/dnsaddr/x/p2p/${ID}`, NEAR, PUBLIC, '/unix/x', 'nonsense']
    await send()
    expect(met).toEqual([{ id: ID, addresses: [NEAR, PUBLIC] }])
  })
})

describe('origins', () => {
  test('that it does not take are left out, once', async () => {
    service.answers.push(
      () => undefined,
      () => failure(400, 'INVALID_ORIGINS', 'unknown protocol'),
    )
    expect(await send()).toMatchObject({ state: 'claimed' })
    expect(service.pins[0]?.pin).toEqual({ cid: GOLDEN_ROOTS.tiny, name: 'tiny:1' })
    service.pins.length = 0
    service.answers.push(
      ...Array.from({ length: 3 }, (_, at) => () => (at === 0 ? undefined : failure(400, 'INVALID_ORIGINS', 'no'))),
    )
    expect((await ourErrorOf(send())).message).toBe('shop answers with HTTP status 400: INVALID_ORIGINS: no')
  })

  test('are none for a node that listens nowhere', async () => {
    node.routing.self = async () => ({ id: ID, addresses: [] })
    await send()
    expect(service.pins[0]?.pin).toEqual({ cid: GOLDEN_ROOTS.tiny, name: 'tiny:1' })
  })
})

describe('a service that', () => {
  test('answers for another CID is not believed', async () => {
    service.answers.push(
      () => undefined,
      () =>
        Response.json(
          { ...service.add(GOLDEN_ROOTS.large, 'pinned'), pin: { cid: GOLDEN_ROOTS.large } },
          { status: 202 },
        ),
    )
    expect((await ourErrorOf(send())).message).toBe(`shop answers for another CID, ${GOLDEN_ROOTS.large}`)
  })

  test('gives all that it has, whatever is asked, has not our image', async () => {
    const other = service.add(GOLDEN_ROOTS.large, 'pinned')
    service.answers.push(() => Response.json({ count: 1, results: [other] }))
    expect(await place().look(ROOT, { signal, reads: 0 })).toEqual({ state: 'absent', how: 'asked' })
  })

  test.each([
    [401, 'shop does not take the secret (HTTP status 401): UNAUTHORIZED: no'],
    [403, 'shop does not allow this (HTTP status 403): UNAUTHORIZED: no'],
  ])('answers %d', async (status, message) => {
    service.answers.push(() => failure(status, 'UNAUTHORIZED', 'no'))
    expect((await ourErrorOf(send())).message).toBe(message)
  })

  test('asks to wait is waited for, as long as that is not too long', async () => {
    service.answers.push(
      () => undefined,
      () => failure(429, 'LIMIT', 'slow down', { 'retry-after': '1' }),
    )
    const began = Date.now()
    expect(await send()).toMatchObject({ state: 'claimed' })
    expect(Date.now() - began).toBeGreaterThanOrEqual(990)
    service.answers.push(() => failure(429, 'LIMIT', 'slow down', { 'retry-after': '3600' }))
    expect((await ourErrorOf(send())).message).toBe(
      'shop takes no more requests now (HTTP status 429): LIMIT: slow down; it asks to wait 3600 s',
    )
  })

  test.each(['', '[]', '{"results":{}}', '<html>', '{"count":1,"results":[{"pin":{"cid":"CID"},"status":"odd"}]}'])(
    'answers what is none of the API: %s',
    async (body) => {
      service.answers.push(() => new Response(body.replace('CID', GOLDEN_ROOTS.tiny)))
      expect((await ourErrorOf(send())).message).toBe(`what is at ${service.server.url} is no pinning service`)
    },
  )

  test('answers with a page where it is down', async () => {
    service.answers.push(() => new Response('<html>502 Bad Gateway</html>', { status: 502 }))
    expect(await ourErrorOf(send())).toMatchObject({
      code: 'PLACE_UNREACHABLE',
      message: 'shop has a fault of its own (HTTP status 502)',
    })
  })
})
