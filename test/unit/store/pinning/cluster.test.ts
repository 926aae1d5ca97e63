import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { carBlocks } from '../../../../src/dag/car.ts'
import { parseCid } from '../../../../src/dag/cid.ts'
import { carBody } from '../../../../src/store/pinning/car-body.ts'
import { ClusterPlace } from '../../../../src/store/pinning/cluster.ts'
import type { SendOptions } from '../../../../src/store/places.ts'
import { APP, twoSavedImages } from '../../../support/command.ts'
import { ourErrorOf } from '../../../support/error-of.ts'
import type { MemoryNode } from '../../../support/memory/node.ts'
import { type Asked, CLUSTER_ID, type PinningServer, servePinning } from '../../../support/pinning/server.ts'

const ROOT = parseCid(APP)
const { signal } = new AbortController()

/** A cluster of one peer, in the words of IPFS Cluster 1.1.6. Its pin is done at the second look. */
class TestCluster {
  readonly server: PinningServer = servePinning((asked) => this.answers.shift()?.(asked) ?? this.#answer(asked))
  readonly answers: ((asked: Asked) => Response | undefined)[] = []
  status = 'unpinned'
  next: (status: string) => string = () => 'pinned'

  get calls() {
    return this.server.asked.flatMap(({ method, path }) => (method === 'POST' ? [path] : []))
  }

  #answer({ method, path }: Asked): Response {
    if (path === '/id') return Response.json(CLUSTER_ID)
    if (path === '/peers') return new Response(`${JSON.stringify(CLUSTER_ID)}\n`)
    const pin = { cid: APP, allocations: this.status === 'unpinned' ? [] : [CLUSTER_ID.id] }
    if (path.startsWith('/allocations/')) return Response.json(pin)
    if (method === 'POST') {
      this.status = 'pinning'
      return Response.json(pin)
    }
    const said = this.status
    if (said === 'pinning') this.status = this.next(said)
    const one = {
      peername: 'one',
      ipfs_peer_id: CLUSTER_ID.ipfs.id,
      status: said,
      error: said === 'pin_error' ? 'context canceled' : '',
    }
    return Response.json({ ...pin, peer_map: { [CLUSTER_ID.id]: one } })
  }
}

let cluster: TestCluster
let node: MemoryNode
let warnings: string[]
let said: string[]
beforeEach(async () => {
  cluster = new TestCluster()
  warnings = []
  said = []
  node = (await twoSavedImages()).node
})
afterEach(() => cluster.server.close())

