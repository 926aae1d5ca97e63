import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { createHealth } from '../../../../../src/store/kubo/health/health.ts'
import { AnsweringNode, kuboError } from '../../../../support/answering-node.ts'

const node = new AnsweringNode()
beforeEach(() => node.reset())
afterAll(() => node.close())
const health = createHealth(node.endpoint)
const signal = new AbortController().signal

describe('the health of a node', () => {
  test('is what it tells', async () => {
    node.says['version'] = () => Response.json({ Version: '0.43.0' })
    node.says['swarm/peers'] = () => Response.json({ Peers: ['a', 'b', 'a'].map((Peer) => ({ Peer })) })
    node.says['swarm/addrs/autonat'] = () => Response.json({ reachability: 'Public' })
    node.says['config'] = (query) => Response.json({ Key: query.get('arg'), Value: { Enabled: true } })
    node.says['repo/stat'] = () => Response.json({ RepoSize: 5, StorageMax: 10 })
    node.says['diag/sys'] = () => Response.json({ diskinfo: { free_space: 30, total_space: 20 } })
    expect(await health.version(signal)).toBe('0.43.0')
    expect(await health.peers(signal)).toBe(2)
    expect(await health.reachability(signal)).toBe('public')
    expect(await health.config('Provide', signal)).toEqual({ Enabled: true })
    expect(await health.storage(signal)).toEqual({ used: 5, limit: 10, free: 20 })
  })

  test("is, behind a cluster's proxy, that of one node, but for what the proxy tells of all", async () => {
    const headers = { server: 'ipfs-cluster/ipfsproxy/1.1.6' }
    node.says['pin/ls'] = () => Response.json({ Message: 'is not pinned' }, { status: 500, headers })
    node.says['repo/stat'] = () => Response.json({ RepoSize: 5, StorageMax: 10 })
    node.says['diag/sys'] = () => Response.json({ diskinfo: { free_space: 30, total_space: 20 } })
    expect(await health.isCluster(signal)).toBe(true)
    expect(await health.storage(signal)).toEqual({ used: undefined, limit: undefined, free: 20 })
    node.reset()
    expect(await health.isCluster(signal)).toBe(false)
  })

  test('is not known where it has something against the questions', async () => {
    node.says['swarm/peers'] = () => kuboError('offline')
    expect(await health.peers(signal)).toBeUndefined()
    expect(await health.reachability(signal)).toBeUndefined()
    expect(await health.config('Provide', signal)).toBeUndefined()
    expect(await health.storage(signal)).toEqual({ used: undefined, limit: undefined, free: undefined })
  })

  test('is that of a node without peers, and whose settings are other than ours', async () => {
    node.says['swarm/peers'] = () => Response.json({ Peers: null })
    node.says['config'] = () => Response.json({ Key: 'Provide', Value: 'text' })
    expect(await health.peers(signal)).toBe(0)
    expect(await health.config('Provide', signal)).toBeUndefined()
  })

  test('cannot be told where nobody answers, or somebody stops', async () => {
    const nobody = createHealth({ url: 'http://127.0.0.1:1', source: '--api' })
    await expect(nobody.peers(signal)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
    await expect(nobody.version(signal)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
    const reason = new Error('stopped')
    await expect(health.peers(AbortSignal.abort(reason))).rejects.toBe(reason)
  })
})

describe('who may call its API on this machine', () => {
  const own = createHealth({ ...node.endpoint, authorization: 'Basic x', isManaged: true })
  const noKubo = () => new Response('no', { status: 404 })

  test.each([
    ['everybody', () => Response.json({ ID: 'peer' }), true],
    ['who has a secret', () => new Response('Kubo RPC Access Denied', { status: 403 }), false],
    ['who a proxy knows', () => new Response('', { status: 401 }), false],
    ['not known where it says nothing of itself', noKubo, undefined],
  ])('is %s', async (_, says, isOpen) => {
    node.says['id'] = says
    expect(await own.isOpen(signal)).toBe(isOpen)
    expect(node.asked).toEqual(['id'])
  })

  test('is asked without the secret', async () => {
    let sent: string | null = ''
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ headers }) => {
        sent = headers.get('authorization')
        return Response.json({ ID: 'peer' })
      },
    })
    const url = `http://127.0.0.1:${server.port}`
    expect(await createHealth({ url, source: '--api', authorization: 'Basic x' }).isOpen(signal)).toBe(true)
    expect(sent).toBeNull()
    await server.stop(true)
  })

  test.each([{ url: 'http://192.0.2.1:5001' }, { url: 'http://localhost', socket: '/x.sock' }])(
    'is not asked at %j',
    async (at) => expect(await createHealth({ source: '--api', ...at }).isOpen(signal)).toBeUndefined(),
  )
})

test.each([
  ['http://192.0.2.1:5001', 'Bearer x', undefined, true],
  ['https://192.0.2.1:5001', 'Bearer x', undefined, false],
  ['http://127.0.0.1:5001', 'Bearer x', undefined, false],
  ['http://[::1]:5001', 'Bearer x', undefined, false],
  ['http://localhost', 'Bearer x', '/run/ipfs.sock', false],
  ['http://192.0.2.1:5001', undefined, undefined, false],
  ['http://localhost.example', 'Bearer x', undefined, true],
])('at %s with %p, by the socket %p: a secret that goes there is open: %p', (url, authorization, socket, isOpen) => {
  const endpoint = { url, source: '--api', ...(authorization && { authorization }), ...(socket && { socket }) }
  expect(createHealth(endpoint).isSecretOpen).toBe(isOpen)
})
