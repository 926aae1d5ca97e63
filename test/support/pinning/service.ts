import { type Asked, type PinningServer, servePinning } from './server.ts'

interface Pin {
  readonly requestid: string
  status: string
  readonly created: string
  readonly pin: { readonly cid: string; readonly name?: string; readonly origins?: readonly string[] }
  readonly delegates: readonly string[]
  info: Record<string, string>
}

export const TOKEN = 's3cret'

/** A pinning service, in the words of the API. What it does next a test says by `answers` and `next`. */
export class TestService {
  readonly pins: Pin[] = []
  readonly server: PinningServer
  /** Answers that come before all others, one each. */
  readonly answers: ((asked: Asked) => Response | Promise<Response> | undefined)[] = []
  /** What each question about a pin does to it. */
  next: (pin: Pin) => void = (pin) => {
    pin.status = 'pinned'
  }
  delegates: readonly string[] = []

  constructor() {
    this.server = servePinning((asked) => this.answers.shift()?.(asked) ?? this.#answer(asked))
  }

  get access() {
    return { name: 'shop', url: this.server.url, authorization: `Bearer ${TOKEN}` }
  }

  /** Requests that came, without those that only look. */
  get changes(): string[] {
    return this.server.asked.flatMap(({ method, path }) => (method === 'GET' ? [] : [`${method} ${path}`]))
  }

  add(cid: string, status: string, more: Partial<Pin> = {}): Pin {
    const requestid = `r${this.pins.length + 1}`
    const pin = {
      requestid,
      status,
      created: new Date().toISOString(),
      pin: { cid },
      delegates: this.delegates,
      info: {},
      ...more,
    }
    this.pins.push(pin)
    return pin
  }

  #answer({ method, path, authorization, body }: Asked): Response {
    if (authorization !== `Bearer ${TOKEN}`) return failure(401, 'UNAUTHORIZED', 'who are you?')
    const { pathname, searchParams } = new URL(path, 'http://service')
    if (pathname === '/pins' && method === 'GET') return this.#list(searchParams)
    if (pathname === '/pins' && method === 'POST') {
      const { cid, ...more } = JSON.parse(body) as Pin['pin']
      return Response.json(this.add(cid, 'queued', { pin: { cid, ...more } }), { status: 202 })
    }
    const at = this.pins.findIndex(({ requestid }) => pathname === `/pins/${requestid}`)
    const pin = this.pins[at]
    if (pin === undefined) return failure(404, 'NOT_FOUND', 'no such request')
    if (method === 'DELETE') {
      this.pins.splice(at, 1)
      return new Response(null, { status: 202 })
    }
    this.next(pin)
    return Response.json(pin)
  }

  #list(query: URLSearchParams): Response {
    const [cids, statuses] = [query.get('cid')?.split(','), (query.get('status') ?? 'pinned').split(',')]
    const found = this.pins.filter((pin) => (cids?.includes(pin.pin.cid) ?? true) && statuses.includes(pin.status))
    return Response.json({ count: found.length, results: found.slice(0, Number(query.get('limit') ?? 10)) })
  }
}

export function failure(
  status: number,
  reason: string,
  details: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ error: { reason, details } }, { status, headers })
}
