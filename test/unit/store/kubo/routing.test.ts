import { afterEach, describe, expect, test } from 'bun:test'
import { parseCid } from '../../../../src/dag/cid.ts'
import { DockerIpfsError, messageOf } from '../../../../src/errors.ts'
import { createClient } from '../../../../src/store/kubo/client.ts'
import { announceError, createRouting } from '../../../../src/store/kubo/routing.ts'
import { GOLDEN_ROOTS } from '../../../support/images.ts'

interface Network {
  readonly providers?: readonly string[]
  readonly connected?: readonly string[]
  /** Calls that are not allowed. */
  readonly refuses?: readonly string[]
  readonly signal?: AbortSignal
}

const ADDRESS = '/ip4/127.0.0.1/tcp/4001'
/** Kubo's own default asks for twenty. */
const IDS = Array.from(
  { length: 20 },
  (_, at) => `12D3KooWGRUfEGAs6wqX8mYgFqkFRdmQ3zNZNkvvpqBKz4xWJ1${'abcdefghijkmnopqrstu'[at]}9`,
)

/** In the words of `routing/findprovs`: what was asked, who answered, and who has it. */
function linesOf(providers: readonly string[]): string {
  const line = (type: number, ids: readonly string[]) =>
    `${JSON.stringify({ Extra: '', ID: '', Responses: ids.map((id) => ({ Addrs: [ADDRESS], ID: id })), Type: type })}\n`
  const [first = [], ...rest] = providers.map((id) => [id])
  return [line(0, []), line(1, IDS.slice(0, 1)), ...[first, ...rest].map((ids) => line(4, ids))].join('')
}

const kubo = new DockerIpfsError('NODE_FAILED', 'the IPFS node answered: cannot provide: Provide.Enabled is false')

test.each([
  [true, 'Provide.Enabled is false (to change that: docker ipfs node start --announce)'],
  [false, 'Provide.Enabled is false (to change that: ipfs config --json Provide.Enabled true, and restart it)'],
])('a node that announces nothing is told of with what to do; managed: %p', (isManaged, text) => {
  expect(messageOf(announceError(kubo, { isManaged }))).toBe(text)
})

test('what else goes wrong in announcing stays as it is', () => {
  const other = new DockerIpfsError('NODE_FAILED', 'the IPFS node answered: no peers')
  expect(announceError(other, {})).toBe(other)
})

