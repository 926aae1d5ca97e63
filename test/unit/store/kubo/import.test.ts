import { afterEach, describe, expect, test } from 'bun:test'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CarReader } from '@ipld/car'
import { type Block, blockKey, rawBlock } from '../../../../src/dag/blocks.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import type { ImportSession } from '../../../../src/store/blocks.ts'
import type { Endpoint } from '../../../../src/store/kubo/endpoint.ts'
import { openImport } from '../../../../src/store/kubo/import.ts'
import { listen } from '../../../support/relay.ts'

const never = new AbortController().signal
const block = (text: string) => rawBlock(Buffer.from(text))
const big = (seed: number) => rawBlock(Buffer.alloc(1024 * 1024, seed))
const ROOT = block('root')
const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

/** A node that does with the request what the test wants. */
async function fake(answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<Endpoint> {
  const server = createServer((request, response) => {
    request.on('error', () => undefined)
    void answer(request, response)
  })
  servers.push(server)
  await listen(server, { port: 0 })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, source: '--api' }
}

interface Received {
  readonly type: string
  readonly body: Buffer
}

async function receive(request: IncomingMessage): Promise<Received> {
  const parts: Buffer[] = []
  for await (const bytes of request as AsyncIterable<Buffer>) parts.push(bytes)
  return { type: request.headers['content-type'] ?? '', body: Buffer.concat(parts) }
}