const place = (more = {}) => new ClusterPlace({ name: 'team', url: cluster.server.url, ...more }, 1)
function send(more: Partial<SendOptions> = {}, access = {}) {
  const warn = (text: string) => void warnings.push(text)
  const doing = (what: string) => void said.push(what)
  const options = { signal, stillMs: 2000, wait: true, doing, moved: () => {}, warn, ...more }
  return place(access).send({ root: ROOT, name: 'app:1', from: node.ports }, options)
}
describe('an image that a cluster is to keep', () => {
  test('is pinned by its name, on as many peers as wanted, where our node reaches one', async () => {
    node.routing.connect = async () => true
    Object.assign(CLUSTER_ID.ipfs, { addresses: [`/ip4/127.0.0.1/tcp/4001/p2p/${CLUSTER_ID.ipfs.id}`] })
    expect(await send({}, { replication: 2 })).toEqual({ state: 'claimed', how: 'it says pinned on 1 of 1' })
    expect(cluster.calls).toEqual([`/pins/${APP}?name=app%3A1&replication-min=2&replication-max=2`])
    expect(said).toEqual(['Pinning'])
  })

  test('is uploaded where it reaches none, all of it', async () => {
    cluster.answers.push(...Array.from({ length: 2 }, () => () => undefined), ({ path, body }) => {
      expect(path).toBe('/add?format=car&stream-channels=false&name=app%3A1')
      expect(body.length).toBeGreaterThan(1000)
      cluster.status = 'pinning'
      return Response.json([{ name: '', cid: APP }])
    })
    expect(await send()).toMatchObject({ state: 'claimed' })
    expect(said).toEqual(['Sending', 'Pinning'])
  })

  test('is on our own node too where that is in the cluster, and is pinned again when the cluster takes the pin away', async () => {
    node.routing.self = async () => ({ id: CLUSTER_ID.ipfs.id, addresses: [] })
    cluster.next = () => {
      node.pins.names.delete(APP)
      return 'pinned'
    }
    await send()
    expect(cluster.calls).toEqual([`/pins/${APP}?name=app%3A1&user-allocations=${CLUSTER_ID.id}`])
    expect(node.pins.names.get(APP)).toBe('app:1')
    expect(warnings).toEqual([
      'the cluster took the pin of this node away, since it keeps the image on others; it is pinned here again',
    ])
  })

  test('is not asked for again where it is', async () => {
    cluster.status = 'pinned'
    expect(await send()).toMatchObject({ state: 'claimed' })
    expect(cluster.calls).toEqual([])
  })

  test('fails in the words of the peer', async () => {
    node.routing.self = async () => ({ id: CLUSTER_ID.ipfs.id, addresses: [] })
    cluster.next = () => 'pin_error'
    expect(await send()).toMatchObject({ state: 'failed', reason: 'one: context canceled' })
  })

  test('is given up when nothing moves', async () => {
    node.routing.self = async () => ({ id: CLUSTER_ID.ipfs.id, addresses: [] })
    cluster.next = (status) => status
    expect((await ourErrorOf(send({ stillMs: 100 }))).message).toBe(
      'nothing has moved at team for 0 s; it says: pinned on 0 of 1',
    )
  })

  test('waits for peers that a cluster does not know yet, as long as it may', async () => {
    node.routing.self = async () => ({ id: CLUSTER_ID.ipfs.id, addresses: [] })
    const early = () =>
      Response.json({ code: 500, message: 'not enough peers to allocate CID. Needed' }, { status: 500 })
    cluster.answers.push(
      () => undefined,
      () => undefined,
      early,
      early,
    )
    expect(await send()).toMatchObject({ state: 'claimed' })
    cluster.status = 'unpinned'
    cluster.answers.push(
      () => undefined,
      () => undefined,
      ...Array.from({ length: 50 }, () => early),
    )
    expect((await ourErrorOf(send({ stillMs: 20 }))).message).toBe(
      'team answers: not enough peers to allocate CID. Needed',
    )
  })
})

test('one that lets nobody in, and what is no cluster', async () => {
  cluster.answers.push(() => Response.json({ code: 401, message: 'unauthorized: no auth provided' }, { status: 401 }))
  expect((await ourErrorOf(place().check(signal))).message).toBe(
    'team does not take the secret (HTTP status 401): unauthorized: no auth provided',
  )
  cluster.answers.push(() => Response.json({ hello: 'world' }))
  expect((await ourErrorOf(place().check(signal))).message).toEndWith('is no REST API of an IPFS Cluster')
  cluster.answers.push(() => new Response('not json'))
  expect((await ourErrorOf(place().look(ROOT, { signal }))).message).toEndWith('is no REST API of an IPFS Cluster')
})

test('an upload has each block once, the root first, and nothing else', async () => {
  const { type, bytes } = carBody(
    ROOT,
    (cid) => node.blocks.block(cid, signal),
    () => {},
  )
  const body = Buffer.from(await new Response(bytes).arrayBuffer())
  const boundary = type.split('boundary=')[1] ?? ''
  const car = body.subarray(body.indexOf('\r\n\r\n') + 4, body.lastIndexOf(`\r\n--${boundary}--\r\n`))
  const cids: string[] = []
  async function* once() {
    yield car
  }
  for await (const { cid } of carBlocks(once())) cids.push(cid.toString())
  expect(cids[0]).toBe(APP)
  expect(new Set(cids).size).toBe(cids.length)
  expect(cids).toHaveLength((await node.blocks.ownDag(ROOT, signal))?.blocks ?? 0)
})
