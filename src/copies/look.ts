import type { CID } from '../dag/cid.ts'
import { messageOf } from '../errors.ts'
import type { Node } from '../store/node.ts'
import { type Copy, isOfPlace, type Place } from '../store/places.ts'
import { whileMoving } from '../time.ts'
import { createNodePlace } from './node-place.ts'
import type { Observations } from './observations.ts'
import { LOCAL, type Remotes } from './remotes/remotes.ts'
import type { Seen } from './seen.ts'
import { stoodStill } from './still.ts'

export interface LookAtOptions extends Pick<Node, 'blocks' | 'pins' | 'routing' | 'traffic'> {
  readonly node: Pick<Node, 'address' | 'version'>
  readonly remotes: Remotes
  readonly observations: Observations
  readonly signal: AbortSignal
  /** Leaves that are read at each place. */
  readonly reads: number
  /** Gives a place up when nothing has come from it for so many milliseconds. */
  readonly stillMs: number
}

/** A place, and how it is held. */
export interface Held {
  readonly place: Place
  readonly isTrusted: boolean
}

/** Our own node, and all remotes. One that cannot be opened, as its secret is not there, is one that cannot be reached. */
export async function openAll({ node, blocks, pins, routing, traffic, remotes }: LookAtOptions): Promise<Held[]> {
  const version = (signal: AbortSignal) => node.version(signal)
  const local = createNodePlace(LOCAL, { address: node.address, version, blocks, pins, routing, traffic })
  const others = (await remotes.all()).map(async (remote) => {
    const isTrusted = remote.isUntrusted !== true
    try {
      return { place: await remotes.open(remote), isTrusted }
    } catch (error) {
      if (!isOfPlace(error)) throw error
      const fails = async () => {
        throw error
      }
      const { name, kind, url: address } = remote
      return { place: { name, kind, address, check: fails, send: fails, look: fails }, isTrusted }
    }
  })
  return [{ place: local, isTrusted: true }, ...(await Promise.all(others))]
}

/** Looks at the copies of images, at all places at once. One that did not answer is not asked for the next image again. */
export class Looker {
  readonly #held: readonly Held[]
  readonly #options: LookAtOptions
  readonly #silent = new Map<Place, string>()

  constructor(held: readonly Held[], options: LookAtOptions) {
    this.#held = held
    this.#options = options
  }

  /** What each place has of an image now. It is written down, as far as that can be. */
  async look(root: CID): Promise<Seen[]> {
    const { observations, signal } = this.#options
    const before = await observations.read(root, signal)
    const seen = await Promise.all(
      this.#held.map(async ({ place, isTrusted }): Promise<Seen> => {
        const { name, kind } = place
        const about = { place: name, kind, isTrusted, checkedAt: new Date().toISOString() }
        const silent = this.#silent.get(place)
        if (silent === undefined) {
          try {
            return { ...about, ...(await this.#ask(place, root)) }
          } catch (error) {
            if (signal.aborted || !isOfPlace(error)) throw error
            this.#silent.set(place, messageOf(error))
          }
        }
        const last = before.get(name)
        const reason = silent ?? this.#silent.get(place) ?? ''
        if (last === undefined) return { ...about, state: 'unreachable', how: 'never seen', reason }
        return { ...about, state: 'unreachable', how: `${last.state} before`, checkedAt: last.at, reason }
      }),
    )
    // What is not on our node is none of its images.
    if (seen.some(({ place, state }) => place === LOCAL && state !== 'absent'))
      await observations.write(root, seen, signal)
    return seen
  }

  #ask(place: Place, root: CID): Promise<Copy> {
    const { blocks: tree, reads, stillMs, signal } = this.#options
    return whileMoving(
      stillMs,
      signal,
      () => stoodStill(place.name, stillMs),
      (limited, moved) => place.look(root, { signal: limited, reads, tree, moved }),
    )
  }
}