const root = { Root: { Cid: { '/': ROOT.cid.toString() }, PinErrorMsg: '' } }
const stats = (blocks: readonly Block[]) => ({
  Stats: { BlockCount: blocks.length, BlockBytesCount: blocks.reduce((sum, { bytes }) => sum + bytes.length, 0) },
})
const lines = (...values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('')

/** A node that takes everything and then says this. */
const says = (text: string, status = 200) =>
  fake(async (request, response) => {
    await receive(request)
    response.writeHead(status).end(text)
  })

async function send(session: ImportSession, blocks: readonly Block[]): Promise<void> {
  for (const one of blocks) await session.put(one)
}

/** Sends blocks until there is an error, as a save of a large image would; gives the error. */
async function sendUntilRefused(session: ImportSession): Promise<unknown> {
  try {
    for (let seed = 0; seed < 200; seed++) await session.put(big(seed))
    await session.finish(ROOT.cid)
  } catch (error) {
    return error
  }
  return undefined
}

describe('what the node gets', () => {
  test('is two CAR files: the blocks without a root, then the root without blocks', async () => {
    let received: Received | undefined
    const blocks = [block('a'), block('b'), ROOT]
    const endpoint = await fake(async (request, response) => {
      expect(request.url).toBe('/api/v0/dag/import?pin-roots=true&stats=true&allow-big-block=true')
      received = await receive(request)
      response.end(lines(root, stats(blocks)))
    })
    const session = openImport(endpoint, never, Promise.resolve(new Set()))
    await send(session, blocks)
    expect(await session.finish(ROOT.cid)).toEqual({ blocks: 3, bytes: 6 })
    const { type, body } = received as Received
    const form = await new Response(body, { headers: { 'content-type': type } }).formData()
    const cars = await Promise.all(
      form.getAll('file').map(async (file) => CarReader.fromBytes(await (file as File).bytes())),
    )
    const found = await Promise.all(
      cars.map(async (car) => ({
        roots: (await car.getRoots()).map(String),
        blocks: await Array.fromAsync(car.blocks(), ({ bytes }) => Buffer.from(bytes).toString()),
      })),
    )
    expect(found).toEqual([
      { roots: [], blocks: ['a', 'b', 'root'] },
      { roots: [ROOT.cid.toString()], blocks: [] },
    ])
  })

  test('ends with the closing boundary, so that Kubo must read to the end to see it', async () => {
    let received: Received | undefined
    const endpoint = await fake(async (request, response) => {
      received = await receive(request)
      response.end(lines(root, stats([ROOT])))
    })
    const session = openImport(endpoint, never, Promise.resolve(new Set()))
    await send(session, [ROOT])
    await session.finish(ROOT.cid)
    const { type, body } = received as Received
    const boundary = /boundary=(.+)$/.exec(type)?.[1]
    expect(body.subarray(-80).toString('latin1')).toEndWith(`\r\n--${boundary}--`)
  })

  test('holds every block once, and none of those that are known', async () => {
    const endpoint = await says(lines(root, stats([block('a'), ROOT])))
    const session = openImport(endpoint, never, Promise.resolve(new Set([blockKey(block('known').cid)])))
    await send(session, [block('a'), block('known'), block('a'), ROOT, block('known'), ROOT])
    expect(session.sent).toEqual({ blocks: 2, bytes: 5 })
    expect(session.skipped).toBe(1)
    expect(await session.finish(ROOT.cid)).toEqual({ blocks: 2, bytes: 5 })
  })

  test('comes no faster than the node takes it', async () => {
    const go = Promise.withResolvers<void>()
    const blocks = Array.from({ length: 64 }, (_, seed) => big(seed))
    const endpoint = await fake(async (request, response) => {
      await go.promise
      await receive(request)
      response.end(lines(root, stats([...blocks, ROOT])))
    })
    const session = openImport(endpoint, never, Promise.resolve(new Set()))
    const sent = send(session, [...blocks, ROOT])
    await Bun.sleep(300)
    expect(session.sent.blocks).toBeLessThan(40)
    go.resolve()
    await sent
    expect(await session.finish(ROOT.cid)).toMatchObject({ blocks: 65 })
  })
})

describe('a node that', () => {
  const finish = async (endpoint: Endpoint, blocks: readonly Block[] = [ROOT]) => {
    const session = openImport(endpoint, never, Promise.resolve(new Set()))
    await send(session, blocks)
    return session.finish(ROOT.cid)
  }
  const unconfirmed = {
    code: 'NODE_FAILED',
    message: 'the IPFS node did not confirm that it has the whole image',
  }

  test('could not pin says why', async () => {
    const failed = { Root: { Cid: root.Root.Cid, PinErrorMsg: 'block was not found locally' } }
    await expect(finish(await says(lines(failed, stats([ROOT]))))).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: 'the IPFS node answered: block was not found locally',
    })
  })

  test('had no room for the pin says so', async () => {
    const failed = { Root: { Cid: root.Root.Cid, PinErrorMsg: 'put: no space left on device' } }
    await expect(finish(await says(lines(failed, stats([ROOT]))))).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: 'the disk of the IPFS node is full',
    })
  })

  test.each([
    ['fewer blocks', lines(root, stats([]))],
    ['other bytes', lines(root, { Stats: { BlockCount: 1, BlockBytesCount: 5 } })],
    ['more blocks', lines(root, stats([ROOT, ROOT]))],
    ['no count', lines(root)],
    ['an empty count', lines(root, { Stats: {} })],
    ['no root', lines(stats([ROOT]))],
    ['another root', lines({ Root: { Cid: { '/': block('other').cid.toString() } } }, stats([ROOT]))],
    ['nothing', ''],
    ['lines without a meaning', '\n{}\n\n{"Root":null}\n'],
  ])('answers with %s has not confirmed the image', async (_, text) => {
    await expect(finish(await says(text))).rejects.toMatchObject(unconfirmed)
  })

  test.each(['{"Root":', 'null\n', '<html>', '7\n', '"text"\n'])(
    'answers with %j has not confirmed the image',
    async (text) => {
      await expect(finish(await says(text))).rejects.toMatchObject(unconfirmed)
    },
  )

  test('ends its answer with an error line has failed', async () => {
    const text = lines(root, { Message: 'import failed: unexpected EOF', Code: 0, Type: 'error' })
    await expect(finish(await says(text))).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: 'the IPFS node answered: import failed: unexpected EOF',
    })
  })

  test('answers with an error status has failed', async () => {
    await expect(finish(await says(lines({ Message: 'no' }), 500))).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: 'the IPFS node answered: no',
    })
  })

  test('refuses before it has read the body has failed, and who sends does not wait', async () => {
    const endpoint = await fake((_, response) => response.writeHead(403).end('403 - Forbidden'))
    expect(await sendUntilRefused(openImport(endpoint, never, Promise.resolve(new Set())))).toMatchObject({
      code: expect.stringMatching(/^NODE_(DENIED|UNREACHABLE)$/),
    })
  })

  test('ends its answer well before it has all blocks has failed', async () => {
    const endpoint = await fake((request, response) => {
      request.once('data', () => response.end(lines(root, stats([ROOT]))))
    })
    expect(await sendUntilRefused(openImport(endpoint, never, Promise.resolve(new Set())))).toMatchObject({
      code: expect.stringMatching(/^NODE_(FAILED|UNREACHABLE)$/),
    })
  })

  test('hangs up in the middle is unreachable', async () => {
    let got = 0
    const endpoint = await fake((request) => {
      request.on('data', (bytes: Buffer) => {
        got += bytes.length
        if (got > 3_000_000) request.socket.destroy()
      })
    })
    expect(await sendUntilRefused(openImport(endpoint, never, Promise.resolve(new Set())))).toMatchObject({
      code: 'NODE_UNREACHABLE',
    })
  })

  test('hangs up while nobody has anything to send is heard of all the same', async () => {
    const endpoint = await fake((request) => request.once('data', () => request.socket.destroy()))
    const { over } = openImport(endpoint, never, Promise.resolve(new Set()))
    await new Promise((resolve) => over.addEventListener('abort', resolve))
    expect(over.reason).toMatchObject({ code: 'NODE_UNREACHABLE' })
  })

  test('hangs up instead of an answer is unreachable', async () => {
    const endpoint = await fake(async (request) => {
      await receive(request)
      request.socket.destroy()
    })
    await expect(finish(endpoint)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  })

  test('hangs up in the middle of its answer is unreachable', async () => {
    const endpoint = await fake(async (request, response) => {
      await receive(request)
      response.write(lines(root))
      setTimeout(() => request.socket.destroy(), 50)
    })
    await expect(finish(endpoint)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  })

  test('does not listen is unreachable', async () => {
    const session = openImport(
      { url: 'http://127.0.0.1:1', source: 'the default' },
      never,
      Promise.resolve(new Set<string>()),
    )
    expect(await sendUntilRefused(session)).toMatchObject({ code: 'NODE_UNREACHABLE' })
  })
})

