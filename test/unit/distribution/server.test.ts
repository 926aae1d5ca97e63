import { afterEach, describe, expect, test } from 'bun:test'
import { connect as connectTls } from 'node:tls'
import { serve } from '../../../src/distribution/server.ts'
import { sha256 } from '../../../src/streams.ts'
import { errorOf } from '../../support/error-of.ts'
import { MemoryRegistry } from '../../support/memory/registry.ts'
import { answerTo, head, plainSocket, type Serving, serving, until } from '../../support/serving.ts'

let served: Serving | undefined
afterEach(() => served?.close())

const statusOf = (text: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1])

const ask = async (line: string, ...headers: string[]): Promise<number> =>
  statusOf(await answerTo(served?.port ?? 0, head(served?.port ?? 0, line, ...headers)))

describe('a request', () => {
  test.each(['127.0.0.1', 'localhost', '[::1]', 'LOCALHOST'])('to %s is answered', async (host) => {
    served = await serving(new MemoryRegistry())
    expect(await ask('GET /v2/', `Host: ${host}:${served.port}`)).toBe(200)
  })

  test.each([
    'evil.example',
    'evil.example:PORT',
    '127.0.0.1',
    'localhost:1',
    '127.0.0.1.evil.example:PORT',
    'localhost.:PORT',
    'x@127.0.0.1:PORT',
    '10.0.0.1:PORT',
    '',
  ])('with the Host %j is refused', async (host) => {
    const registry = new MemoryRegistry()
    const digest = registry.addBlob('a', Buffer.from('x'))
    served = await serving(registry)
    const text = host.replace('PORT', String(served.port))
    expect(await ask('GET /v2/', `Host: ${text}`)).toBe(403)
    expect(await ask(`DELETE /v2/a/blobs/${digest}`, `Host: ${text}`)).toBe(403)
    expect(await ask('GET /', `Host: ${text}`)).toBe(403)
    expect(registry.has('a', digest)).toBe(true)
  })

  test.each([
    'Origin: https://evil.example',
    'Origin: null',
    'Origin: http://localhost:1',
    'Origin: http://evil.example:PORT',
    'Origin: https://127.0.0.1:PORT',
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Site: same-site',
  ])('of a page elsewhere is refused (%s)', async (header) => {
    served = await serving(new MemoryRegistry())
    const text = header.replace('PORT', String(served.port))
    expect(await ask('GET /v2/', text)).toBe(403)
    expect(await ask('POST /v2/a/blobs/uploads/', text)).toBe(403)
    expect(await ask('OPTIONS /v2/', text)).toBe(403)
  })

  test('that follows a link to our page is answered, and none to an image in a page', async () => {
    const page = async () => ({ mediaType: 'text/html', bytes: Buffer.from('<p>') })
    served = await serving(new MemoryRegistry(), { page })
    expect(await ask('GET /', 'Sec-Fetch-Site: cross-site')).toBe(200)
    for (const path of ['/v2', '/v2/', '/v2/a/manifests/latest', '/v2?x']) {
      expect(await ask(`GET ${path}`, 'Sec-Fetch-Site: cross-site')).toBe(403)
    }
    expect(await ask('GET /', 'Origin: https://evil.example')).toBe(403)
  })

  test.each(['Origin: http://127.0.0.1:PORT', 'Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: none'])(
    'of our own page is answered (%s)',
    async (header) => {
      served = await serving(new MemoryRegistry())
      expect(await ask('GET /v2/', header.replace('PORT', String(served.port)))).toBe(200)
    },
  )

  test.each([
    ['GET /v2/../v2/a/manifests/latest', 400],
    ['GET /v2/a/../../etc/passwd', 404],
    ['GET /v2/a/../b/manifests/latest', 400],
    ['GET /v2/a/%2e%2e/b/manifests/latest', 400],
    ['GET /v2/a%2fb/manifests/latest', 400],
    ['GET /v2/A/manifests/latest', 400],
    ['GET /v2/a//b/manifests/latest', 400],
    ['GET /v2/a/manifests/..%2f..%2fx', 400],
    ['GET /v2/a/blobs/sha256:..', 400],
    ['GET /v2/a/manifests/latest?ns=../x', 400],
    ['GET //v2/', 404],
    ['GET /v3/', 404],
    ['GET http://evil.example/v2/', 404],
  ])('%s answers %i', async (line, status) => {
    served = await serving(new MemoryRegistry())
    expect(await ask(line)).toBe(status)
  })

  test.each([
    ['POST /v2/', 'GET, HEAD'],
    ['PUT /v2/a/tags/list', 'GET, HEAD'],
    ['POST /v2/a/manifests/latest', 'GET, HEAD, PUT, DELETE'],
    [`PUT /v2/a/blobs/${sha256(Buffer.from('x'))}`, 'GET, HEAD, DELETE'],
    ['GET /v2/a/blobs/uploads/', 'POST'],
    ['PATCH /v2/_catalog', 'GET, HEAD'],
  ])('%s is not allowed, and what is is said: %s', async (line, allow) => {
    served = await serving(new MemoryRegistry())
    const text = await answerTo(served.port, head(served.port, line))
    expect(statusOf(text)).toBe(405)
    expect(text).toContain(`Allow: ${allow}\r\n`)
  })

  test('with a head that is too long is refused', async () => {
    served = await serving(new MemoryRegistry())
    expect(await ask('GET /v2/', `X: ${'x'.repeat(100_000)}`)).toBe(431)
    expect(await ask(`GET /v2/${'a/'.repeat(50_000)}`)).toBe(431)
    expect(await ask('GET /v2/')).toBe(200)
  })

  test('that wants to write is refused where nothing can be written', async () => {
    const { writer: _, ...rest } = new MemoryRegistry()
    const registry = Object.assign(Object.create(MemoryRegistry.prototype) as MemoryRegistry, rest)
    served = await serving(registry)
    expect(await ask('POST /v2/a/blobs/uploads/')).toBe(405)
    expect(await ask('PUT /v2/a/manifests/latest', 'Content-Length: 2\r\n\r\n{}')).toBe(405)
    expect(await ask('GET /v2/')).toBe(200)
  })

  test('is written into the log, in characters that can be printed', async () => {
    served = await serving(new MemoryRegistry())
    await answerTo(
      served.port,
      Buffer.from(head(served.port, 'GET /v2/a/manifests/x', 'User-Agent: a\xe4\tb'), 'latin1'),
    )
    await served.logged(1)
    expect(served.entries[0]).toMatchObject({ method: 'GET', status: 404, error: 'a:x is not here' })
    expect(served.entries[0]?.path).toMatch(/^[\x20-\x7e]+$/)
    expect(served.entries[0]?.agent).toMatch(/^[\x20-\x7e]+$/)
  })
})

