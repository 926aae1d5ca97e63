import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { type Answer, refusal } from './answers.ts'

/** Who may ask, apart from who they are on this machine. */
export interface GuardOptions {
  /** The address or name that is listened on. */
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  readonly token: string | undefined
}

export const REALM = 'docker-ipfs'

/** Whether an address is one of this machine's own, that nobody else reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/**
 * The refusal of a request that comes from elsewhere, or from a page in a browser; undefined where it may pass.
 *
 * A browser lets the page of any site send requests to this machine. Such a request has an Origin, or says that it is from another
 * site; and where the site's own name was made to lead here (DNS rebinding) its Host is that name.
 */
export function guard(headers: IncomingHttpHeaders, path: string, options: GuardOptions): Answer | undefined {
  if (!isOurs(headers.host, options)) {
    return refusal(
      'DENIED',
      `This registry is not at ${printable(headers.host ?? 'that address')}: ask ${ownName(options)}`,
    )
  }
  const scheme = options.isTls ? 'https' : 'http'
  const origin = headers.origin
  const isForeign = origin !== undefined && origin.toLowerCase() !== `${scheme}://${headers.host}`.toLowerCase()
  // The page for people may be linked to. What the protocol gives may not even be an image of another page: asking for it fetches and keeps it.
  const isFromElsewhere = ['cross-site', 'same-site'].includes(String(headers['sec-fetch-site']))
  if (isForeign || (isFromElsewhere && /^\/v2(\/|$)/.test(path))) {
    return refusal('DENIED', 'Pages of other sites may not ask this registry')
  }
  if (options.token === undefined || isToken(headers.authorization, options.token)) return undefined
  return refusal('UNAUTHORIZED', 'This registry wants a token: log in with it as the password', {
    headers: { 'WWW-Authenticate': `Basic realm="${REALM}"` },
  })
}

/**
 * Whether a Host header names this server. One that listens beyond this machine has names that it cannot know; it has a token,
 * which a page that was led here does not have.
 */
function isOurs(header: string | undefined, { host, port, isTls, token }: GuardOptions): boolean {
  if (token !== undefined && !isLoopback(host)) return true
  const [name, at] = splitHost(header?.toLowerCase() ?? '')
  const names = ['127.0.0.1', 'localhost', '[::1]', isIP(host) === 6 ? `[${host}]` : host.toLowerCase()]
  return names.includes(name) && (at ?? (isTls ? '443' : '80')) === String(port)
}

function splitHost(header: string): readonly [name: string, port: string | undefined] {
  const match = /^(.+?)(?::(\d{1,5}))?$/.exec(header)
  return [match?.[1] ?? '', match?.[2]]
}

function ownName({ host, port }: GuardOptions): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 100)
}

/** Basic, with the token as the password of any user, or Bearer. */
function isToken(header: string | undefined, token: string): boolean {
  const match = /^(basic|bearer) +(\S+)$/i.exec(header ?? '')
  if (match === null) return false
  const [, scheme = '', value = ''] = match
  if (scheme.toLowerCase() === 'bearer') return isSame(value, token)
  const pair = Buffer.from(value, 'base64').toString('utf8')
  return pair.includes(':') && isSame(pair.slice(pair.indexOf(':') + 1), token)
}

/** Takes the same time for any two texts: their hashes are compared. */
function isSame(one: string, other: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(one), hash(other))
}
