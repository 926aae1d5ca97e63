import { afterEach, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import type { StoredBlob, StoredManifest } from '../../../src/distribution/registry.ts'
import { DockerIpfsError, type ErrorCode } from '../../../src/errors.ts'
import { sha256 } from '../../../src/streams.ts'
import { MemoryRegistry } from '../../support/memory/registry.ts'
import { answerTo, head, plainSocket, type Serving, serving, until } from '../../support/serving.ts'

let served: Serving | undefined
afterEach(() => served?.close())

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const JSON_BYTES = Buffer.from('{"schemaVersion":2}')

/** A registry with one blob of these bytes, read as `read` says. */
class OneBlob extends MemoryRegistry {
  readonly #blob: StoredBlob
  constructor(blob: StoredBlob) {
    super()
    this.#blob = blob
  }
  override async blob(): Promise<StoredBlob> {
    return this.#blob
  }
}

/** A registry with one manifest under any name. */
class OneManifest extends MemoryRegistry {
  readonly #give: () => Promise<StoredManifest | undefined>
  constructor(give: () => Promise<StoredManifest | undefined>) {
    super()
    this.#give = give
  }
  override manifest(): Promise<StoredManifest | undefined> {
    return this.#give()
  }
}

test('a blob comes whole, with its digest and size', async () => {
  const registry = new MemoryRegistry()
  const bytes = randomBytes(300_000)
  const digest = registry.addBlob('a/b', bytes)
  served = await serving(registry)
  const answer = await fetch(`${served.url}/v2/a/b/blobs/${digest}`)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-length')).toBe('300000')
  expect(answer.headers.get('docker-content-digest')).toBe(digest)
  expect(answer.headers.get('docker-distribution-api-version')).toBe('registry/2.0')
  expect(sha256(await answer.bytes())).toBe(digest)
  await served.logged(1)
  expect(served.entries[0]).toMatchObject({ method: 'GET', status: 200, bytes: 300_000, received: 0 })
})

test('HEAD says the same of a blob without its bytes, whatever range it asks for', async () => {
  const registry = new MemoryRegistry()
  const digest = registry.addBlob('a', randomBytes(1000))
  served = await serving(registry)
  for (const headers of [[], ['Range: bytes=3-5']]) {
    const text = await answerTo(served.port, head(served.port, `HEAD /v2/a/blobs/${digest}`, ...headers))
    expect(text).toStartWith('HTTP/1.1 200 OK\r\n')
    expect(text).toContain('Content-Length: 1000\r\n')
    expect(text).toEndWith('\r\n\r\n')
  }
})

test.each([
  ['bytes=3-5', 206, 'bytes 3-5/10', '345'],
  ['bytes=7-', 206, 'bytes 7-9/10', '789'],
  ['bytes=-2', 206, 'bytes 8-9/10', '89'],
  ['bytes=0-', 206, 'bytes 0-9/10', '0123456789'],
  ['bytes=0-1,4-5', 200, null, '0123456789'],
])('a blob that is asked for %s answers %i', async (range, status, contentRange, text) => {
  const registry = new MemoryRegistry()
  const digest = registry.addBlob('a', Buffer.from('0123456789'))
  served = await serving(registry)
  const answer = await fetch(`${served.url}/v2/a/blobs/${digest}`, { headers: { range } })
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-range')).toBe(contentRange)
  expect(answer.headers.get('content-length')).toBe(String(text.length))
  expect(await answer.text()).toBe(text)
})

test('a range behind the end of a blob says where that is', async () => {
  const registry = new MemoryRegistry()
  const digest = registry.addBlob('a', Buffer.from('0123456789'))
  served = await serving(registry)
  const answer = await fetch(`${served.url}/v2/a/blobs/${digest}`, { headers: { range: 'bytes=10-' } })
  expect(answer.status).toBe(416)
  expect(answer.headers.get('content-range')).toBe('bytes */10')
})

test('an empty blob is a blob', async () => {
  const registry = new MemoryRegistry()
  const digest = registry.addBlob('a', new Uint8Array())
  served = await serving(registry)
  const answer = await fetch(`${served.url}/v2/a/blobs/${digest}`)
  expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '0', ''])
})

const wrong = randomBytes(200_000)
const source = async function* (bytes: Uint8Array) {
  for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000)
}

