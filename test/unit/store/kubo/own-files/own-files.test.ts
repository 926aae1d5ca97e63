import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathOf } from '../../../../../src/dag/block-source.ts'
import { rawBlock } from '../../../../../src/dag/blocks.ts'
import type { Endpoint } from '../../../../../src/store/kubo/endpoint.ts'
import { gatewayUrl, openOwnFiles } from '../../../../../src/store/kubo/own-files/own-files.ts'
import { collect } from '../../../../../src/streams.ts'

const { signal } = new AbortController()
const { cid } = rawBlock(Buffer.from('only here'))
const FILE = Buffer.from('0123456789')
const FILE_REF = { root: rawBlock(Buffer.from('root')).cid, path: ['blobs', 'sha256', 'aa'] }
const PATH = pathOf(FILE_REF)
const MIB = 1024 * 1024

/** A node and its gateway, as far as they are asked here. */
let gateway: (request: Request) => Response | Promise<Response>
let config: () => Response
let system: () => Response
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/api/v0/diag/sys') return system()
    return pathname === '/api/v0/config' ? config() : gateway(request)
  },
})
/** A repository, with nothing in it yet. */
const folder = mkdtempSync(join(tmpdir(), 'own-files-'))
afterAll(() => {
  server.stop(true)
  rmSync(folder, { recursive: true })
})

const asked: string[] = []
const part = (headers: Headers) => headers.get('range')?.match(/\d+/g)?.map(Number) as [number, number]

/** A gateway that has all, and answers for a file as `file` says. */
const having = (file: (bytes: Buffer) => Response) => async (request: Request) => {
  const { pathname } = new URL(request.url)
  asked.push(`${pathname} ${request.headers.get('range') ?? request.headers.get('cache-control')}`)
  if (pathname !== PATH) return new Response('only here')
  const [from, to] = part(request.headers)
  return file(FILE.subarray(from, to + 1))
}
const right = having((bytes) => new Response(bytes, { status: 206 }))

beforeEach(() => {
  asked.length = 0
  gateway = right
  system = () => Response.json({ environment: { IPFS_PATH: folder } })
  config = () => Response.json({ Key: 'Addresses.Gateway', Value: `/ip4/127.0.0.1/tcp/${server.port}` })
})

/** Reads the bytes 2 to 7; what `cat` had to give of them is in capital letters. */
async function read(endpoint: Partial<Endpoint> = {}, proof: typeof cid | null = cid) {
  const files = openOwnFiles(
    {
      endpoint: { url: `http://127.0.0.1:${server.port}`, source: '--api', ...endpoint },
      proof: Promise.resolve(proof ?? undefined),
      async *cat(_, __, range) {
        if (range === undefined) throw new Error('no range')
        yield Buffer.from('ABCDEFGHIJ').subarray(range.offset, range.offset + range.length)
      },
    },
    signal,
  )
  const once = async () =>
    Buffer.from(await collect(files.cat(FILE_REF, signal, { offset: 2, length: 6 }), 100, 'it')).toString()
  return [await once(), await once()]
}

/** Its API must not be asked. */
const withoutCat = () =>
  openOwnFiles(
    {
      endpoint: { url: `http://127.0.0.1:${server.port}`, source: '--api' },
      proof: Promise.resolve(cid),
      cat: () => {
        throw new Error('asked')
      },
    },
    signal,
  )

