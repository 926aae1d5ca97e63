import { afterAll, afterEach, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onlyUsers } from '../../src/distribution/users.ts'
import { sha256 } from '../../src/streams.ts'
import { makeCertificate } from '../support/certificate.ts'
import { MemoryRegistry } from '../support/memory/registry.ts'
import { answerTo, head, plainSocket, type Serving, serving } from '../support/serving.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-registry-'))
let served: Serving | undefined
afterEach(() => served?.close())
afterAll(() => rmSync(folder, { recursive: true }))

/** Sends a request as a user of this machine who is nobody else, and gives the answer. */
async function asAnotherUser(port: number, text: string): Promise<string> {
  const shell = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf '%s' "$REQUEST" >&3; cat <&3`
  const user = ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups', '--']
  const child = Bun.spawn([...user, 'bash', '-c', shell], {
    env: { PATH: process.env['PATH'], REQUEST: text },
    cwd: '/',
    stdout: 'pipe',
  })
  return child.stdout.text()
}

test('another user of this machine neither reads nor writes where its owner alone may', async () => {
  const registry = new MemoryRegistry()
  const digest = registry.addBlob('a', Buffer.from('secret'))
  served = await serving(registry, { mayAsk: onlyUsers([process.getuid?.() ?? -1], false) })
  for (const line of [
    `GET /v2/a/blobs/${digest}`,
    `DELETE /v2/a/blobs/${digest}`,
    'POST /v2/a/blobs/uploads/',
    'GET /',
  ]) {
    expect(await asAnotherUser(served.port, head(served.port, line))).toStartWith('HTTP/1.1 403 ')
  }
  expect(await answerTo(served.port, head(served.port, `GET /v2/a/blobs/${digest}`))).toEndWith('secret')
  await served.close()
  served = await serving(registry, { mayAsk: onlyUsers([54_321], false) })
  expect(await asAnotherUser(served.port, head(served.port, `GET /v2/a/blobs/${digest}`))).toEndWith('secret')
  expect(await answerTo(served.port, head(served.port, 'GET /v2/'))).toStartWith('HTTP/1.1 403 ')
})

test('with a token and TLS it is open to others, and survives what they break off', async () => {
  const { certificate, key } = makeCertificate(folder)
  const [cert, registry, bytes] = [readFileSync(certificate, 'utf8'), new MemoryRegistry(), randomBytes(5_000_000)]
  const digest = registry.addBlob('a', bytes)
  served = await serving(registry, { host: '0.0.0.0', token: 'secret', tls: { cert, key: readFileSync(key, 'utf8') } })
  const url = `https://127.0.0.1:${served.port}/v2/a/blobs`
  const ask = (path: string, token: string, init: RequestInit = {}) =>
    fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` }, tls: { ca: cert } })
  expect((await ask(`/${digest}`, 'wrong')).status).toBe(401)
  expect(sha256(await (await ask(`/${digest}`, 'secret')).bytes())).toBe(digest)
  for (let count = 0; count < 20; count += 1) {
    const stop = new AbortController()
    const body = async function* () {
      yield bytes.subarray(0, 100_000)
      stop.abort()
      await Bun.sleep(10)
      yield bytes
    }
    const init = { method: 'POST', body: body(), signal: stop.signal }
    await ask(`/uploads/?digest=${digest}`, 'secret', init).catch(() => undefined)
    ;(await plainSocket(served.port)).on('error', () => undefined).end('GET /v2/ HTTP/1.1\r\n\r\n')
  }
  const own = await ask(`/uploads/?digest=${digest}`, 'secret', { method: 'POST', body: bytes })
  expect(own.status).toBe(201)
})