describe('a node that stops reading', () => {
  const stalled = () => fake((request) => request.pause())

  test('holds up the sender, who ends at once with the reason when it is cancelled', async () => {
    const stop = new AbortController()
    const reason = new DockerIpfsError('CANCELLED', 'cancelled')
    const session = openImport(await stalled(), stop.signal, Promise.resolve(new Set<string>()))
    const sent = sendUntilRefused(session)
    const first = await Promise.race([sent, Bun.sleep(300).then(() => 'waits')])
    expect(first).toBe('waits')
    stop.abort(reason)
    expect(await sent).toBe(reason)
    await session.abort(reason)
  })

  test('does not hold up an end that was asked for', async () => {
    const reason = new Error('enough')
    const session = openImport(await stalled(), never, Promise.resolve(new Set<string>()))
    const sent = sendUntilRefused(session)
    await Bun.sleep(200)
    await session.abort(reason)
    expect(await sent).toBe(reason)
  })
})

test('what is broken off has named no root, and its body has no end', async () => {
  const received = Promise.withResolvers<Buffer>()
  const endpoint = await fake((request) => {
    const parts: Buffer[] = []
    request.on('data', (bytes: Buffer) => parts.push(bytes))
    request.on('close', () => received.resolve(Buffer.concat(parts)))
  })
  const session = openImport(endpoint, never, Promise.resolve(new Set()))
  await session.put(ROOT)
  await Bun.sleep(100)
  await session.abort(new Error('broken off'))
  const body = (await received.promise).toString('latin1')
  expect(body).toContain('blocks.car')
  expect(body).not.toContain('root.car')
  expect(body).not.toEndWith('--\r\n')
})
