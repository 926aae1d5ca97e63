import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { shown } from '../../../../src/store/kubo/connection.ts'
import type { Endpoint } from '../../../../src/store/kubo/endpoint.ts'
import { answerOf, bytesOf, call, failed, jsonLines, nodeError, nodeFailed } from '../../../../src/store/kubo/rpc.ts'
import { collect } from '../../../../src/streams.ts'

const never = new AbortController().signal
const endpoint = (url: string): Endpoint => ({ url, source: '--api' })

/** A node that answers `/api/v0/<name>` with what a test puts here. */
const answers: Record<string, (request: Request) => Response | Promise<Response>> = {}
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: (request) =>
    answers[new URL(request.url).pathname.replace('/api/v0/', '')]?.(request) ?? new Response('404', { status: 404 }),
})
afterAll(() => server.stop(true))
const node = endpoint(`http://127.0.0.1:${server.port}`)

test.each([
  [500, '{"Message":"pin: no such thing","Code":0,"Type":"error"}', 'the IPFS node answered: pin: no such thing'],
  [500, '{"Message":"two\\nlines"}', 'the IPFS node answered: two'],
  [500, '{"Message":""}', 'the IPFS node answered: HTTP status 500'],
  [404, '404 page not found\n', `what is at ${node.url} does not answer as Kubo's RPC API does (HTTP status 404)`],
  [413, '<html>', `the proxy at ${node.url} takes no upload of this size (HTTP status 413)`],
  [418, '<html>\n<body>Tea</body>', 'the IPFS node answered: <html>'],
  [500, 'null', 'the IPFS node answered: null'],
  [500, '{"message":"small"}', 'the IPFS node answered: {"message":"small"}'],
  [500, '{"Message":"write x: no space left on device"}', 'the disk of the IPFS node is full'],
  [500, 'write: Disk quota exceeded', 'the disk of the IPFS node is full'],
])('status %d with %j is NODE_FAILED: %s', (status, text, message) => {
  const error = failed(status, text, node)
  expect(error).toMatchObject({ code: 'NODE_FAILED', message })
  expect(error.cause).toMatchObject({ message: `HTTP ${status}: ${text.trim()}` })
})

test.each([502, 503, 504])('status %d is NODE_UNREACHABLE: a proxy says it', (status) => {
  expect(failed(status, '<html>', node)).toMatchObject({
    code: 'NODE_UNREACHABLE',
    message: `the proxy at ${node.url} cannot reach the IPFS node (HTTP status ${status})`,
  })
})

test('a full disk comes with a hint', () => {
  expect(nodeFailed('no space left on device', undefined).hint).toContain('docker ipfs prune')
})

test.each([
  'datastore closed',
  'pinner closed',
  'leveldb: closed',
  'repo is closed',
  'promise channel was closed',
  'shutting down',
  'context canceled',
  'block was not found locally (offline): context canceled',
])('a node that answers "%s" was stopped meanwhile', (text) => {
  expect(failed(500, JSON.stringify({ Message: text }), node)).toMatchObject({
    code: 'NODE_UNREACHABLE',
    message: 'the IPFS node was stopped meanwhile',
  })
})

test('a node that only speaks of a cancelled context was not stopped', () => {
  expect(nodeFailed('"context canceled" is no CID', undefined).code).toBe('NODE_FAILED')
})

test('what is wrong on the way to the node is NODE_UNREACHABLE, with where the address is from', () => {
  const cause = new TypeError('fetch failed')
  const error = nodeError(cause, endpoint('http://127.0.0.1:5001'), never)
  expect(error).toMatchObject({
    code: 'NODE_UNREACHABLE',
    message: 'cannot reach the IPFS node at http://127.0.0.1:5001',
    hint: expect.stringContaining('this address is from --api'),
    cause,
  })
})

test('an error in our words stays as it is, and the reason of an aborted signal comes before it', () => {
  const own = new DockerIpfsError('INTEGRITY', 'ours')
  expect(nodeError(own, node, never)).toBe(own)
  const reason = new DockerIpfsError('CANCELLED', 'cancelled')
  expect(nodeError(own, node, AbortSignal.abort(reason))).toBe(reason)
})

test('a node is shown by its URL or its socket', () => {
  expect(shown(endpoint('https://node.example/kubo'))).toBe('https://node.example/kubo')
  expect(shown({ ...endpoint('http://localhost'), socket: '/run/ipfs.sock' })).toBe('unix:///run/ipfs.sock')
})

