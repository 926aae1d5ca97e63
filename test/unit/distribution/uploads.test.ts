import { afterEach, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import type { ReceivedBlob, RegistryWriter } from '../../../src/distribution/registry.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type Bytes, sha256 } from '../../../src/streams.ts'
import { errorOf } from '../../support/error-of.ts'
import { MemoryRegistry } from '../../support/memory/registry.ts'
import { answerTo, head, plainSocket, type Serving, serving, until } from '../../support/serving.ts'

let served: Serving | undefined
afterEach(() => served?.close())

const TEXT = Buffer.from('0123456789')
const DIGEST = sha256(TEXT)

/** What came of uploads, besides the registry itself. */
class Watched extends MemoryRegistry {
  /** Bytes of each upload that the writer has taken. */
  readonly taken: number[] = []
  /** Why uploads failed. */
  readonly failures: unknown[] = []
  override readonly writer: RegistryWriter
  constructor() {
    super()
    const { writer } = new MemoryRegistry()
    this.writer = { ...writer, receive: (_, bytes) => this.#take(bytes) }
  }
  async #take(bytes: Bytes): Promise<ReceivedBlob> {
    const at = this.taken.push(0) - 1
    const parts: Uint8Array[] = []
    try {
      for await (const part of bytes) {
        parts.push(part)
        this.taken[at] = (this.taken[at] ?? 0) + part.length
      }
    } catch (error) {
      this.failures.push(error)
      throw error
    }
    return {
      keep: async () => void this.addBlob('a', Buffer.concat(parts)),
      forget: async () => {
        this.forgotten += 1
      },
    }
  }
}

const start = async (query = '', init: RequestInit = {}): Promise<Response> =>
  fetch(`${served?.url}/v2/a/blobs/uploads/${query}`, { method: 'POST', ...init })

const at = (answer: Response): string => `${served?.url}${answer.headers.get('location')}`

const patch = (url: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { method: 'PATCH', body, headers })

const put = (url: string, digest = DIGEST, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}?digest=${digest}`, { method: 'PUT', ...init })

const errorCode = async (answer: Response): Promise<unknown> =>
  ((await answer.json()) as { errors: { code: string }[] }).errors[0]?.code

describe('a blob', () => {
  test('comes by one POST', async () => {
    const registry = new MemoryRegistry()
    served = await serving(registry)
    const answer = await start(`?digest=${DIGEST}`, { body: TEXT })
    expect(answer.status).toBe(201)
    expect(answer.headers.get('location')).toBe(`/v2/a/blobs/${DIGEST}`)
    expect(answer.headers.get('docker-content-digest')).toBe(DIGEST)
    expect(registry.blobs.get(DIGEST)).toEqual(TEXT)
  })

  test('comes by POST and PUT', async () => {
    const registry = new MemoryRegistry()
    served = await serving(registry)
    const begun = await start()
    expect(begun.status).toBe(202)
    expect(begun.headers.get('docker-upload-uuid')).toMatch(/^[0-9a-f-]{36}$/)
    expect(begun.headers.get('range')).toBe('0-0')
    expect((await put(at(begun), DIGEST, { body: TEXT })).status).toBe(201)
    expect(registry.has('a', DIGEST)).toBe(true)
  })

  test('comes in chunks, and its state can be asked for', async () => {
    const registry = new MemoryRegistry()
    served = await serving(registry)
    const url = at(await start())
    const first = await patch(url, '0123', { 'content-range': '0-3' })
    expect([first.status, first.headers.get('range')]).toEqual([202, '0-3'])
    const state = await fetch(url)
    expect([state.status, state.headers.get('range'), state.headers.get('location')]).toEqual([
      204,
      '0-3',
      url.slice(served.url.length),
    ])
    expect((await patch(url, '45', { 'content-range': 'bytes 4-5/*' })).status).toBe(202)
    expect((await put(url, DIGEST, { body: '6789', headers: { 'content-range': '6-9' } })).status).toBe(201)
    expect(registry.blobs.get(DIGEST)).toEqual(TEXT)
    expect((await fetch(url)).status).toBe(404)
  })

  test('comes as a stream whose length nobody says', async () => {
    const registry = new MemoryRegistry()
    served = await serving(registry)
    const url = at(await start())
    const path = url.slice(served.url.length)
    const text = await answerTo(
      served.port,
      `${head(served.port, `PATCH ${path}`, 'Transfer-Encoding: chunked')}4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n`,
    )
    expect(text).toStartWith('HTTP/1.1 202 ')
    expect((await put(url)).status).toBe(201)
    expect(registry.blobs.get(DIGEST)).toEqual(TEXT)
  })

  test('may be empty', async () => {
    served = await serving(new MemoryRegistry())
    const digest = sha256(new Uint8Array())
    expect((await put(at(await start()), digest)).status).toBe(201)
    expect((await start(`?digest=${digest}`)).status).toBe(201)
  })

  test('that is large comes whole', async () => {
    const registry = new MemoryRegistry()
    served = await serving(registry)
    const bytes = randomBytes(20_000_000)
    expect((await put(at(await start()), sha256(bytes), { body: bytes })).status).toBe(201)
    expect(sha256(registry.blobs.get(sha256(bytes)) as Uint8Array)).toBe(sha256(bytes))
    await served.logged(2)
    expect(served.entries[1]).toMatchObject({ method: 'PUT', status: 201, bytes: 0, received: 20_000_000 })
  })
})

describe('a mount', () => {
  test.each(['&from=b', ''])('of what is there needs no bytes (%j)', async (from) => {
    const registry = new MemoryRegistry()
    registry.addBlob('b', TEXT)
    served = await serving(registry)
    const answer = await start(`?mount=${DIGEST}${from}`)
    expect([answer.status, answer.headers.get('location')]).toEqual([201, `/v2/a/blobs/${DIGEST}`])
    expect(registry.has('a', DIGEST)).toBe(true)
  })

  test.each([
    `?mount=${DIGEST}&from=c`,
    `?mount=${DIGEST}&from=../b`,
    `?mount=sha512:${'a'.repeat(128)}`,
    `?mount=${sha256(Buffer.from('x'))}`,
    '?mount=x',
  ])('that cannot be is an upload (%s)', async (query) => {
    const registry = new MemoryRegistry()
    registry.addBlob('b', TEXT)
    served = await serving(registry)
    const answer = await start(query)
    expect([answer.status, answer.headers.get('docker-upload-uuid')]).toEqual([202, expect.any(String)])
  })
})

test('a mount from where nothing is to be found is an upload', async () => {
  const registry = new MemoryRegistry()
  const mount = () => Promise.reject(new DockerIpfsError('CONTENT_NOT_FOUND', 'Nobody has it'))
  served = await serving(Object.assign(registry, { writer: { ...registry.writer, mount } }))
  expect((await start(`?mount=${DIGEST}&from=b`)).status).toBe(202)
})

describe('an upload', () => {
  test('with a wrong digest is forgotten', async () => {
    const registry = new MemoryRegistry()
    served = await serving(registry)
    const url = at(await start())
    const answer = await put(url, sha256(Buffer.from('x')), { body: TEXT })
    expect([answer.status, await errorCode(answer)]).toEqual([400, 'DIGEST_INVALID'])
    expect([registry.forgotten, registry.blobs.size, (await fetch(url)).status]).toEqual([1, 0, 404])
    expect((await start(`?digest=${sha256(Buffer.from('x'))}`, { body: TEXT })).status).toBe(400)
    expect(registry.forgotten).toBe(2)
  })

  test.each([`sha512:${'a'.repeat(128)}`, 'sha256:abc', 'x', ''])('cannot have the digest %j', async (digest) => {
    served = await serving(new MemoryRegistry())
    const answer = await put(at(await start()), digest, { body: TEXT })
    expect([answer.status, await errorCode(answer)]).toEqual([400, 'DIGEST_INVALID'])
  })

  test('cannot end without a digest', async () => {
    served = await serving(new MemoryRegistry())
    const answer = await fetch(at(await start()), { method: 'PUT', body: TEXT })
    expect([answer.status, await errorCode(answer)]).toEqual([400, 'DIGEST_INVALID'])
  })

  test('takes no chunk but the next, and says where it stands', async () => {
    served = await serving(new MemoryRegistry())
    const url = at(await start())
    await patch(url, '0123', { 'content-range': '0-3' })
    for (const range of ['0-3', '5-8', '3-6']) {
      const answer = await patch(url, 'xxxx', { 'content-range': range })
      expect([answer.status, answer.headers.get('range')]).toEqual([416, '0-3'])
      expect(answer.headers.get('location')).toBe(url.slice(served.url.length))
    }
    expect((await put(url, DIGEST, { body: 'xx', headers: { 'content-range': '8-9' } })).status).toBe(416)
    expect((await put(url, DIGEST, { body: '456789', headers: { 'content-range': '4-9' } })).status).toBe(201)
  })

  test('takes no chunk of another size than it says', async () => {
    served = await serving(new MemoryRegistry())
    const url = at(await start())
    const answer = await patch(url, '0123', { 'content-range': '0-9' })
    expect([answer.status, await errorCode(answer)]).toEqual([400, 'SIZE_INVALID'])
    expect((await patch(url, '0123', { 'content-range': 'x-y' })).status).toBe(400)
    const text = await answerTo(
      served.port,
      `${head(served.port, `PATCH ${url.slice(served.url.length)}`, 'Transfer-Encoding: chunked', 'Content-Range: 0-9')}4\r\n0123\r\n0\r\n\r\n`,
    )
    expect(text).toStartWith('HTTP/1.1 400 ')
    expect((await fetch(url)).status).toBe(404)
  })

  test('belongs to its repository', async () => {
    served = await serving(new MemoryRegistry())
    const url = at(await start())
    expect((await fetch(url.replace('/v2/a/', '/v2/b/'))).status).toBe(404)
    expect((await fetch(url)).status).toBe(204)
  })

  test('can be given up', async () => {
    const registry = new Watched()
    served = await serving(registry)
    const url = at(await start())
    await patch(url, '0123')
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(204)
    expect(registry.failures).toHaveLength(1)
    expect((await fetch(url)).status).toBe(404)
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(404)
  })

  test('that broke off goes on where it stands', async () => {
    const registry = new Watched()
    served = await serving(registry)
    const url = at(await start())
    const path = url.slice(served.url.length)
    const socket = await plainSocket(served.port)
    socket.write(`${head(served.port, `PATCH ${path}`, 'Content-Length: 10')}01234`)
    await until(() => registry.taken[0] === 5)
    socket.destroy()
    await served.logged(2)
    expect(served.entries[1]).toMatchObject({ method: 'PATCH', status: 0, received: 5, error: 'The client is gone' })
    expect((await fetch(url)).headers.get('range')).toBe('0-4')
    expect((await patch(url, '56789', { 'content-range': '5-9' })).status).toBe(202)
    expect((await put(url)).status).toBe(201)
    expect(registry.blobs.get(DIGEST)).toEqual(TEXT)
  })

  test('by one POST that broke off is given up, since nobody knows where it is', async () => {
    const registry = new Watched()
    served = await serving(registry)
    const socket = await plainSocket(served.port)
    socket.write(`${head(served.port, `POST /v2/a/blobs/uploads/?digest=${DIGEST}`, 'Content-Length: 10')}01234`)
    await until(() => registry.taken[0] === 5)
    socket.destroy()
    await until(() => registry.failures.length === 1)
    expect(registry.failures).toMatchObject([{ code: 'CANCELLED' }])
  })

  test('that is being kept when the server ends is told so', async () => {
    const registry = new Watched()
    let told: unknown
    const writer: RegistryWriter = {
      ...registry.writer,
      receive: async (_, bytes, signal) => {
        for await (const _part of bytes);
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            told = signal.reason
            reject(told)
          })
        })
      },
    }
    served = await serving(Object.assign(registry, { writer }))
    const url = at(await start())
    const answer = errorOf(put(url, DIGEST, { body: TEXT }))
    await Bun.sleep(50)
    await served.close()
    expect(told).toMatchObject({ code: 'CANCELLED' })
    expect(await answer).toBeInstanceOf(Error)
  })

  test('is at one request at a time', async () => {
    const registry = new Watched()
    served = await serving(registry)
    const url = at(await start())
    const socket = await plainSocket(served.port)
    socket.write(`${head(served.port, `PATCH ${url.slice(served.url.length)}`, 'Content-Length: 10')}01234`)
    await until(() => registry.taken[0] === 5)
    expect((await patch(url, 'x')).status).toBe(409)
    expect((await put(url, DIGEST, { body: 'x' })).status).toBe(409)
    expect((await fetch(url)).status).toBe(204)
    socket.write('56789')
    await served.logged(5)
    expect((await put(url)).status).toBe(201)
    socket.destroy()
  })

  test('that nobody goes on with is forgotten', async () => {
    const registry = new Watched()
    served = await serving(registry, { forgetUploadAfter: 50 })
    const url = at(await start())
    await patch(url, '0123')
    await until(() => registry.failures.length === 1)
    expect(registry.failures).toMatchObject([{ code: 'CANCELLED' }])
    expect((await fetch(url)).status).toBe(404)
  })

  test('that a request is at is not forgotten, however slow', async () => {
    const registry = new Watched()
    served = await serving(registry, { forgetUploadAfter: 500 })
    const url = at(await start())
    const socket = await plainSocket(served.port)
    socket.write(head(served.port, `PATCH ${url.slice(served.url.length)}`, 'Content-Length: 10'))
    for (const byte of TEXT.toString()) {
      await Bun.sleep(100)
      socket.write(byte)
    }
    await served.logged(2)
    expect(served.entries[1]).toMatchObject({ status: 202, received: 10 })
    socket.destroy()
  })

  test('whose client sends nothing for too long is cut off', async () => {
    served = await serving(new Watched(), { cutClientAfter: 100 })
    const url = at(await start())
    const text = await answerTo(
      served.port,
      `${head(served.port, `PATCH ${url.slice(served.url.length)}`, 'Content-Length: 10')}0`,
    )
    expect(text).toBe('')
    expect((await fetch(url)).headers.get('range')).toBe('0-0')
  })

  test('of which the writer takes nothing makes its client wait', async () => {
    const release = Promise.withResolvers<void>()
    const registry = new Watched()
    const { receive } = registry.writer
    const writer: RegistryWriter = {
      ...registry.writer,
      receive: async (repository, bytes, signal, expected) => {
        await release.promise
        return receive(repository, bytes, signal, expected)
      },
    }
    served = await serving(Object.assign(registry, { writer }))
    const url = at(await start())
    const socket = await plainSocket(served.port)
    const size = 64 * 1024 * 1024
    const path = `${url.slice(served.url.length)}?digest=${sha256(new Uint8Array(size))}`
    socket.write(head(served.port, `PUT ${path}`, `Content-Length: ${size}`))
    socket.write(new Uint8Array(size))
    let before = -1
    while (socket.bytesWritten - socket.writableLength !== before || before <= 0) {
      before = socket.bytesWritten - socket.writableLength
      await Bun.sleep(100)
    }
    const state = await fetch(url)
    expect(Number(state.headers.get('range')?.slice(2))).toBeLessThan(8 * 1024 * 1024)
    release.resolve()
    await served.logged(3)
    expect(served.entries.at(-1)).toMatchObject({ method: 'PUT', status: 201, received: size })
    socket.destroy()
  })

  test('of which the writer gives up fails with its words, and is gone', async () => {
    const registry = new Watched()
    const failing: RegistryWriter = {
      ...registry.writer,
      receive: async (_, bytes) => {
        for await (const _part of bytes) throw new DockerIpfsError('NODE_UNREACHABLE', 'The node went away')
        throw new Error('nothing came')
      },
    }
    served = await serving(Object.assign(registry, { writer: failing }))
    const url = at(await start())
    const bytes = new Uint8Array(8_000_000)
    const answer = await put(url, sha256(bytes), { body: bytes })
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ errors: [{ message: 'The node went away' }] })
    expect((await fetch(url)).status).toBe(404)
  })

  test('of which the writer takes a part only is not kept', async () => {
    const registry = new Watched()
    const kept: string[] = []
    const writer: RegistryWriter = {
      ...registry.writer,
      receive: async (_, bytes) => {
        for await (const _part of bytes) break
        return {
          keep: async (digest) => void kept.push(digest),
          forget: async () => {
            registry.forgotten += 1
          },
        }
      },
    }
    served = await serving(Object.assign(registry, { writer }))
    expect((await put(at(await start()), DIGEST, { body: TEXT })).status).toBe(502)
    expect([kept, registry.forgotten]).toEqual([[], 1])
  })

  test('that cannot be kept fails', async () => {
    const registry = new Watched()
    const writer: RegistryWriter = {
      ...registry.writer,
      receive: async (_, bytes) => {
        for await (const _part of bytes);
        return {
          keep: () => Promise.reject(new DockerIpfsError('FILE_FAILED', 'The disk is full')),
          forget: async () => {},
        }
      },
    }
    served = await serving(Object.assign(registry, { writer }))
    const answer = await put(at(await start()), DIGEST, { body: TEXT })
    expect([answer.status, await answer.json()]).toMatchObject([500, { errors: [{ message: 'The disk is full' }] }])
  })
})

test('of too many uploads that goes which nobody has gone on with for longest', async () => {
  const registry = new Watched()
  served = await serving(registry)
  const first = at(await start())
  const second = at(await start())
  await patch(first, '0')
  for (let count = 2; count < 201; count += 1) await start()
  expect((await fetch(second)).status).toBe(404)
  expect((await fetch(first)).status).toBe(204)
  expect(registry.failures).toHaveLength(1)
})

test('a hundred uploads that break off leave a server that answers', async () => {
  const registry = new Watched()
  served = await serving(registry)
  await Promise.all(
    Array.from({ length: 100 }, async (_, count) => {
      const path = new URL(at(await start())).pathname
      const kinds = [`PUT ${path}?digest=${DIGEST}`, `PATCH ${path}`, `POST /v2/a/blobs/uploads/?digest=${DIGEST}`]
      const coding = count % 2 === 0 ? 'Content-Length: 100000' : 'Transfer-Encoding: chunked'
      const socket = await plainSocket(served?.port ?? 0)
      socket.on('error', () => undefined)
      socket.write(`${head(served?.port ?? 0, kinds[count % 3] ?? '', coding)}5\r\n01234\r\n`)
      await Bun.sleep(count % 7)
      if (count % 5 === 0) socket.resetAndDestroy()
      else socket.destroy()
    }),
  )
  await Bun.sleep(100)
  expect((await put(at(await start()), DIGEST, { body: TEXT })).status).toBe(201)
  expect(await (await fetch(`${served.url}/v2/a/blobs/${DIGEST}`)).text()).toBe(TEXT.toString())
})

test('uploads that are under way are given up when the server ends', async () => {
  const registry = new Watched()
  served = await serving(registry)
  await patch(at(await start()), '0123')
  await served.close()
  expect(registry.failures).toMatchObject([{ code: 'CANCELLED' }])
})
