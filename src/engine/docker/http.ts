import { parsedObject } from '../../json.ts'
import { answerError, engineError, NO_ANSWER, NO_ENGINE } from './words.ts'

/** What the engine's HTTP API answered. */
export interface Answer {
  readonly status: number
  readonly body: string
}

/** The most bytes in front of a body. */
export const MAX_HEAD = 64 * 1024

/** What ends a head. */
export const HEAD_END = '\r\n\r\n'

/** The head of a request; `last` of its connection. */
export function request(
  method: string,
  path: string,
  { last, headers = [] }: { readonly last: boolean; readonly headers?: readonly string[] },
): string {
  const isChunked = headers.some((header) => header.startsWith('Transfer-Encoding:'))
  const length = method === 'POST' && !isChunked ? ['Content-Length: 0'] : []
  const all = ['Host: docker', ...headers, ...length, ...(last ? ['Connection: close'] : [])]
  return `${method} ${path} HTTP/1.1\r\n${all.join('\r\n')}${HEAD_END}`
}

/**
 * Answers that stand one behind the other, in HTTP/1.1 (RFC 9112).
 * @throws ENGINE_FAILED where it is not that, or cut
 */
export function parseAnswers(bytes: Buffer): Answer[] {
  const answers: Answer[] = []
  let at = 0
  while (at < bytes.length) {
    const end = bytes.indexOf(HEAD_END, at)
    if (end < 0) throw noAnswer(bytes)
    const head = bytes.toString('latin1', at, end)
    const { body, next } = readBody(bytes, end + HEAD_END.length, head)
    answers.push({ status: statusOf(head), body: body.toString('utf8') })
    at = next
  }
  return answers
}

interface ResponseBody {
  readonly body: Buffer
  /** Where the next answer begins. */
  readonly next: number
}

function readBody(bytes: Buffer, start: number, head: string): ResponseBody {
  if (/^transfer-encoding:\s*chunked\s*$/im.test(head)) return readChunks(bytes, start)
  const length = /^content-length:\s*(\d+)\s*$/im.exec(head)?.[1]
  if (length === undefined && /^HTTP\/1\.[01] (204|304)/.test(head)) return { body: Buffer.alloc(0), next: start }
  const next = length === undefined ? bytes.length : start + Number(length)
  if (next > bytes.length) throw noAnswer(bytes)
  return { body: bytes.subarray(start, next), next }
}

function readChunks(bytes: Buffer, start: number): ResponseBody {
  const parts: Buffer[] = []
  let at = start
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = /^[0-9a-f]{1,8}(?=;|$)/i.exec(bytes.toString('latin1', at, Math.max(at, lineEnd)))?.[0]
    if (size === undefined) throw noAnswer(bytes)
    const [from, to] = [lineEnd + 2, lineEnd + 2 + Number.parseInt(size, 16)]
    if (to + 2 > bytes.length) throw noAnswer(bytes)
    at = to + 2
    if (to === from) return { body: Buffer.concat(parts), next: at }
    parts.push(bytes.subarray(from, to))
  }
}

/** @throws ENGINE_FAILED where this is no head of an answer */
export function statusOf(head: string): number {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]
  if (status === undefined) throw noAnswer(Buffer.from(head, 'latin1'))
  return Number(status)
}

export function noAnswer(bytes: Uint8Array = new Uint8Array()): Error {
  const text = Buffer.from(bytes.subarray(0, MAX_HEAD)).toString('utf8')
  const isHttp = text === '' || text.startsWith('HTTP/')
  return engineError(isHttp ? NO_ANSWER : NO_ENGINE, new Error(text))
}

/** What an answer that is not a success says. */
export function errorOf({ status, body }: Answer): Error {
  // Missing where the answer is not the engine's own: of a proxy, or of no engine at all.
  const message = parsedObject(body)?.['message']
  return answerError(typeof message === 'string' ? message : `HTTP status ${status}`, new Error(body))
}
