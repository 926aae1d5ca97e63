import type { NodeHealth, Storage } from '../store/kubo/health/health.ts'
import { type Finding, FULL, fail, failure, NEARLY_FULL, ok, type Sizes, warn } from './finding.ts'
import { rightsOf } from './rights.ts'

const part = 'node'

/** Part of Kubo's own limit from which on users are warned. */
const MUCH = 0.8

export interface Nodes {
  /** The node that commands use. Throws what its address has wrong. */
  readonly openNode: () => Promise<NodeHealth>
  /** The one that would be used if the user had named none. */
  readonly openOther: () => Promise<NodeHealth>
}

export async function examineNode(
  { openNode, openOther }: Nodes,
  { format }: Sizes,
  signal: AbortSignal,
): Promise<Finding[]> {
  let node: NodeHealth
  try {
    node = await openNode()
  } catch (error) {
    return [failure({ part, check: 'address' }, error, signal)]
  }
  const address = addressOf(node)
  let version: string
  try {
    version = await node.version(signal)
  } catch (error) {
    const finding = failure({ part, check: 'reachable' }, error, signal)
    const other = await answering(openOther, signal)
    if (other === undefined || other.address === node.address) return [address, finding]
    const todo = `A node answers at ${other.address} (from ${other.source}): name that one, or take ${node.source} out.`
    return [address, { ...finding, todo }]
  }
  try {
    const [denied, isCluster, isOpen, peers, reachability, storage, gc, announcing] = await Promise.all([
      node.denied(signal),
      node.isCluster(signal),
      node.isOpen(signal),
      node.peers(signal),
      node.reachability(signal),
      node.storage(signal),
      node.config('Datastore', signal),
      announcingOf(node, signal),
    ])
    return [
      address,
      ok(
        { part, check: 'reachable' },
        isCluster ? "it answers: an IPFS Cluster's proxy, so that all pins are the cluster's" : 'it answers',
      ),
      ok({ part, check: 'version' }, `Kubo ${version}`),
      ...rightsOf(denied),
      ...openOf(isOpen, node),
      peersOf(peers),
      outsideOf(reachability),
      storageOf(storage, format),
      gcOf(gc),
      announcing,
    ]
  } catch (error) {
    return [address, failure({ part, check: 'reachable' }, error, signal)]
  }
}

async function answering(open: () => Promise<NodeHealth>, signal: AbortSignal): Promise<NodeHealth | undefined> {
  try {
    const node = await open()
    await node.version(signal)
    return node
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

function addressOf({ address, source, isSecretOpen }: NodeHealth): Finding {
  const place = { part, check: 'address' } as const
  const found = `${address} (from ${source})`
  if (!isSecretOpen) return ok(place, found)
  return warn(place, `${found}: the token or password goes there unencrypted`, 'Use an address with https.')
}

/** Nothing of a node elsewhere: who gets in there is its own machine's matter. */
function openOf(isOpen: boolean | undefined, { isManaged }: NodeHealth): Finding[] {
  const place = { part, check: 'other users' } as const
  if (isOpen === undefined) return []
  if (!isOpen) return [ok(place, 'its API lets in nobody who has no secret')]
  // Kubo's own default.
  if (!isManaged)
    return [ok(place, 'every user of this machine may use its API; API.Authorizations in its config closes it')]
  const todo = 'Restart it once: docker ipfs node restart'
  return [warn(place, 'every user of this machine may use its API: it was made by an earlier docker-ipfs', todo)]
}

function peersOf(peers: number | undefined): Finding {
  const place = { part, check: 'peers' } as const
  if (peers === undefined) return ok(place, UNTOLD)
  if (peers > 0) return ok(place, `connected to ${peers}`)
  return warn(
    place,
    'connected to no peer: it finds no image elsewhere, and nobody finds those that it has',
    'Check its network; "ipfs swarm connect ADDRESS" joins it to a node that you know.',
  )
}

function outsideOf(reachability: string | undefined): Finding {
  const place = { part, check: 'outside' } as const
  if (reachability === undefined) return ok(place, UNTOLD)
  if (reachability === 'public') return ok(place, 'reachable from outside')
  if (reachability !== 'private') return ok(place, 'not known whether it is reachable: no peer has tried yet')
  return warn(
    place,
    'not reachable from outside: others get images from it only through relays',
    'Open its swarm port (mostly 4001, TCP and UDP) in the firewall or router.',
  )
}

function storageOf({ used, limit, free }: Storage, format: (bytes: number) => string): Finding {
  const place = { part, check: 'storage' } as const
  const said = [
    used === undefined ? [] : [`${format(used)} used`],
    limit === undefined ? [] : [`StorageMax ${format(limit)}`],
    free === undefined ? [] : [`${format(free)} left on its disk`],
  ].flat()
  const found = said.length === 0 ? UNTOLD : said.join(', ')
  const room = 'Remove images with "docker ipfs rm", then "docker ipfs prune"; or give it more room.'
  if (free !== undefined && free < FULL) return fail(place, `its disk is full: ${found}`, room)
  if (used !== undefined && limit !== undefined && limit > 0 && used >= limit * MUCH) {
    return warn(place, `${Math.floor((used / limit) * 100)} % of its limit: ${found}`, room)
  }
  if (free !== undefined && free < NEARLY_FULL) return warn(place, `its disk is nearly full: ${found}`, room)
  return ok(place, found)
}

function gcOf(datastore: Readonly<Record<string, unknown>> | undefined): Finding {
  const place = { part, check: 'gc' } as const
  const watermark = datastore?.['StorageGCWatermark']
  const when = typeof watermark === 'number' ? `at ${watermark} % of StorageMax` : 'near StorageMax'
  return ok(place, `spares what is saved; runs ${when} if the daemon has --enable-gc, else when told`)
}

/** What a node does for others to find what it has. Before Kubo 0.38 `Reprovider` was what `Provide` is now. */
async function announcingOf(node: NodeHealth, signal: AbortSignal): Promise<Finding> {
  const place = { part, check: 'announcing' } as const
  const [routing, provide] = await Promise.all([node.config('Routing', signal), node.config('Provide', signal)])
  if (routing?.['Type'] === 'none') {
    return warn(
      place,
      'Routing.Type is "none": only nodes that are connected to it find what it has',
      'If others are to find it: ipfs config Routing.Type auto, and restart it.',
    )
  }
  if (provide?.['Enabled'] === false) {
    return warn(
      place,
      'Provide.Enabled is false: "docker ipfs push" cannot announce',
      `If others are to find it: ${node.toAnnounce}.`,
    )
  }
  return ok(place, routing === undefined ? UNTOLD : '"docker ipfs push" announces')
}

const UNTOLD = 'the node does not tell'
