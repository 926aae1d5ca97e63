import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { rawBlock } from '../../src/dag/blocks.ts'
import { carHeader, carSection } from '../../src/dag/car.ts'
import { noise } from './images.ts'

/** What somebody asked of a gateway. */
export interface Asked {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly isCar: boolean
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** Makes of the right answer another; `to` is there for what no answer can be. Without an answer nothing more is sent. */
export type Manner = (
  right: Answer,
  asked: Asked,
  to: ServerResponse,
) => Answer | undefined | Promise<Answer | undefined>

export interface TestGateway {
  readonly url: string
  readonly asked: readonly Asked[]
  close(): void
}

/** A gateway with manners of its own, in front of one that does it right. */
export async function startGateway(
  upstream: string | ((asked: Asked) => Promise<Answer>),
  manner: Manner,
): Promise<TestGateway> {
  const log: Asked[] = []
  const server = createServer(async ({ url = '/', headers }, to) => {
    const asked = { url, headers, isCar: url.includes('format=car') }
    log.push(asked)
    try {
      const right = typeof upstream === 'string' ? await pass(upstream, asked) : await upstream(asked)
      const answer = await manner(right, asked, to)
      if (answer === undefined) return
      to.writeHead(answer.status, { 'content-type': answer.type, ...answer.headers })
      to.end(answer.body)
    } catch {
      // Whoever asked has gone.
      to.destroy()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: log,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function pass(upstream: string, { url, headers }: Asked): Promise<Answer> {
  const { accept = '*/*', range, 'cache-control': cache } = headers
  const passed = {
    accept,
    ...(range === undefined ? {} : { range }),
    ...(cache === undefined ? {} : { 'cache-control': cache }),
  }
  const answer = await fetch(`${upstream}${url}`, { headers: passed })
  const body = Buffer.from(await answer.arrayBuffer())
  return { status: answer.status, type: answer.headers.get('content-type') ?? '', body }
}

const OTHER = rawBlock(noise(2000, 'somebody else'))
const EMPTY = Buffer.concat(carSection(rawBlock(Buffer.alloc(0))))

/** The length of a CAR's header, whose length is one byte. */
function headerLength(car: Buffer): number {
  return 1 + (car[0] ?? 0)
}

export const honest: Manner = (right) => right

/** One bit of each large answer is another. */
export const flips: Manner = (right) => {
  if (right.body.length < 5000) return right
  const body = Buffer.from(right.body)
  body[body.length - 1000] = (body[body.length - 1000] as number) ^ 1
  return { ...right, body }
}

/** Right blocks, of which nobody has asked for any. */
export const others: Manner = (right, { isCar }) => ({
  ...right,
  body: isCar ? Buffer.concat([carHeader([OTHER.cid]), ...carSection(OTHER)]) : Buffer.from(OTHER.bytes),
})

/** Some blocks more than were asked for. */
export const adds: Manner = (right, { isCar }) => {
  if (!isCar) return right
  const at = headerLength(right.body)
  const extra = Array.from({ length: 50 }, (_, each) => carSection(rawBlock(noise(100, `extra ${each}`)))).flat()
  return { ...right, body: Buffer.concat([right.body.subarray(0, at), ...extra, right.body.subarray(at)]) }
}

/** Empty blocks without end. */
export const empties: Manner = async (right, { isCar }, to) => {
  to.writeHead(200, { 'content-type': right.type })
  if (isCar) to.write(carHeader([OTHER.cid]))
  const many = Buffer.concat(Array.from({ length: 1000 }, () => EMPTY))
  const closed = new Promise((resolve) => to.once('close', resolve))
  while (!to.destroyed)
    if (!to.write(many)) await Promise.race([new Promise((resolve) => to.once('drain', resolve)), closed])
  return undefined
}

/** A web page, of whatever type was asked for. */
export const page: Manner = (right) => ({ ...right, body: Buffer.from('<!doctype html><h1>Welcome</h1>'.repeat(100)) })

/** Nothing more after so many bytes of an answer. */
export function stalls(after: number): Manner {
  return (right, _, to) => {
    if (right.body.length <= after) return right
    to.writeHead(right.status, { 'content-type': right.type })
    to.write(right.body.subarray(0, after))
    return undefined
  }
}

/** Each connection ends after so many bytes. */
export function cuts(every: number): Manner {
  const passed = new WeakMap<Socket, number>()
  return (right, _, to) => {
    const { socket } = to
    if (socket === null) return undefined
    const left = every - (passed.get(socket) ?? 0)
    passed.set(socket, every - left + right.body.length)
    if (right.body.length <= left) return right
    to.writeHead(right.status, { 'content-type': right.type, 'content-length': `${right.body.length}` })
    to.write(right.body.subarray(0, left), () => socket.destroySoon())
    return undefined
  }
}

/** "Later", so many times. */
export function busy(times: number, retryAfter: string): Manner {
  let left = times
  return (right) => {
    left -= 1
    if (left < 0) return right
    return { status: 429, type: 'text/plain', body: Buffer.from('slow down'), headers: { 'retry-after': retryAfter } }
  }
}

/** Sends everybody elsewhere. */
export function redirects(to: (asked: Asked) => string): Manner {
  return (_, asked) => ({ status: 302, type: 'text/plain', body: Buffer.alloc(0), headers: { location: to(asked) } })
}
