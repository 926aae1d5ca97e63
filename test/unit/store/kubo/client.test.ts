import { afterAll, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCid } from '../../../../src/dag/cid.ts'
import { createClient } from '../../../../src/store/kubo/client.ts'
import type { Endpoint } from '../../../../src/store/kubo/endpoint.ts'
import { askWithin } from '../../../../src/store/kubo/rpc.ts'
import { collect } from '../../../../src/streams.ts'
import { GOLDEN_ROOTS } from '../../../support/images.ts'

interface Asked {
  readonly path: string
  readonly query: string
  readonly authorization: string | null
  readonly body: string
}

let asked: Asked[] = []
let answer = () => new Response()
const handle = async (request: Request) => {
  const { pathname, search } = new URL(request.url)
  const body = await request.text()
  asked.push({
    path: `${request.method} ${pathname}`,
    query: search,
    authorization: request.headers.get('authorization'),
    body,
  })
  return answer()
}
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: handle })
const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-client-'))
const socket = join(folder, 'socket')
const local = Bun.serve({ unix: socket, fetch: handle })
afterAll(async () => {
  await Promise.all([server.stop(true), local.stop(true)])
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  asked = []
  answer = () => new Response()
})

const ROOT = parseCid(GOLDEN_ROOTS.tiny)
const signal = new AbortController().signal
const endpoint: Endpoint = { url: `http://127.0.0.1:${server.port}`, source: '--api' }
const client = createClient(endpoint)

test('the global fetch stays as it was', () => {
  const before = globalThis.fetch
  createClient({ url: 'http://127.0.0.1:1', source: '--api' })
  expect(globalThis.fetch).toBe(before)
})

test('options are named as Kubo names them, and the signal is none of them', async () => {
  await client.files.cp(ROOT, '/a/b', { parents: true, flush: false, signal })
  const query = `?parents=true&flush=false&arg=%2Fipfs%2F${ROOT}&arg=%2Fa%2Fb`
  expect(asked).toEqual([{ path: 'POST /api/v0/files/cp', query, authorization: null, body: '' }])
})

test('bytes that are written arrive', async () => {
  await client.files.write('/a', Buffer.from('some bytes'), { create: true, truncate: true, signal })
  expect(asked[0]?.query).toBe('?stream-channels=true&create=true&truncate=true&arg=%2Fa')
  expect(asked[0]?.body).toContain('\r\n\r\nsome bytes\r\n--')
})

test('each of two nodes at one address is given its own secret', async () => {
  for (const authorization of ['Bearer one', 'Bearer two']) {
    const other = createClient({ ...endpoint, authorization })
    await other.files.rm('/a', { signal })
  }
  await client.files.rm('/a', { signal })
  expect(asked.map(({ authorization }) => authorization)).toEqual(['Bearer one', 'Bearer two', null])
})

test('a unix socket takes the place of the host', async () => {
  answer = () => Response.json({ Peers: [] })
  const other = createClient({ url: 'http://localhost', socket, source: '--api' })
  expect(await other.swarm.peers({ signal })).toEqual([])
  expect(asked[0]?.path).toBe('POST /api/v0/swarm/peers')
})

test('a pin that is taken away is told with one JSON object', async () => {
  answer = () => new Response(`${JSON.stringify({ Pins: [ROOT.toString()] })}\n`)
  expect((await client.pin.rm(ROOT, { signal })).toString()).toBe(ROOT.toString())
})

test('a file, a block and the CID at a path come from the repository of the node alone', async () => {
  answer = () => new Response('bytes')
  expect(Buffer.from(await collect(client.cat('/ipfs/x/a b', signal), 9, 'it')).toString()).toBe('bytes')
  answer = () => Response.json({ Cid: { '/': ROOT.toString() }, RemPath: '' })
  expect((await client.resolve('/ipfs/x/a', signal)).toString()).toBe(ROOT.toString())
  expect(await client.blockStat(ROOT, signal)).toBeDefined()
  expect(asked.map(({ path, query }) => path + query)).toEqual([
    'POST /api/v0/cat?arg=%2Fipfs%2Fx%2Fa+b&offline=true',
    'POST /api/v0/dag/resolve?arg=%2Fipfs%2Fx%2Fa&offline=true',
    `POST /api/v0/block/stat?arg=${ROOT}&offline=true`,
  ])
})

test.each([
  [500, '{"Message":"no such file","Code":0,"Type":"error"}', 'NODE_FAILED', /answered: no such file/],
  [401, 'who?', 'NODE_DENIED', /does not let us in/],
  [404, '404 page not found', 'NODE_FAILED', /does not answer as Kubo/],
  [502, '<html>', 'NODE_UNREACHABLE', /the proxy at .* cannot reach the IPFS node/],
])('what the node answers with status %d is said in our words', async (status, text, code, message) => {
  answer = () => new Response(text, { status })
  const stat = askWithin(endpoint, signal, (limited) => client.files.stat('/a', { signal: limited }))
  await expect(stat).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
})

test('a redirect is not followed: the secret could be sent anywhere', async () => {
  answer = () => Response.redirect('/api/v0/other', 307)
  const stat = askWithin(endpoint, signal, (limited) => client.files.stat('/a', { signal: limited }))
  await expect(stat).rejects.toMatchObject({
    code: 'NODE_UNREACHABLE',
    message: expect.stringContaining('it redirects elsewhere'),
  })
  expect(asked).toHaveLength(1)
})

test('an aborted call ends with the reason', async () => {
  const reason = new Error('stopped')
  const stat = client.files.stat('/a', { signal: AbortSignal.abort(reason) })
  await expect(stat).rejects.toBe(reason)
})
