import { setTimeout as sleep } from 'node:timers/promises'
import type { CID } from '../../dag/cid.ts'
import { DockerIpfsError } from '../../errors.ts'
import { isObject, parsedObject } from '../../json.ts'
import { whileMoving } from '../../time.ts'
import { ifAllowed } from '../allowed.ts'
import type { Copy, LookOptions, Outgoing, Place, SendOptions } from '../places.ts'
import { carBody } from './car-body.ts'
import { type ClusterStatus, copyOf, readClusterStatus } from './cluster-status.ts'
import { peersOf, plainAddresses } from './origins.ts'
import { ask, oneLine, type PinningAccess, type PinningAnswer, refused, stoodStill } from './request.ts'

export interface ClusterAccess extends PinningAccess {
  /** Peers that are to have each image; what the cluster itself is set to, where nothing is said. */
  readonly replication?: number
}

/** A peer of the cluster, and the node beside it. */
interface ClusterPeer {
  readonly id: string
  readonly node: string
  readonly addresses: readonly unknown[]
}

/** Time between two questions how far a pin is, in milliseconds: the first, and the most. */
const FIRST_MS = 200
const MOST_MS = 3000
/** Nodes of the cluster that ours is connected to. They give it to each other. */
const MOST_MET = 5
/** Time of an upload, in milliseconds: it is given up when nothing moves. */
const DAY_MS = 24 * 3600 * 1000
/** Looks whether our pin is still there, once the cluster is done. It takes that away a moment later. */
const LOOKS = 5

/**
 * An IPFS Cluster, by its REST API. Its nodes fetch the image from ours; where ours reaches none of them, it is uploaded.
 * Source: https://ipfscluster.io/documentation/reference/api/ and IPFS Cluster 1.1.6
 */
export class ClusterPlace implements Place {
  readonly kind = 'cluster'
  readonly name: string
  readonly address: string
  readonly #access: ClusterAccess
  readonly #firstMs: number

  /** @param firstMs time before the first question how far a pin is, in milliseconds */
  constructor(access: ClusterAccess, firstMs = FIRST_MS) {
    this.name = access.name
    this.address = access.url
    this.#access = access
    this.#firstMs = firstMs
  }