describe('parts of files', () => {
  test('come from the gateway in parts of 32 MiB', async () => {
    gateway = async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname !== PATH) return new Response('only here')
      const [from, to] = part(request.headers)
      asked.push(`${from} ${to}`)
      return new Response(Buffer.alloc(to - from + 1), { status: 206 })
    }
    const files = withoutCat()
    const got = await collect(files.cat(FILE_REF, signal, { offset: 5, length: 40_000_000 }), 40_000_000, 'it')
    expect(got.length).toBe(40_000_000)
    expect(asked).toEqual([`5 ${5 + 32 * MIB - 1}`, `${5 + 32 * MIB} 40000004`])
  })

  test.each([
    ['refuses to say where it is', () => new Response('', { status: 403 })],
    ['says nothing of it', () => Response.json({ environment: { IPFS_PATH: '' } })],
    ['says something else', () => new Response('null')],
    ['says no JSON', () => new Response('{')],
    ['is in a container', () => Response.json({ environment: { IPFS_PATH: '/nowhere/data/ipfs' } })],
  ])('come from the gateway where the node %s', async (_, answer) => {
    system = answer
    expect(await read()).toEqual(['234567', '234567'])
  })

  test('come from the gateway that has what only this node has', async () => {
    expect(await read()).toEqual(['234567', '234567'])
    expect(asked).toEqual([`/ipfs/${cid} only-if-cached`, `${PATH} bytes=2-7`, `${PATH} bytes=2-7`])
  })

  test.each([
    ['a gateway that has it not', () => new Response('', { status: 412 })],
    ['no gateway', () => new Response('', { status: 404 })],
  ])('come by RPC where there is %s', async (_, answer) => {
    gateway = answer
    expect(await read()).toEqual(['CDEFGH', 'CDEFGH'])
  })

  test.each([
    ['says nothing of its settings', () => new Response('', { status: 404 })],
    ['has no gateway', () => Response.json({ Key: 'Addresses.Gateway', Value: [] })],
    ['says something else', () => new Response('null')],
    ['says no JSON', () => new Response('{')],
  ])('come by RPC where the node %s', async (_, answer) => {
    config = answer
    expect(await read()).toEqual(['CDEFGH', 'CDEFGH'])
    expect(asked).toEqual([])
  })

  test('come by RPC where there is nothing to prove it by', async () => {
    expect(await read({}, null)).toEqual(['CDEFGH', 'CDEFGH'])
    expect(asked).toEqual([])
  })

  test.each([{ url: 'http://192.0.2.1' }, { authorization: 'Bearer x' }, { socket: '/x.sock' }, { ca: 'x' }])(
    'come by RPC where the node may be elsewhere, or has something in front: %j',
    async (endpoint) => {
      expect(await read(endpoint)).toEqual(['CDEFGH', 'CDEFGH'])
      expect(asked).toEqual([])
    },
  )

  test('come from the gateway of our own node, although its API wants a secret', async () => {
    await read({ authorization: 'Basic x', isManaged: true })
    expect(asked.length).toBeGreaterThan(0)
  })

  test('come by RPC from there on where the gateway gives less', async () => {
    gateway = having((bytes) => new Response(bytes.subarray(0, 2), { status: 206 }))
    expect(await read()).toEqual(['23EFGH', 'CDEFGH'])
  })

  test.each([
    ['refuses', () => new Response('no', { status: 500 })],
    ['knows no ranges', () => new Response(FILE)],
  ])('come by RPC from then on where the gateway %s', async (_, answer) => {
    gateway = having(answer)
    expect(await read()).toEqual(['CDEFGH', 'CDEFGH'])
    expect(asked).toHaveLength(2)
  })

  test('are not asked for any more where the signal says so', async () => {
    const stop = new AbortController()
    gateway = having(() => {
      stop.abort(new Error('cancelled'))
      return new Response('', { status: 500 })
    })
    const files = withoutCat()
    await expect(collect(files.cat(FILE_REF, stop.signal, { offset: 2, length: 6 }), 100, 'it')).rejects.toThrow(
      'cancelled',
    )
  })
})

test.each([
  ['/ip4/127.0.0.1/tcp/8080', 'http://127.0.0.1:8080'],
  ['/ip4/0.0.0.0/tcp/80', 'http://127.0.0.1:80'],
  ['/ip4/127.0.0.2/tcp/8080/http', 'http://127.0.0.2:8080'],
  [['/ip6/::1/tcp/1', '/ip4/127.0.0.1/tcp/2'], 'http://127.0.0.1:2'],
  ['/ip4/192.0.2.1/tcp/8080', undefined],
  ['/unix/gateway.sock', undefined],
  ['/ip4/127.0.0.1/tcp/8080/evil.example', undefined],
  [[], undefined],
  [undefined, undefined],
])('%j as the address of a gateway is %p', (value, url) => {
  expect(gatewayUrl(value)).toBe(url)
})
