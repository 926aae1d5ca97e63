import { createHash } from 'node:crypto'
import { isFree } from '../background/listener.ts'
import { DockerIpfsError } from '../errors.ts'

/** What a user may say about the managed node. What is left out stays as it was, or is the default. */
export interface NodeOptions {
  /** Kubo's Datastore.StorageMax, e.g. "50GB". */
  readonly storageMax?: string
  /** Other nodes may connect on this port, at all addresses of the machine. */
  readonly swarmPort?: number
  /** Whether saved images are announced to the network. */
  readonly announce?: boolean
  /** The text of a swarm key, which makes its network a private one. */
  readonly swarmKey?: string
  /** Set once a swarm key was given; the key itself is in the repository. */
  readonly isPrivate?: boolean
}

/** Whether a port may be one of a managed node's. */
export function isOwnPort(port: number): boolean {
  return port >= FIRST_PORT && port <= LAST_PORT
}

export interface Ports {
  readonly api: number
  readonly gateway: number
}

/** A key of Kubo's config, dots between its parts, and its value. */
export type KuboSetting = readonly [key: string, value: unknown]

interface ConfigPlace {
  readonly ports: Ports
  /** An engine publishes the ports on loopback. Else loopback is where Kubo itself listens. */
  readonly isPublished: boolean
  /** What runs is a Kubo before 0.41, which does not start with a strategy that has `entities`. */
  readonly isOld?: boolean
}

/** Well known to nobody, so that a Kubo that the user starts finds its own ports free. */
const FIRST_PORT = 5301
const LAST_PORT = 5399

const DEFAULT_STORAGE_MAX = '50GB'

/** The first line of a swarm key. Source: https://github.com/libp2p/specs/blob/master/pnet/Private-Networks-PSK-V1.md */
const SWARM_KEY = '/key/swarm/psk/1.0.0/'

/**
 * The config of a managed node. It is not to be found or reached unless the user wants that: it listens on loopback and
 * announces nothing.
 */
export function settingsOf({ ports, isPublished, isOld = false }: ConfigPlace, options: NodeOptions): KuboSetting[] {
  const { storageMax = DEFAULT_STORAGE_MAX, swarmPort, announce = false, isPrivate = false } = options
  const host = isPublished ? '0.0.0.0' : '127.0.0.1'
  return [
    [
      'Addresses',
      {
        API: `/ip4/${host}/tcp/${ports.api}`,
        Gateway: `/ip4/${host}/tcp/${ports.gateway}`,
        Swarm: swarmAddresses(isPublished, swarmPort),
      },
    ],
    // Kubo has no strategy that announces nothing by itself and lets `provide once` do it. This one has a record for each file and folder,
    // where a download that was broken off is taken up again, and none for their many chunks. What is published is kept in MFS alone.
    ['Provide', announce ? { Enabled: true, Strategy: isOld ? 'roots' : 'pinned+mfs+entities' } : { Enabled: false }],
    ['Datastore.StorageMax', storageMax],
    // Few keys, since in a container each takes a process.
    ['Discovery', { MDNS: { Enabled: swarmPort !== undefined } }],
    // Else it asks the router for a way in, from sockets that are open to all.
    ['Swarm.DisableNatPortMap', swarmPort === undefined],
    // Whoever is on this machine may read there what the node has, and knows its CID; not have it fetch or ask for more.
    ['Gateway.NoFetch', true],
    ['Gateway.ExposeRoutingAPI', false],
    ...(isPrivate ? PRIVATE : []),
  ]
}

/** Everything that leads to the public network; Kubo refuses to start a private node with AutoConf. */
const PRIVATE: readonly KuboSetting[] = [
  ['AutoConf.Enabled', false],
  ['AutoTLS.Enabled', false],
  ['Bootstrap', []],
  ['DNS.Resolvers', {}],
  ['Ipns.DelegatedPublishers', []],
  ['Routing.DelegatedRouters', []],
  ['Routing.Type', 'dht'],
]

function swarmAddresses(isPublished: boolean, port: number | undefined): string[] {
  if (port === undefined && !isPublished) return ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/udp/0/quic-v1']
  const number = port ?? 4001
  return ['/ip4/0.0.0.0', '/ip6/::'].flatMap((ip) => [`${ip}/tcp/${number}`, `${ip}/udp/${number}/quic-v1`])
}

/** Tells settings apart, so that they are written once and what the user changes afterwards stays. */
export function stampOf(settings: readonly KuboSetting[]): string {
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16)
}

/** @throws USAGE */
export function checkSwarmKey(text: string): void {
  const [first, encoding, key] = text.split('\n').map((line) => line.trim())
  if (first === SWARM_KEY && encoding === '/base16/' && /^[0-9a-f]{64}$/i.test(key ?? '')) return
  throw new DockerIpfsError('USAGE', 'the file of --swarm-key is no swarm key', {
    hint: `It has three lines: ${SWARM_KEY}, /base16/ and 64 hex digits.`,
  })
}

/** Times that ports are chosen: others may take those that were free a moment ago. */
export const PORT_TRIES = 4

/**
 * Two ports of 127.0.0.1 that nobody listens on: the first ones. Of several who start at once all find the same: so from the second try on
 * they are looked for from anywhere.
 * @throws NODE_UNREACHABLE when there are none
 */
export async function freePorts(tries = 1): Promise<Ports> {
  const count = LAST_PORT - FIRST_PORT + 1
  const from = tries === 1 ? 0 : Math.floor(Math.random() * count)
  const free: number[] = []
  for (let at = 0; at < count && free.length < 2; at++) {
    const port = FIRST_PORT + ((from + at) % count)
    if (await isFree(port)) free.push(port)
  }
  const [api, gateway] = free
  if (api !== undefined && gateway !== undefined) return { api, gateway }
  throw new DockerIpfsError('NODE_UNREACHABLE', `ports ${FIRST_PORT} to ${LAST_PORT} are all in use`, {
    hint: 'End what listens there, or say where a node is with --api or DOCKER_IPFS_API.',
  })
}

/** Whether an engine or Kubo says that one of these ports is somebody else's; that of the swarm is the user's own choice. */
export function saysTaken(words: string, { api, gateway }: Ports): boolean {
  return words
    .split('\n')
    .some(
      (line) =>
        /address already in use|port is already allocated/i.test(line) &&
        new RegExp(`(?::|/tcp/)(?:${api}|${gateway})\\b`).test(line),
    )
}

export async function areFree({ api, gateway }: Ports): Promise<boolean> {
  return (await isFree(api)) && (await isFree(gateway))
}