  async check(signal: AbortSignal): Promise<string> {
    const { version, ipfs } = (await this.#get('/id', signal)).value ?? {}
    if (typeof version === 'string' && isObject(ipfs)) return `IPFS Cluster ${oneLine(version)}`
    throw this.#noCluster()
  }

  async look(root: CID, { signal }: Pick<LookOptions, 'signal'>): Promise<Copy> {
    return copyOf(await this.#status(root, signal))
  }

  async #status(root: CID, signal: AbortSignal): Promise<ClusterStatus> {
    const status = readClusterStatus((await this.#get(`/pins/${root}`, signal)).value)
    if (status === undefined) throw this.#noCluster()
    return status
  }

  async send(image: Outgoing, options: SendOptions): Promise<Copy> {
    const { root, from } = image
    const { signal, stillMs, wait } = options
    const before = await this.look(root, { signal })
    if (before.state === 'claimed' && (await this.#isEnough(root, signal))) return before
    const [peers, self] = await Promise.all([this.#peers(signal), ifAllowed(from.routing.self(signal))])
    const ours = peers.find(({ node }) => node === self?.id)
    const isNear = ours !== undefined || (await this.#meet(peers, image, signal))
    const query = this.#queryOf(image, ours)
    await (isNear ? this.#pin(root, query, stillMs, signal) : this.#upload(image, query, options))
    const copy = wait
      ? await this.#follow(image, await this.#allocated(root, signal), options)
      : await this.look(root, { signal })
    if (ours !== undefined) await keepOurPin(image, options)
    return copy
  }

  /** Our own node is to be among those that have it: else the cluster takes its pin away. */
  #queryOf({ name }: Outgoing, ours: ClusterPeer | undefined): string {
    const { replication } = this.#access
    const factor = replication === undefined ? '' : `&replication-min=${replication}&replication-max=${replication}`
    return `name=${encodeURIComponent(name)}${factor}${ours === undefined ? '' : `&user-allocations=${ours.id}`}`
  }

  /** Whether it is to be on as many peers as we want it. */
  async #isEnough(root: CID, signal: AbortSignal): Promise<boolean> {
    const { replication } = this.#access
    if (replication === undefined) return true
    const { value } = await this.#get(`/allocations/${root}`, signal)
    return value?.['replication_factor_min'] === replication
  }

  /** IDs of the peers that are to have it from now on; none where all are. What they say of it may be older. */
  async #allocated(root: CID, signal: AbortSignal): Promise<readonly unknown[]> {
    const allocations = (await this.#get(`/allocations/${root}`, signal)).value?.['allocations']
    return Array.isArray(allocations) ? allocations : []
  }

  /** Connects our node to some of the cluster's. False where none can be reached. */
  async #meet(peers: readonly ClusterPeer[], { from }: Outgoing, signal: AbortSignal): Promise<boolean> {
    const nodes = peersOf(
      plainAddresses(
        peers.flatMap(({ addresses }) => addresses),
        this.address,
      ),
    )
    const met = await Promise.all(nodes.slice(0, MOST_MET).map((node) => from.routing.connect(node, signal)))
    return met.includes(true)
  }

  /** A cluster that has just been started knows of no peers for half a minute. */
  async #pin(root: CID, query: string, stillMs: number, signal: AbortSignal): Promise<void> {
    for (const began = Date.now(); ; await sleep(5 * this.#firstMs, undefined, { signal })) {
      const answer = await ask(this.#access, { method: 'POST', path: `/pins/${root}?${query}` }, signal)
      if (answer.status === 200) return
      const isEarly = /not enough peers/.test(wordsOf(answer) ?? '') && Date.now() - began < stillMs
      if (!isEarly) throw this.#refused(answer)
    }
  }

  async #upload(
    { root, from }: Outgoing,
    query: string,
    { signal, stillMs, doing, moved }: SendOptions,
  ): Promise<void> {
    doing('Sending')
    const onLate = () => stoodStill(this.#access, stillMs, 'it takes no more of the upload')
    await whileMoving(stillMs, signal, onLate, async (limited, moves) => {
      const body = carBody(
        root,
        (cid) => from.blocks.block(cid, limited),
        (bytes) => {
          moves()
          moved(bytes)
        },
      )
      const path = `/add?format=car&stream-channels=false&${query}`
      const answer = await ask(this.#access, { method: 'POST', path, body, limitMs: DAY_MS }, limited)
      if (answer.status !== 200) throw this.#refused(answer)
      if (answer.text.includes(root.toString())) return
      throw new DockerIpfsError('PLACE_FAILED', `${this.name} does not confirm ${root}`, {
        cause: new Error(oneLine(answer.text)),
      })
    })
  }

  /** Asks until all that are to have it say that they do, or that they cannot. */
  async #follow(
    { root, from }: Outgoing,
    allocated: readonly unknown[],
    { signal, stillMs, doing }: SendOptions,
  ): Promise<Copy> {
    let copy: Copy = { state: 'pinning', how: 'asked' }
    const onLate = () => stoodStill(this.#access, stillMs, copy.reason ?? copy.how.replace(/^it says /, ''))
    return whileMoving(stillMs, signal, onLate, async (limited, moves) => {
      doing('Pinning')
      let given = 0
      for (let ms = this.#firstMs; ; ms = Math.min(MOST_MS, ms * 1.5)) {
        const status = await this.#status(root, limited)
        const isNew = allocated.every((id) => status.allocations.some((other) => other === id))
        const next: Copy = isNew ? copyOf(status) : { state: 'pinning', how: 'asked' }
        if (next.state !== 'pinning' && next.state !== 'absent') return next
        const now = (await ifAllowed(from.traffic.bytesSent(limited))) ?? 0
        if (now > given || next.how !== copy.how) moves()
        given = now
        copy = next
        await sleep(ms, undefined, { signal: limited })
      }
    })
  }

  /** Those that answer, one JSON object a line. */
  async #peers(signal: AbortSignal): Promise<ClusterPeer[]> {
    const { text } = await this.#get('/peers', signal)
    return text.split('\n').flatMap((line) => {
      const { id, ipfs } = parsedObject(line) ?? {}
      if (typeof id !== 'string' || !/^\w{40,64}$/.test(id) || !isObject(ipfs)) return []
      const { id: node, addresses } = ipfs
      return [{ id, node: String(node), addresses: Array.isArray(addresses) ? addresses : [] }]
    })
  }

  async #get(path: string, signal: AbortSignal): Promise<PinningAnswer> {
    const answer = await ask(this.#access, { method: 'GET', path }, signal)
    if (answer.status !== 200) throw this.#refused(answer)
    return answer
  }

  /** What goes wrong in a cluster it says with status 500: it is there, and that is no fault of its proxy. */
  #refused(answer: PinningAnswer): DockerIpfsError {
    const words = wordsOf(answer)
    if (answer.status !== 500 || words === undefined) return refused(this.#access, answer, words)
    return new DockerIpfsError('PLACE_FAILED', `${this.name} answers: ${oneLine(words)}`, {
      hint: 'Look at its peers ("ipfs-cluster-ctl peers ls"), then run the command again.',
    })
  }

  #noCluster(): DockerIpfsError {
    return new DockerIpfsError('PLACE_FAILED', `what is at ${this.address} is no REST API of an IPFS Cluster`, {
      hint: "Give the address of the cluster's REST API, mostly port 9094; its proxy (9095) is a node to --api.",
    })
  }
}

/** A cluster removes the pin of a node of its own that it has not chosen for an image: that was chosen before, perhaps. */
async function keepOurPin({ root, name, from }: Outgoing, { signal, warn, stillMs }: SendOptions): Promise<void> {
  for (let look = 0; look < LOOKS; look += 1) {
    if (look > 0) await sleep(100 * look, undefined, { signal })
    if (await from.pins.isPinned(root, signal).catch(() => true)) continue
    warn('the cluster took the pin of this node away, since it keeps the image on others; it is pinned here again')
    await whileMoving(
      stillMs,
      signal,
      () => new DockerIpfsError('NODE_FAILED', 'this node does not pin it again'),
      (limited, moves) => from.pins.pin(root, name, limited, moves),
    )
  }
}

/** The cluster's words for an error: `{"code":401,"message":"unauthorized: no auth provided"}`. */
function wordsOf({ value }: PinningAnswer): string | undefined {
  return typeof value?.['message'] === 'string' ? value['message'] : undefined
}
