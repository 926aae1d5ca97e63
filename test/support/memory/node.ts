import { randomBytes } from 'node:crypto'
import { base36 } from 'multiformats/bases/base36'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { Catalogue } from '../../../src/catalogue/catalogue.ts'
import { Originals } from '../../../src/catalogue/originals.ts'
import { Publications } from '../../../src/catalogue/publications.ts'
import { Rules } from '../../../src/catalogue/rules.ts'
import { createObservations } from '../../../src/copies/observations.ts'
import { linksOf } from '../../../src/dag/blocks.ts'
import { hashText, parseCid } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import type { Key, Naming } from '../../../src/store/naming.ts'
import type { Node } from '../../../src/store/node.ts'
import type { Routing } from '../../../src/store/routing.ts'
import type { Traffic } from '../../../src/store/traffic.ts'
import { MemoryBlocks } from './blocks.ts'
import { MemoryFolder } from './folder.ts'
import { MemoryPins } from './pins.ts'

/**
 * A node in memory, with all its ports and what stands in its folder, as use cases are given them. Nothing of it is a stub: what
 * goes in comes out, a pin keeps from `gc`, and what one node lacks it gets from those that it is connected to.
 */
export class MemoryNode implements Node {
  readonly address: string
  readonly pins = new MemoryPins()
  readonly blocks = new MemoryBlocks(this.pins)
  readonly folder = new MemoryFolder(this.blocks)
  readonly catalogue = new Catalogue(this.folder)
  readonly originals = new Originals(this.folder)
  readonly publications = new Publications(this.folder)
  /** Roots that were announced. */
  readonly announced: string[] = []
  readonly naming = new MemoryNaming()
  readonly traffic: Traffic
  readonly routing: Routing
  /** Nodes that it can be connected to. */
  readonly neighbours: MemoryNode[] = []
  /** It listens nowhere. */
  isDeaf = false
  readonly #others: MemoryNode[] = []

  constructor(address = 'memory') {
    this.address = address
    this.pins.blocks = this.blocks
    this.pins.gc = () => this.gc()
    this.traffic = {
      bytesFetched: async () => this.blocks.bytesFetched,
      bytesReceived: async () => this.blocks.bytesFetched,
      bytesSent: async () => this.blocks.bytesSent,
      repoSize: async () => [...this.blocks.blocks.values()].reduce((sum, { length }) => sum + length, 0),
    }
    this.routing = {
      providers: async (root) =>
        this.#others.filter(({ announced }) => announced.includes(root.toString())).map((other) => other.address),
      // Those who have it are connected already, or nobody knows them.
      meet: async () => undefined,
      self: async () => ({ id: this.address, addresses: this.isDeaf ? [] : [`/memory/${this.address}`] }),
      connect: async ({ id, addresses }) => {
        const other = addresses.length === 0 ? undefined : this.neighbours.find(({ address }) => address === id)
        if (other !== undefined) this.connect(other)
        if (other !== undefined) other.connect(this)
        return other !== undefined
      },
      announce: async (root) => void this.announced.push(root.toString()),
      peers: async () => this.#others.length,
    }
  }

  /** What a use case is given: the ports by their names, and the node that they belong to. */
  get ports() {
    const { blocks, pins, traffic, routing, naming, catalogue, originals, publications } = this
    const [observations, rules] = [createObservations(this.folder), new Rules(this.folder)]
    return {
      node: this,
      blocks,
      pins,
      traffic,
      routing,
      naming,
      catalogue,
      originals,
      publications,
      observations,
      rules,
    }
  }

  async version(): Promise<string> {
    return '0.43.0'
  }

  /** From now on it gets what it lacks from another. */
  connect(other: MemoryNode): void {
    this.#others.push(other)
    this.blocks.others.push(other.blocks)
    this.naming.others.push(other.naming)
  }

  /** Takes away what neither a pin nor the folder keeps; says how many blocks that were. */
  async gc(): Promise<number> {
    const kept = new Set<string>()
    const walk = (cid: CID): void => {
      const bytes = this.blocks.own(cid)
      if (bytes === undefined || kept.has(hashText(cid))) return
      kept.add(hashText(cid))
      for (const link of linksOf({ cid, bytes })) walk(link.cid)
    }
    for (const root of this.pins.names.keys()) walk(parseCid(root))
    const top = await this.folder.find('', new AbortController().signal)
    if (top !== undefined) walk(top.cid)
    const lost = [...this.blocks.blocks.keys()].filter((cid) => !kept.has(hashText(parseCid(cid))))
    for (const cid of lost) this.blocks.blocks.delete(cid)
    return lost.length
  }
}

/** Names that this node, or one that it is connected to, has published. */
class MemoryNaming implements Naming {
  readonly others: MemoryNaming[] = []
  /** Paths by key or domain. */
  readonly paths = new Map<string, string>()
  readonly #keys: Key[] = []

  async resolve(name: string): Promise<string> {
    for (const { paths } of [this, ...this.others]) {
      const path = paths.get(name)
      if (path !== undefined) return path
    }
    throw new DockerIpfsError('CONTENT_NOT_FOUND', `the name ${name} cannot be found`)
  }

  async publish(root: CID, { id }: Key): Promise<void> {
    this.paths.set(id, `/ipfs/${root}`)
  }

  async keys(): Promise<Key[]> {
    return [...this.#keys]
  }

  async removeKey(name: string): Promise<Key> {
    const at = this.#keys.findIndex((key) => key.name === name)
    const [key] = at < 0 ? [] : this.#keys.splice(at, 1)
    if (key === undefined) throw new DockerIpfsError('USAGE', `the node has no key ${name}`)
    return key
  }

  async renameKey(name: string, to: string): Promise<Key> {
    const { id } = await this.removeKey(name)
    const key = { name: to, id }
    this.#keys.push(key)
    return key
  }

  async makeKey(name: string): Promise<Key> {
    if (this.#keys.some((key) => key.name === name)) throw new DockerIpfsError('NODE_FAILED', `there is a key ${name}`)
    const key = { name, id: newKeyId() }
    this.#keys.push(key)
    return key
  }
}

/** The name of a key (libp2p-key) that nobody has: ed25519 public keys are any 32 bytes, and stand in the name as they are. */
function newKeyId(): string {
  const publicKey = Buffer.concat([Buffer.from([8, 1, 18, 32]), randomBytes(32)])
  return CID.createV1(0x72, createDigest(0, publicKey)).toString(base36)
}
