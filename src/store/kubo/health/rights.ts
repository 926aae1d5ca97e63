import { DockerIpfsError } from '../../../errors.ts'
import { inTime } from '../../../time.ts'
import { apiOf, connectionOf, shown } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'

/**
 * What callers may do. Kubo lets a token make the calls whose paths begin with one of its `AllowedPaths` (`API.Authorizations`), and a
 * proxy may let only some pass; the others are answered with 403 or 401, and so is whoever is not known at all.
 */
export type Right = 'read' | 'save' | 'pin' | 'catalogue' | 'publish' | 'announce' | 'figures' | 'collect' | 'copies'

/** The calls that commands make, by what they are for. */
export const CALLS: Readonly<Record<Right, readonly string[]>> = {
  read: ['block/get', 'block/stat', 'cat', 'refs'],
  save: ['dag/import'],
  pin: ['pin/add', 'pin/ls', 'pin/rm', 'pin/update'],
  catalogue: [
    'files/cp',
    'files/flush',
    'files/rm',
    'files/stat',
    'files/write',
    'cat',
    'dag/export',
    'dag/resolve',
    'ls',
  ],
  publish: ['key/gen', 'key/list', 'key/rename', 'key/rm', 'name/publish', 'name/resolve'],
  announce: ['provide/once', 'routing/findprovs', 'swarm/connect', 'swarm/peers'],
  figures: ['bitswap/stat', 'config', 'diag/sys', 'repo/stat', 'stats/bw', 'swarm/addrs/autonat'],
  collect: ['repo/gc'],
  copies: ['dag/stat', 'id'],
}

/** Commands with all that is below them; of others only what is needed should be allowed, not `repo/gc` with `repo/stat`. */
const WHOLE = new Set(['block', 'dag', 'files', 'pin'])

/** Time for the version, in milliseconds. */
const VERSION_MS = 5000

/** Whether a status says that a call is not allowed. */
export function isDenial(status: number): boolean {
  return status === 401 || status === 403
}

/** A call whose answer was an error. */
export interface FailedCall {
  /** Command, and its query if any. */
  readonly path: string
  readonly status: number
  readonly text: string
}

/**
 * The error of a call that was denied: which one, where the caller is let in at all; undefined of one that failed otherwise. Of who is known, Kubo
 * answers the version whatever else is allowed (kubo `core/corehttp/commands.go`).
 */
export async function denialOf(
  endpoint: Endpoint,
  { path, status, text }: FailedCall,
  signal: AbortSignal,
): Promise<DockerIpfsError | undefined> {
  if (!isDenial(status)) return undefined
  const cause = new Error(`HTTP ${status}: ${text.trim()}`)
  const command = path.replace(/\?.*$/s, '')
  const at = `the IPFS node at ${shown(endpoint)}`
  if (command !== 'version' && (await tellsVersion(endpoint, signal))) {
    const text = `${at} does not allow /api/v0/${command} ${who(endpoint)}`
    return new DockerIpfsError('NODE_DENIED', text, { cause, hint: `${toAllow([command], endpoint)} ${DOCTOR}` })
  }
  const message = `${at} does not let us in (HTTP status ${status})`
  return new DockerIpfsError('NODE_DENIED', message, { cause, hint: wayIn(endpoint) })
}

function wayIn({ isManaged, authorization }: Endpoint): string {
  if (isManaged) return 'Its secret is lost or another one: "docker ipfs node restart" makes one that fits.'
  const verb = authorization === undefined ? 'Give' : 'Check'
  return `${verb} its token or password: DOCKER_IPFS_API_AUTH=bearer:TOKEN or basic:USER:PASSWORD, or a file of that in DOCKER_IPFS_API_AUTH_FILE.`
}

const DOCTOR = '"docker ipfs doctor" says what else is not allowed.'

/** What to do for calls to be allowed. */
export function toAllow(commands: readonly string[], { authorization }: Pick<Endpoint, 'authorization'>): string {
  const prefixes = commands.map((command) => {
    const [first = ''] = command.split('/')
    return `"/api/v0/${WHOLE.has(first) ? first : command}"`
  })
  const paths = [...new Set(prefixes)].join(', ')
  if (authorization === undefined) return `Let ${paths} pass in front of it, or give a token (DOCKER_IPFS_API_AUTH).`
  return `Add ${paths} to its AllowedPaths (in Kubo's config, below API.Authorizations), or use another one.`
}

function who({ authorization }: Endpoint): string {
  if (authorization === undefined) return 'without a token'
  return authorization.startsWith('Basic ') ? 'to this user' : 'to this token'
}

async function tellsVersion(endpoint: Endpoint, signal: AbortSignal): Promise<boolean> {
  const { headers, ...connection } = connectionOf(endpoint)
  const ask = async (limited: AbortSignal) => {
    const answer = await fetch(`${apiOf(endpoint)}/version`, {
      ...connection,
      headers,
      method: 'POST',
      signal: limited,
    })
    await answer.arrayBuffer()
    return answer.ok
  }
  const isTold = await inTime(VERSION_MS, signal, ask).catch(() => undefined)
  signal.throwIfAborted()
  return isTold === true
}