test('a secret goes with the call, and a socket is where it goes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-rpc-'))
  const socket = join(folder, 'socket')
  const listener = Bun.serve({
    unix: socket,
    fetch: (request) => new Response(`${new URL(request.url).pathname} ${request.headers.get('authorization')}`),
  })
  const at = { ...endpoint('http://localhost'), socket, authorization: 'Bearer secret' }
  expect(await (await call(at, { path: 'it', signal: never })).text()).toBe('/api/v0/it Bearer secret')
  await listener.stop(true)
  rmSync(folder, { recursive: true })
})

test('an answer comes with its bytes', async () => {
  answers['fine'] = (request) => new Response(`${request.method} ${new URL(request.url).search}`)
  const response = await call(node, { path: 'fine?arg=1', signal: never })
  const bytes = await collect(bytesOf(response, node, never), 100, 'it')
  expect(Buffer.from(bytes).toString()).toBe('POST ?arg=1')
})

test('an answer without a body has no bytes', async () => {
  answers['empty'] = () => new Response(null)
  const response = await call(node, { path: 'empty', signal: never })
  expect(await collect(bytesOf(response, node, never), 0, 'it')).toHaveLength(0)
})

test('an error status is NODE_FAILED', async () => {
  answers['error'] = () => Response.json({ Message: 'no' }, { status: 500 })
  await expect(call(node, { path: 'error', signal: never })).rejects.toMatchObject({
    code: 'NODE_FAILED',
    message: 'the IPFS node answered: no',
  })
})

test('a redirect is not followed: the node could send the blocks anywhere', async () => {
  answers['redirect'] = () => Response.redirect('/api/v0/fine', 307)
  await expect(call(node, { path: 'redirect', signal: never })).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
})

test('by https the cause stands in the first line, since it may be more than a node that does not run', async () => {
  const at = (url: string) => call(endpoint(url), { path: 'x', signal: never }).catch((error) => error)
  expect(await at('https://127.0.0.1:1')).toMatchObject({
    message: 'cannot reach the IPFS node at https://127.0.0.1:1 (connection refused)',
  })
  expect(await at(node.url.replace('http:', 'https:'))).toMatchObject({
    code: 'NODE_UNREACHABLE',
    message: expect.stringMatching(/ \(it does not speak TLS\)$/),
    hint: expect.stringMatching(/^Give its address with http/),
  })
})

test('a port where nothing listens is NODE_UNREACHABLE', async () => {
  await expect(call(endpoint('http://127.0.0.1:1'), { path: 'x', signal: never })).rejects.toMatchObject({
    code: 'NODE_UNREACHABLE',
    message: 'cannot reach the IPFS node at http://127.0.0.1:1',
  })
})

test('a connection that breaks within an answer is NODE_UNREACHABLE', async () => {
  const listener = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data(socket) {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
      },
    },
  })
  const at = endpoint(`http://127.0.0.1:${listener.port}`)
  const read = async () => collect(bytesOf(await call(at, { path: 'x', signal: never }), at, never), 1000, 'it')
  await expect(read()).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  listener.stop(true)
})

test('an aborted call ends with the reason, also while its answer is read', async () => {
  const reason = new DockerIpfsError('CANCELLED', 'cancelled')
  await expect(call(node, { path: 'fine', signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  answers['slow'] = () =>
    new Response(new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('a')) }))
  const stop = new AbortController()
  const response = await call(node, { path: 'slow', signal: stop.signal })
  setTimeout(() => stop.abort(reason), 20)
  await expect(collect(bytesOf(response, node, stop.signal), 1000, 'it')).rejects.toBe(reason)
})

test('an answer of many JSON lines is read however it is cut, and what is no JSON says nothing', async () => {
  async function* pieces() {
    for (const text of ['{"Prog', 'ress":1}\n{"Progress":', '2}\n\nnonsense\nnull\n{"Pins":["é', '"]}'])
      yield Buffer.from(text)
  }
  expect(await Array.fromAsync(jsonLines(pieces()))).toEqual([
    { Progress: 1 },
    { Progress: 2 },
    {},
    {},
    { Pins: ['é'] },
  ])
})

test('an answer whose connection breaks in the middle is NODE_UNREACHABLE', async () => {
  const broken = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data: (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
        setTimeout(() => socket.end(), 50)
      },
    },
  })
  const at = endpoint(`http://127.0.0.1:${broken.port}`)
  const response = await call(at, { path: 'half', signal: never })
  expect(await answerOf(response, at, never).catch((error: unknown) => error)).toMatchObject({
    code: 'NODE_UNREACHABLE',
  })
  broken.stop(true)
})