test.each([
  ['other bytes', wrong.length, wrong],
  ['too few bytes', wrong.length + 1, wrong],
  ['too many bytes', wrong.length - 1, wrong],
])('of %s never as many come as were promised, and the connection is broken', async (_, size, bytes) => {
  const digest = sha256(Buffer.from('what it should be'))
  served = await serving(new OneBlob({ digest, size, read: () => source(bytes) }))
  const text = await answerTo(served.port, head(served.port, `GET /v2/a/blobs/${digest}`))
  expect(text).toContain(`Content-Length: ${size}\r\n`)
  expect(text.length - text.indexOf('\r\n\r\n') - 4).toBeLessThan(size)
  await served.logged(1)
  expect(served.entries[0]?.error).toMatch(/digest|bytes/)
  expect((await fetch(`${served.url}/v2/`)).status).toBe(200)
})

test('a part that has another size than it should is broken off too', async () => {
  const digest = sha256(wrong)
  served = await serving(new OneBlob({ digest, size: wrong.length, read: () => source(wrong.subarray(0, 10)) }))
  const text = await answerTo(served.port, head(served.port, `GET /v2/a/blobs/${digest}`, 'Range: bytes=5-99'))
  expect(text).toContain('Content-Length: 95\r\n')
  expect(text.length - text.indexOf('\r\n\r\n') - 4).toBeLessThan(95)
})

test('a client that goes away ends the reading behind the answer', async () => {
  let ended = false
  const digest = sha256(wrong)
  const endless = async function* (signal: AbortSignal) {
    try {
      for (;;) {
        signal.throwIfAborted()
        yield new Uint8Array(65536)
        await Bun.sleep(0)
      }
    } finally {
      ended = true
    }
  }
  served = await serving(new OneBlob({ digest, size: 2 ** 40, read: (_, signal) => endless(signal) }))
  const socket = await plainSocket(served.port)
  socket.write(head(served.port, `GET /v2/a/blobs/${digest}`))
  await new Promise((resolve) => socket.once('data', resolve))
  socket.destroy()
  await until(() => ended)
  await served.logged(1)
  expect(served.entries[0]?.error).toBe('The client is gone')
})

test('a client that goes away while something is looked for ends the search', async () => {
  let reason: unknown
  const registry = new (class extends MemoryRegistry {
    override manifest(_: unknown, __: unknown, ___: unknown, signal?: AbortSignal): Promise<undefined> {
      return new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          reason = signal.reason
          reject(reason)
        })
      })
    }
  })()
  served = await serving(registry)
  const socket = await plainSocket(served.port)
  socket.write(head(served.port, 'GET /v2/a/manifests/latest'))
  await Bun.sleep(50)
  socket.destroy()
  await until(() => reason !== undefined)
  expect(reason).toMatchObject({ code: 'CANCELLED' })
})

test('a client that reads nothing makes the source wait', async () => {
  let given = 0
  const digest = sha256(wrong)
  const size = 2 ** 40
  const endless = async function* () {
    for (;;) {
      given += 65536
      yield new Uint8Array(65536)
    }
  }
  served = await serving(new OneBlob({ digest, size, read: endless }))
  const socket = await plainSocket(served.port)
  socket.pause()
  socket.write(head(served.port, `GET /v2/a/blobs/${digest}`))
  let before = -1
  while (given !== before || given === 0) {
    before = given
    await Bun.sleep(100)
  }
  // What the kernel holds for both ends, and no more.
  expect(given).toBeLessThan(32 * 1024 * 1024)
  socket.destroy()
  await served.logged(1)
})

test('a client that reads nothing for too long is cut off, but not one that waits for the source', async () => {
  const digest = sha256(wrong)
  const slow = async function* () {
    yield wrong.subarray(0, 1000)
    await Bun.sleep(400)
    yield wrong.subarray(1000)
  }
  served = await serving(new OneBlob({ digest, size: wrong.length, read: slow }), { cutClientAfter: 100 })
  expect(sha256(await (await fetch(`${served.url}/v2/a/blobs/${digest}`)).bytes())).toBe(digest)
  await served.close()
  const endless = async function* () {
    for (;;) yield new Uint8Array(65536)
  }
  served = await serving(new OneBlob({ digest, size: 2 ** 40, read: endless }), { cutClientAfter: 100 })
  const socket = await plainSocket(served.port)
  socket.pause()
  socket.write(head(served.port, `GET /v2/a/blobs/${digest}`))
  await served.logged(1)
  expect(served.entries[0]?.error).toBe('The client is gone')
  socket.destroy()
})

