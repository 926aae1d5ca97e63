import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DockerIpfsError } from '../../errors.ts'
import { homeOf } from '../../home.ts'
import { type Access, basic } from './access.ts'

/** Where a node's RPC API is, and how to get in. */
export interface Endpoint extends Access {
  /** Base URL without a trailing slash, name or password, e.g. `http://127.0.0.1:5001`. */
  readonly url: string
  /** Path of the unix socket that takes the place of the URL's host. */
  readonly socket?: string
  /** Where the address came from, for messages: "--api", "DOCKER_IPFS_API", a file, or "the default". */
  readonly source: string
  /** docker-ipfs itself runs this node. */
  readonly isManaged?: boolean
  /** What to say where nobody answers: what is wrong, if more is known, and what to do. */
  readonly absent?: { readonly text?: string; readonly hint: string }
}

const DEFAULT_API = '/ip4/127.0.0.1/tcp/5001'

/** An address and where it was found. */
export interface ApiAddress {
  readonly text: string
  readonly source: string
}

export interface EndpointSources {
  /** What the user says: --api, DOCKER_IPFS_API or docker's config.json. */
  readonly api?: ApiAddress | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** For the node at that address, or at any that is found. */
  readonly access?: Access
}

/**
 * Finds the node's address: what the user says, the `api` file of $IPFS_PATH, that of ~/.ipfs, 127.0.0.1:5001.
 * @throws BAD_FLAG when an address cannot be read
 */
export async function findNode({ api, env, access = {} }: EndpointSources): Promise<Endpoint> {
  const found = api ?? (await fromFiles(env)) ?? { text: DEFAULT_API, source: 'the default' }
  return { ...access, ...parseApi(found.text, found.source) }
}

async function fromFiles(env: EndpointSources['env']): Promise<ApiAddress | undefined> {
  for (const folder of [env['IPFS_PATH'], join(homeOf(env), '.ipfs')]) {
    if (!folder) continue
    const file = join(folder, 'api')
    const text = (await readFile(file, 'utf8').catch(() => '')).trim()
    if (text !== '') return { text, source: file }
  }
  return undefined
}

/**
 * Reads an address: a URL (`http`, `https`, `unix:///path`), or a multiaddr of the forms
 * `/ip4|ip6|dns|dns4|dns6/HOST/tcp/PORT[/http|/https|/tls/http]` and `/unix/path`. A name and a password in a URL become access.
 * @throws BAD_FLAG
 */
export function parseApi(text: string, source: string): Endpoint {
  if (/^https?:\/\//.test(text)) {
    const url = URL.parse(text)
    if (url !== null && url.hostname !== '') return fromUrl(url, source)
  }
  const path = /^(?:unix:\/\/|\/unix)(\/.+)$/s.exec(text)?.[1]
  if (path !== undefined) return { url: 'http://localhost', socket: unescaped(path), source }
  const tcp = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})(\/http|\/https|\/tls\/http|\/tls)?$/.exec(text)
  if (tcp) {
    const host = tcp[1] === 'ip6' ? `[${tcp[2]}]` : tcp[2]
    const scheme = tcp[4] === undefined || tcp[4] === '/http' ? 'http' : 'https'
    const url = URL.parse(`${scheme}://${host}:${tcp[3]}`)
    if (url !== null) return fromUrl(url, source)
  }
  // What stands before an @ may be a password, however the rest is spelled.
  throw new DockerIpfsError(
    'BAD_FLAG',
    `cannot read the node's address "${text.replace(/^.*@/s, '…@')}" (from ${source})`,
    {
      hint: 'Give a multiaddr such as /ip4/127.0.0.1/tcp/5001, a URL such as http://127.0.0.1:5001, or unix:///path/to/socket.',
    },
  )
}

function fromUrl(url: URL, source: string): Endpoint {
  const secret = url.username === '' && url.password === '' ? undefined : basicOf(url)
  const base = `${url.protocol}//${url.host}${url.pathname}`.replace(/\/+$/, '')
  return { url: base, source, ...(secret === undefined ? {} : { authorization: secret }) }
}

function basicOf({ username, password }: URL): string {
  return basic(`${unescaped(username)}:${unescaped(password)}`)
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