describe('a manifest', () => {
  const put = (tag: string, body: string | Uint8Array, type?: string): Promise<Response> =>
    fetch(`${served?.url}/v2/a/manifests/${tag}`, {
      method: 'PUT',
      body,
      headers: type === undefined ? {} : { 'content-type': type },
    })
  const INDEX = 'application/vnd.oci.image.index.v1+json'
  const text = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] })

  test('is kept byte for byte, under its tag and its digest', async () => {
    served = await serving(new MemoryRegistry())
    const spaced = `\n ${text} \n`
    const answer = await put('latest', spaced, INDEX)
    const digest = sha256(Buffer.from(spaced))
    expect([answer.status, answer.headers.get('location'), answer.headers.get('docker-content-digest')]).toEqual([
      201,
      `/v2/a/manifests/${digest}`,
      digest,
    ])
    for (const reference of ['latest', digest]) {
      const back = await fetch(`${served.url}/v2/a/manifests/${reference}`)
      expect([back.headers.get('content-type'), await back.text()]).toEqual([INDEX, spaced])
    }
    expect((await fetch(`${served.url}/v2/a/manifests/${digest}`, { method: 'DELETE' })).status).toBe(202)
    expect((await fetch(`${served.url}/v2/a/manifests/latest`)).status).toBe(404)
    expect((await fetch(`${served.url}/v2/a/manifests/${digest}`, { method: 'DELETE' })).status).toBe(404)
  })

  test('says its type itself, or is guessed, where the request does not', async () => {
    served = await serving(new MemoryRegistry())
    expect(await ask(`PUT /v2/a/manifests/x`, `Content-Length: ${text.length}\r\n\r\n${text}`)).toBe(201)
    const bare = JSON.stringify({ schemaVersion: 2, manifests: [] })
    expect(await ask(`PUT /v2/a/manifests/y`, `Content-Length: ${bare.length}\r\n\r\n${bare}`)).toBe(201)
    for (const tag of ['x', 'y']) {
      const answer = await fetch(`${served.url}/v2/a/manifests/${tag}`)
      expect(answer.headers.get('content-type')).toBe(INDEX)
    }
  })

  test.each([
    ['no JSON', 'x', INDEX],
    ['a list', '[]', INDEX],
    ['of the first schema', '{"schemaVersion":1}', INDEX],
    ['of another type than it is sent as', text, 'application/vnd.oci.image.manifest.v1+json'],
    ['of a type that is none', '{"schemaVersion":2}', 'x'],
    ['of no type', '{"schemaVersion":2}', ''],
    ['empty', '', INDEX],
  ])('that is %s is refused', async (_, body, type) => {
    served = await serving(new MemoryRegistry())
    const answer = await put('latest', body, type)
    expect([answer.status, await answer.json()]).toMatchObject([400, { errors: [{ code: 'MANIFEST_INVALID' }] }])
  })

  test('under a digest that is not its own is refused', async () => {
    served = await serving(new MemoryRegistry())
    for (const digest of [sha256(Buffer.from('x')), `sha512:${'a'.repeat(128)}`]) {
      const answer = await put(digest, text, INDEX)
      expect([answer.status, await answer.json()]).toMatchObject([400, { errors: [{ code: 'DIGEST_INVALID' }] }])
    }
  })

  test('that names a blob that is not there is refused, with the words of the registry', async () => {
    served = await serving(new MemoryRegistry())
    const config = { mediaType: 'application/json', digest: sha256(Buffer.from('x')), size: 1 }
    const answer = await put('latest', JSON.stringify({ schemaVersion: 2, config, layers: [] }), 'application/json')
    expect([answer.status, await answer.json()]).toMatchObject([404, { errors: [{ code: 'MANIFEST_BLOB_UNKNOWN' }] }])
  })

  test.each([4 * 1024 * 1024, 4 * 1024 * 1024 + 1])('may have 4 MiB, and no byte more (%i)', async (size) => {
    served = await serving(new MemoryRegistry())
    const [start, end] = ['{"schemaVersion":2,"manifests":[],"x":"', '"}']
    const body = `${start}${'x'.repeat(size - start.length - end.length)}${end}`
    expect((await put('x', body, INDEX)).status).toBe(size > 4 * 1024 * 1024 ? 413 : 201)
    // The same where its length is not known before, and where far more comes than anybody reads.
    const chunk = `${'x'.repeat(1 << 20)}`
    const chunks = `100000\r\n${chunk}\r\n`.repeat(8)
    const line = head(served.port, 'PUT /v2/a/manifests/y', 'Transfer-Encoding: chunked', `Content-Type: ${INDEX}`)
    expect(statusOf(await answerTo(served.port, `${line}${chunks}0\r\n\r\n`))).toBe(413)
    expect(await ask('GET /v2/')).toBe(200)
  })

  test('that belongs to another says so', async () => {
    served = await serving(new MemoryRegistry())
    const subject = { mediaType: INDEX, digest: sha256(Buffer.from('x')), size: 1 }
    const answer = await put('latest', JSON.stringify({ schemaVersion: 2, manifests: [], subject }), INDEX)
    expect(answer.headers.get('oci-subject')).toBe(subject.digest)
  })
})

