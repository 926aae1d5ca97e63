import { createNodePlace } from '../../../src/copies/node-place.ts'
import type { Remote, Remotes } from '../../../src/copies/remotes/remotes.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import type { Place } from '../../../src/store/places.ts'
import type { MemoryNode } from './node.ts'

/** Remotes in memory: nodes, and places of other kinds. */
export class MemoryRemotes implements Remotes {
  readonly #places = new Map<string, { readonly remote: Remote; readonly place: Place }>()

  node(name: string, node: MemoryNode, more: Partial<Remote> = {}): void {
    this.place(createNodePlace(name, node), more)
  }

  place(place: Place, more: Partial<Remote> = {}): void {
    const { name, kind, address: url } = place
    this.#places.set(name, { remote: { name, kind, url, ...more }, place })
  }

  async all(): Promise<Remote[]> {
    return [...this.#places.values()].map(({ remote }) => remote)
  }

  async find(name: string): Promise<Remote> {
    return this.#found(name).remote
  }

  async put(): Promise<void> {
    throw new Error('tests add places by themselves')
  }

  async remove(name: string): Promise<void> {
    this.#found(name)
    this.#places.delete(name)
  }

  async open({ name }: Remote): Promise<Place> {
    return this.#found(name).place
  }

  #found(name: string) {
    const found = this.#places.get(name)
    if (found === undefined) throw new DockerIpfsError('PLACE_NOT_FOUND', `there is no remote "${name}"`)
    return found
  }
}

/** From now on it does not answer. */
export function goAway(node: MemoryNode): void {
  const fails = async () => {
    throw new DockerIpfsError('NODE_UNREACHABLE', `cannot reach the IPFS node at ${node.address}`)
  }
  Object.assign(node.pins, { isPinned: fails, pin: fails, unpin: fails })
  Object.assign(node.blocks, { hasBlock: fails, ownBlock: fails, ownDag: fails })
}
