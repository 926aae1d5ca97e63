import { afterEach, describe, expect, test } from 'bun:test'
import { ask, oneLine, refused } from '../../../../src/store/pinning/request.ts'
import { ourErrorOf } from '../../../support/error-of.ts'
import { servePinning } from '../../../support/pinning/server.ts'

const { signal } = new AbortController()
const servers: { close(): void }[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})
function accessTo(answer: Parameters<typeof servePinning>[0]) {
  const server = servePinning(answer)
  servers.push(server)
  return { name: 'shop', url: server.url, authorization: 'Bearer s3cret' }
}
const get = (access: ReturnType<typeof accessTo>, limitMs?: number) =>
  ask(access, { method: 'GET', path: '/pins', ...(limitMs === undefined ? {} : { limitMs }) }, signal)

/** What is told of an answer that is none that was hoped for. */
async function told(status: number, body: string, headers: Record<string, string> = {}, details?: string) {
  const access = accessTo(() => new Response(body, { status, headers }))
  const { code, message, hint } = refused(access, await get(access), details)
  return { code, message: message.replace(access.url, 'URL'), hint }
}

describe('one line for', () => {
  test('a secret that is wrong, and a thing that is not allowed', async () => {
    expect(await told(401, '{}')).toMatchObject({ message: 'shop does not take the secret (HTTP status 401)' })
    expect(await told(403, '{}', {}, 'no plan')).toMatchObject({
      code: 'PLACE_FAILED',
      message: 'shop does not allow this (HTTP status 403): no plan',
    })
  })

  test.each([
    ['90', 90],
    [new Date(Date.now() + 89_500).toUTCString(), 90],
  ])('too many requests, with the time that it asks for: %s', async (text, seconds) => {
    const { message } = await told(429, '', { 'retry-after': text })
    const found = Number(/it asks to wait (\d+) s$/.exec(message)?.[1])
    expect(found).toBeGreaterThan(seconds - 3)
    expect(found).toBeLessThanOrEqual(seconds)
  })

  test('too many requests, without a time or with nonsense for one', async () => {
    const message = 'shop takes no more requests now (HTTP status 429)'
    expect(await told(429, '')).toMatchObject({ message })
    expect(await told(429, '', { 'retry-after': 'soon' })).toMatchObject({ message })
  })

  test('a page of HTML where the service is down', async () => {
    expect(await told(502, '<html><body><h1>502 Bad Gateway</h1></body></html>')).toEqual({
      code: 'PLACE_UNREACHABLE',
      message: 'shop has a fault of its own (HTTP status 502)',
      hint: 'Run the command again later.',
    })
  })

  test('an address of something else', async () => {
    expect(await told(404, '<html>not here</html>')).toMatchObject({
      message: 'shop answers with HTTP status 404, and what it says is no JSON',
    })
  })
})

test('silence ends in its time limit', async () => {
  const access = accessTo(() => new Promise<Response>(() => undefined))
  const { code, message } = await ourErrorOf(get(access, 50))
  expect({ code, message }).toEqual({
    code: 'PLACE_UNREACHABLE',
    message: `cannot reach shop at ${access.url}: no answer within 0 s`,
  })
})

test('a body that never ends is silence too', async () => {
  const access = accessTo(() => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(9)) })))
  expect((await ourErrorOf(get(access, 50))).code).toBe('PLACE_UNREACHABLE')
})

test('an answer without end is not kept', async () => {
  const access = accessTo(() => new Response(new Uint8Array(5 * 1024 * 1024)))
  expect((await ourErrorOf(get(access))).message).toBe('the answer of shop is larger than 4194304 bytes')
})

test('the secret goes nowhere else: who redirects is not followed', async () => {
  const other = accessTo(() => new Response('{}'))
  const access = accessTo(() => Response.redirect(other.url))
  expect((await ourErrorOf(get(access))).code).toBe('PLACE_UNREACHABLE')
})

test('words of others move no cursor, and are not long', () => {
  expect(oneLine('a\u001b[2J\r\nb')).toBe('a [2J b')
  expect(oneLine('x'.repeat(999))).toHaveLength(201)
})