test('a manifest comes with its type, digest and root', async () => {
  const digest = sha256(JSON_BYTES)
  const manifest = { digest, mediaType: MANIFEST, bytes: JSON_BYTES, root: 'bafyroot' }
  served = await serving(new OneManifest(async () => manifest))
  const answer = await fetch(`${served.url}/v2/a/manifests/latest`)
  expect(answer.headers.get('content-type')).toBe(MANIFEST)
  expect(answer.headers.get('docker-content-digest')).toBe(digest)
  expect(answer.headers.get('x-ipfs-root')).toBe('bafyroot')
  expect(await answer.text()).toBe(JSON_BYTES.toString())
  await served.logged(1)
  expect(served.entries[0]?.root).toBe('bafyroot')
})

test('a manifest that is not what its digest says is not given', async () => {
  const manifest = { digest: sha256(JSON_BYTES), mediaType: MANIFEST, bytes: Buffer.from('{}') }
  served = await serving(new OneManifest(async () => manifest))
  expect((await fetch(`${served.url}/v2/a/manifests/latest`)).status).toBe(502)
  await served.close()
  served = await serving(new OneManifest(async () => ({ ...manifest, bytes: JSON_BYTES })))
  const other = sha256(Buffer.from('another'))
  expect((await fetch(`${served.url}/v2/a/manifests/${other}`)).status).toBe(502)
})

test.each<[ErrorCode, number, string]>([
  ['CONTENT_NOT_FOUND', 404, 'MANIFEST_UNKNOWN'],
  ['IMAGE_NOT_FOUND', 404, 'MANIFEST_UNKNOWN'],
  ['PLATFORM_NOT_FOUND', 404, 'MANIFEST_UNKNOWN'],
  ['NOT_AN_IMAGE', 404, 'MANIFEST_UNKNOWN'],
  ['REFERENCE_INVALID', 400, 'NAME_INVALID'],
  ['NODE_UNREACHABLE', 503, 'UNAVAILABLE'],
  ['NODE_FAILED', 502, 'UNKNOWN'],
  ['INTEGRITY', 502, 'UNKNOWN'],
  ['FILE_FAILED', 500, 'UNKNOWN'],
])('%s behind a manifest is the status %i, with its words', async (code, status, registryCode) => {
  const error = new DockerIpfsError(code, 'These are the words', { hint: 'Do this.' })
  served = await serving(new OneManifest(() => Promise.reject(error)))
  const answer = await fetch(`${served.url}/v2/a/manifests/latest`)
  expect(answer.status).toBe(status)
  expect(await answer.json()).toEqual({
    errors: [{ code: registryCode, message: 'These are the words. Do this.', detail: null }],
  })
  await served.logged(1)
  expect(served.entries[0]?.error).toBe('These are the words. Do this.')
})

test('what is not there is 404, in the registry’s JSON', async () => {
  served = await serving(new MemoryRegistry())
  const digest = sha256(JSON_BYTES)
  for (const [path, code] of [
    ['a/manifests/latest', 'MANIFEST_UNKNOWN'],
    [`a/manifests/${digest}`, 'MANIFEST_UNKNOWN'],
    [`a/manifests/sha512:${'a'.repeat(128)}`, 'MANIFEST_UNKNOWN'],
    [`a/blobs/${digest}`, 'BLOB_UNKNOWN'],
    ['a/tags/list', 'NAME_UNKNOWN'],
    ['a/blobs/uploads/1', 'BLOB_UPLOAD_UNKNOWN'],
  ]) {
    const answer = await fetch(`${served.url}/v2/${path}`)
    expect([answer.status, await answer.json()]).toMatchObject([404, { errors: [{ code }] }])
  }
})

test('the registry learns who asks, and for what types', async () => {
  const registry = new MemoryRegistry()
  served = await serving(registry)
  const headers = { 'user-agent': 'docker/20.10.24', accept: `${MANIFEST};q=0.5, Application/JSON , */*` }
  await fetch(`${served.url}/v2/a/manifests/latest`, { headers })
  expect(registry.clients).toEqual([{ agent: 'docker/20.10.24', accepts: [MANIFEST, 'application/json', '*/*'] }])
})
