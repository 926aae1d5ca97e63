import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { DockerIpfsError } from '../errors.ts'

/** Where a node's RPC API is. */
export interface Endpoint {
  /** Base URL without a trailing slash, e.g. `http://127.0.0.1:5001`. */
  readonly url: string
  /** Where the address came from, for messages: "--api", "DOCKER_IPFS_API", a file, or "the default". */
  readonly source: string
}

const DEFAULT_API = '/ip4/127.0.0.1/tcp/5001'

export interface EndpointSources {
  /** Value of --api. */
  readonly api?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Finds the node's address: --api, DOCKER_IPFS_API, the `api` file of $IPFS_PATH, that of ~/.ipfs, 127.0.0.1:5001.
 * @throws BAD_FLAG when an address cannot be read
 */
export async function findNode({ api, env }: EndpointSources): Promise<Endpoint> {
  if (api !== undefined) return parseApi(api, '--api')
  const fromEnv = env['DOCKER_IPFS_API']
  if (fromEnv) return parseApi(fromEnv, 'DOCKER_IPFS_API')
  for (const folder of [env['IPFS_PATH'], join(env['HOME'] ?? homedir(), '.ipfs')]) {
    if (!folder) continue
    const file = join(folder, 'api')
    const text = await readFile(file, 'utf8').catch(() => '')
    if (text.trim() !== '') return parseApi(text.trim(), file)
  }
  return parseApi(DEFAULT_API, 'the default')
}

/**
 * Reads an address: a URL, or a multiaddr of the forms `/ip4|ip6|dns|dns4|dns6/HOST/tcp/PORT[/http|/https|/tls/http]`.
 * @throws BAD_FLAG
 */
export function parseApi(text: string, source: string): Endpoint {
  if (/^https?:\/\//.test(text)) {
    const url = URL.parse(text)
    if (url !== null && url.hostname !== '') return { url: url.href.replace(/\/+$/, ''), source }
  }
  const tcp = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})(\/http|\/https|\/tls\/http|\/tls)?$/.exec(text)
  if (tcp) {
    const host = tcp[1] === 'ip6' ? `[${tcp[2]}]` : tcp[2]
    const scheme = tcp[4] === undefined || tcp[4] === '/http' ? 'http' : 'https'
    const url = URL.parse(`${scheme}://${host}:${tcp[3]}`)
    if (url !== null) return { url: url.href.replace(/\/+$/, ''), source }
  }
  throw new DockerIpfsError('BAD_FLAG', `cannot read the node's address "${text}" (from ${source})`, {
    hint: 'Give a multiaddr such as /ip4/127.0.0.1/tcp/5001 or a URL such as http://127.0.0.1:5001.',
  })
}
