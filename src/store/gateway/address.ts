import { DockerIpfsError } from '../../errors.ts'

/** Addresses that were set once and for all, with commas or spaces between them. */
interface NamedGateways {
  readonly text: string
  /** For messages. */
  readonly source: string
}

/**
 * Reads the addresses of gateways: those of the flag, else those that are set. Gives base URLs without a slash at the end,
 * each once.
 * @throws BAD_FLAG
 */
export function findGateways(flag: readonly string[], setting?: NamedGateways): string[] {
  const { text = '', source = '' } = setting ?? {}
  const set = text.split(/[\s,]+/).filter((part) => part !== '')
  const urls =
    flag.length > 0 ? flag.map((one) => parseGateway(one, '--gateway')) : set.map((one) => parseGateway(one, source))
  return [...new Set(urls)]
}

function parseGateway(text: string, source: string): string {
  const url = URL.parse(text.trim())
  if (url === null || !isHttp(url) || url.hostname === '') {
    throw bad(`cannot read the gateway's address "${withoutUser(text)}" (from ${source})`)
  }
  // Blocks are public, and checked: no password has any business here, and none is sent.
  if (url.username !== '' || url.password !== '') {
    throw bad(`the gateway at ${url.host} is given with a user name or password (from ${source}), which are not sent`)
  }
  if (url.search !== '' || url.hash !== '') throw bad(`the gateway's address "${text}" (from ${source}) has a query`)
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/ipfs$/, '')}`
}

export function isHttp({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:'
}

function withoutUser(text: string): string {
  return text.replace(/[^/]*@/, '')
}

function bad(message: string): DockerIpfsError {
  return new DockerIpfsError('BAD_FLAG', message, {
    hint: 'Give a URL such as https://ipfs.io or http://127.0.0.1:8080.',
  })
}