describe('a server', () => {
  test('survives a client that tries TLS', async () => {
    served = await serving(new MemoryRegistry())
    for (let tries = 0; tries < 5; tries += 1) {
      const ended = Promise.withResolvers<unknown>()
      connectTls({ port: served.port, host: '127.0.0.1', rejectUnauthorized: false }).on('error', ended.resolve)
      expect(await ended.promise).toBeInstanceOf(Error)
    }
    expect(await ask('GET /v2/')).toBe(200)
  })

  test.each([
    '\x00\x01\x02\r\n\r\n',
    'GET\r\n\r\n',
    'GET /v2/ HTTP/9.9\r\n\r\n',
    `${'x'.repeat(200_000)}`,
    '\r\n\r\n\x16\x03\x01',
  ])('survives what is no HTTP (%j)', async (garbage) => {
    served = await serving(new MemoryRegistry())
    expect(await answerTo(served.port, garbage)).not.toContain(' 200 ')
    expect(await ask('GET /v2/')).toBe(200)
  })

  test.each([
    'Content-Length: 3\r\nTransfer-Encoding: chunked',
    'Content-Length: 3\r\nContent-Length: 4',
    'Content-Length: x',
    'Content-Length: -1',
    'Transfer-Encoding: x',
  ])('refuses a body whose length is in doubt (%s)', async (headers) => {
    served = await serving(new MemoryRegistry())
    expect(await ask('POST /v2/a/blobs/uploads/', headers)).not.toBe(202)
    expect(await ask('GET /v2/')).toBe(200)
  })

  test('answers a client that sends all of a body before it reads that it is refused', async () => {
    served = await serving(new MemoryRegistry())
    const size = 20_000_000
    const socket = await plainSocket(served.port)
    socket.on('error', () => undefined).pause()
    const { promise, resolve } = Promise.withResolvers<unknown>()
    socket.write(head(served.port, 'PUT /v2/A/manifests/x', `Content-Length: ${size}`))
    socket.write(new Uint8Array(size), resolve)
    expect(await promise).toBeFalsy()
    await served.logged(1)
    const answer = Promise.withResolvers<Buffer>()
    socket.on('data', answer.resolve).resume()
    expect((await answer.promise).toString()).toMatch(/^HTTP\/1.1 400 [\s\S]+NAME_INVALID/)
  })

  test('shows a page where no path of the protocol is', async () => {
    const page = async (path: string) =>
      path === '/'
        ? {
            mediaType: 'text/html',
            bytes: Buffer.from('<p>'),
            headers: { 'Content-Security-Policy': "default-src 'none'" },
          }
        : undefined
    served = await serving(new MemoryRegistry(), { page })
    const answer = await fetch(`${served.url}/?x=1`)
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, 'text/html', '<p>'])
    expect(answer.headers.get('content-security-policy')).toBe("default-src 'none'")
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await ask('GET /other')).toBe(404)
    expect(await ask('POST /')).toBe(404)
  })

  test('answers 500 where something behind it fails in a way of its own', async () => {
    served = await serving(new MemoryRegistry(), { page: () => Promise.reject(new Error('oops')) })
    expect(await ask('GET /')).toBe(500)
    expect(await ask('GET /v2/')).toBe(200)
  })

  test('answers on, whatever the log does', async () => {
    served = await serving(new MemoryRegistry(), {
      onRequest: () => {
        throw new Error('the disk is full')
      },
    })
    await ask('GET /v2/')
    expect(await ask('GET /v2/')).toBe(200)
  })

  test('ends at once, though clients hold on to it', async () => {
    const ended = new AbortController()
    served = await serving(new MemoryRegistry(), { signal: ended.signal })
    const { port } = served
    const line = `GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
    const [silent, kept, busy] = await Promise.all([plainSocket(port), plainSocket(port), plainSocket(port)])
    let answers = 0
    for (const socket of [silent, kept, busy]) socket.on('error', () => undefined).on('data', () => (answers += 1))
    kept.write(line)
    busy.write(head(port, `POST /v2/a/blobs/uploads/?digest=${sha256(new Uint8Array())}`, 'Content-Length: 9'))
    await until(() => answers === 1)
    ended.abort()
    await until(() => kept.closed && busy.closed)
    // Bun does not know yet that this one is there.
    silent.write(line)
    await until(() => silent.closed)
    expect(answers).toBe(1)
    await served.close()
    const error = await errorOf(plainSocket(served.port))
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('is on loopback, at a port that is free or the one it is told', async () => {
    served = await serving(new MemoryRegistry())
    const other = await errorOf(
      serve(new MemoryRegistry(), { port: served.port, signal: new AbortController().signal }),
    )
    expect(other).toMatchObject({ code: 'FILE_FAILED' })
    const { port } = served
    await served.close()
    served = await serving(new MemoryRegistry(), { port })
    expect(served.port).toBe(port)
  })

  test.each([
    ['', ''],
    ['x', 'y'],
  ])('says that a certificate cannot be used (%j)', async (cert, key) => {
    const error = await errorOf(
      serve(new MemoryRegistry(), { signal: new AbortController().signal, tls: { cert, key } }),
    )
    expect(error).toMatchObject({ code: 'FILE_FAILED', message: expect.stringContaining('certificate') })
  })

  test.each(['0.0.0.0', '::', '192.0.2.1', 'registry.example'])(
    'is not open to others at %s without a token and TLS',
    async (host) => {
      const signal = new AbortController().signal
      for (const options of [{}, { token: 'x' }, { tls: { cert: '', key: '' } }]) {
        expect(await errorOf(serve(new MemoryRegistry(), { host, signal, ...options }))).toMatchObject({
          code: 'USAGE',
        })
      }
    },
  )
})

describe('a token', () => {
  const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

  test.each([basic('any', 's3:cret'), basic('', 's3:cret'), 'Bearer s3:cret', 'bearer s3:cret'])(
    'lets in who has it (%s)',
    async (authorization) => {
      served = await serving(new MemoryRegistry(), { token: 's3:cret' })
      expect((await fetch(`${served.url}/v2/`, { headers: { authorization } })).status).toBe(200)
    },
  )

  test.each([
    '',
    basic('s3:cret', ''),
    basic('any', 's3:cre'),
    'Bearer x',
    'Basic !',
    'Digest s3:cret',
    'Bearer s3:cret x',
  ])('is asked for of who has not (%j)', async (authorization) => {
    served = await serving(new MemoryRegistry(), { token: 's3:cret' })
    for (const path of ['/v2/', '/v2/a/manifests/latest', '/']) {
      const answer = await fetch(`${served.url}${path}`, { headers: authorization === '' ? {} : { authorization } })
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="docker-ipfs"'])
    }
  })
})