describe('meeting others who have an image', () => {
  const ROOT = parseCid(GOLDEN_ROOTS.tiny)
  const servers: { stop(force: boolean): unknown }[] = []
  afterEach(() => servers.splice(0).map((server) => server.stop(true)))

  /** Connects a node; gives the IDs that it was told to connect to. */
  async function met({ providers = [], connected = [], refuses = [], signal }: Network): Promise<string[]> {
    const asked: string[] = []
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch(request) {
        const { pathname, searchParams } = new URL(request.url)
        const call = pathname.replace('/api/v0/', '')
        if (refuses.includes(call)) return new Response('{"Message":"not for you"}', { status: 403 })
        if (call === 'version') return Response.json({ Version: '0.43.0' })
        if (call === 'swarm/peers')
          return Response.json({ Peers: connected.map((id) => ({ Addr: ADDRESS, Peer: id })) })
        if (call === 'routing/findprovs') return new Response(linesOf(providers))
        asked.push(searchParams.get('arg') ?? '')
        return new Response('{"Message":"failure"}', { status: asked.length % 2 === 0 ? 500 : 200 })
      },
    })
    servers.push(server)
    const endpoint = { url: `http://127.0.0.1:${server.port}`, source: 'a test' } as const
    await createRouting(createClient(endpoint), endpoint).meet(ROOT, signal ?? new AbortController().signal)
    return asked.map((arg) => arg.replace(/^\/p2p\//, ''))
  }

  test('a peer with two connections counts once', async () => {
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => Response.json({ Peers: [0, 0, 1].map((at) => ({ Addr: ADDRESS, Peer: IDS[at] })) }),
    })
    servers.push(server)
    const endpoint = { url: `http://127.0.0.1:${server.port}`, source: 'a test' } as const
    const routing = createRouting(createClient(endpoint), endpoint)
    expect(await routing.peers(new AbortController().signal)).toBe(2)
  })

  test('the node is connected to all that it finds, though some cannot be reached', async () => {
    expect(await met({ providers: IDS.slice(0, 3) })).toEqual(IDS.slice(0, 3))
  })

  test('to nobody that it is connected to, and to none twice', async () => {
    const providers = [IDS[0], IDS[1], IDS[1], IDS[2], IDS[0]] as string[]
    expect(await met({ providers, connected: IDS.slice(0, 1) })).toEqual(IDS.slice(1, 3))
  })

  test('to ten at most', async () => {
    expect(await met({ providers: IDS })).toEqual(IDS.slice(0, 10))
  })

  test.each([
    '',
    'a/../../config',
    '12D3KooW&arg=/ip4/127.0.0.1/tcp/1',
    ADDRESS,
    `${IDS[0]}/p2p-circuit`,
    7 as unknown as string,
  ])('to nobody whose name is no peer ID: %p', async (id) => {
    expect(await met({ providers: [id, IDS[4] as string] })).toEqual([IDS[4] as string])
  })

  test('also where a token may not ask who is connected, or may not connect', async () => {
    expect(await met({ providers: IDS.slice(0, 2), refuses: ['swarm/peers'] })).toEqual(IDS.slice(0, 2))
    expect(await met({ providers: IDS.slice(0, 2), refuses: ['swarm/connect'] })).toEqual([])
  })

  test('and it fails where a token may not ask for them', async () => {
    await expect(met({ providers: IDS, refuses: ['routing/findprovs'] })).rejects.toMatchObject({ code: 'NODE_DENIED' })
  })

  test('not after it was cancelled', async () => {
    const reason = new Error('cancelled')
    await expect(met({ providers: IDS, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('who a node is, and connecting it', () => {
  const ID = '12D3KooWJQEux5YpgarjaetDzwVmobVwo5K48omSP7qeKmbqhFfA'
  const asked: string[] = []
  const servers: { stop(force: boolean): unknown }[] = []
  afterEach(() => {
    asked.length = 0
    servers.splice(0).map((server) => server.stop(true))
  })
  function routingOf(answer: object, status = 200) {
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch(request) {
        asked.push(decodeURIComponent(new URL(request.url).search))
        return Response.json(answer, { status })
      },
    })
    servers.push(server)
    const endpoint = { url: `http://127.0.0.1:${server.port}`, source: 'the test' }
    return createRouting(createClient(endpoint), endpoint)
  }
  const { signal } = new AbortController()

  test('its addresses are those that are one, and its own', async () => {
    const good = [`/ip4/10.0.0.1/tcp/4001/p2p/${ID}`, `/dns4/nas.example/udp/4001/quic-v1/p2p/${ID}`]
    const bad = [
      `/ip4/10.0.0.1/tcp/4001/p2p/${ID.replace('J', 'K')}`,
      `/ip4/1.2.3.4/tcp/1/p2p/${ID}&arg=/ip4/5.6.7.8`,
      `/unix/run/secret/p2p/${ID}`,
      17,
    ]
    const routing = routingOf({ ID, Addresses: [...bad, ...good] })
    expect(await routing.self(signal)).toEqual({ id: ID, addresses: good })
  })

  test('one that listens nowhere has none, and what has no ID is no node', async () => {
    expect(await routingOf({ ID, Addresses: null }).self(signal)).toEqual({ id: ID, addresses: [] })
    expect(
      messageOf(
        await routingOf({ ID: '../x' })
          .self(signal)
          .catch((error: unknown) => error),
      ),
    ).toContain('it does not say its ID')
  })

  test('all addresses are tried in one call, and none where there are none', async () => {
    const addresses = [`/ip4/10.0.0.1/tcp/4001/p2p/${ID}`, `/ip6/::1/tcp/4001/p2p/${ID}`]
    expect(await routingOf({ Strings: ['connect success'] }).connect({ id: ID, addresses }, signal)).toBe(true)
    expect(asked).toEqual([`?arg=${addresses.join('&arg=')}`])
    expect(await routingOf({}).connect({ id: ID, addresses: [] }, signal)).toBe(false)
    expect(asked).toHaveLength(1)
  })

  test('one that cannot be reached is no error', async () => {
    const failure = { Message: 'failure: failed to dial: all dials failed', Code: 0, Type: 'error' }
    const peer = { id: ID, addresses: [`/ip4/10.0.0.1/tcp/4001/p2p/${ID}`] }
    expect(await routingOf(failure, 500).connect(peer, signal)).toBe(false)
    expect(await routingOf(failure, 403).connect(peer, signal)).toBe(false)
  })
})
