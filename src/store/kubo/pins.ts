import type { CID } from '../../dag/cid.ts'
import { hasCode, messageOf } from '../../errors.ts'
import type { Pins } from '../pins.ts'
import { fetchBelow } from './blocks.ts'
import type { KuboClient } from './client.ts'
import { type IsCluster, pinInCluster } from './cluster.ts'
import type { Endpoint } from './endpoint.ts'
import { askWithin, bytesOf, call, jsonLines, nodeFailed } from './rpc.ts'

/** A line of the answer of `pin/add`. */
interface PinLine {
  readonly Pins?: readonly string[]
  readonly Progress?: number
  /** Since Kubo 0.40 or so. */
  readonly Bytes?: number
}

/** A line of the answer of `repo/gc`: a block that is gone, or why one is not. */
interface GcLine {
  readonly Key?: object
  readonly Error?: string
}

export class KuboPins implements Pins {
  readonly #client: KuboClient
  readonly #endpoint: Endpoint
  readonly #isCluster: IsCluster

  constructor(client: KuboClient, endpoint: Endpoint, isCluster: IsCluster) {
    this.#client = client
    this.#endpoint = endpoint
    this.#isCluster = isCluster
  }

  async pin(
    root: CID,
    name: string,
    signal: AbortSignal,
    onProgress: (bytes?: number) => void = () => {},
  ): Promise<void> {
    if (await this.#isCluster(signal)) {
      // A cluster pins later, and fetches nothing before it answers.
      for await (const _ of fetchBelow(root, this.#endpoint, signal)) onProgress()
      return pinInCluster(root, name, this.#endpoint, signal)
    }
    // Plain HTTP: kubo-rpc-client cannot ask for progress, and a pin that takes long sends nothing else.
    const path = `pin/add?arg=${root.toString()}&name=${encodeURIComponent(name)}&progress=true`
    const response = await call(this.#endpoint, { path, signal })
    let count = 0
    let pinned = false
    for await (const { Pins, Progress = 0, Bytes } of jsonLines<PinLine>(bytesOf(response, this.#endpoint, signal))) {
      pinned ||= Pins?.includes(root.toString()) === true
      if (Progress > count) onProgress(typeof Bytes === 'number' ? Bytes : undefined)
      count = Math.max(count, Progress)
    }
    if (!pinned) throw nodeFailed(`the pin ended after ${count} blocks`, new Error('no line confirms the pin'))
  }

  async pinBeside(root: CID, pinned: CID, signal: AbortSignal): Promise<boolean> {
    // A cluster does not walk what differs before it answers: its word would prove nothing.
    if (await this.#isCluster(signal)) return false
    try {
      const path = `pin/update?arg=${pinned.toString()}&arg=${root.toString()}&unpin=false`
      const response = await call(this.#endpoint, { path, signal })
      for await (const { Pins } of jsonLines<PinLine>(bytesOf(response, this.#endpoint, signal))) {
        if (Pins?.includes(root.toString())) return true
      }
      return false
    } catch (error) {
      if (hasCode(error, 'NODE_FAILED', 'NODE_DENIED')) return false
      throw error
    }
  }

  async unpin(root: CID, signal: AbortSignal): Promise<void> {
    await askWithin(this.#endpoint, signal, (limited) => this.#client.pin.rm(root, { signal: limited }))
  }

  async pinName(root: CID, signal: AbortSignal): Promise<string | undefined> {
    return askWithin(this.#endpoint, signal, async (limited) => {
      try {
        const path = `pin/ls?arg=${root.toString()}&type=recursive&names=true`
        const response = await call(this.#endpoint, { path, signal: limited })
        const { Keys } = (await response.json()) as { Keys?: Readonly<Record<string, { readonly Name?: string }>> }
        const pin = Keys?.[root.toString()]
        return pin === undefined ? undefined : (pin.Name ?? '')
      } catch (error) {
        if (/is not pinned/.test(messageOf(error))) return undefined
        throw error
      }
    })
  }

  async isPinned(root: CID, signal: AbortSignal): Promise<boolean> {
    return (await this.pinName(root, signal)) !== undefined
  }

  async collect(signal: AbortSignal): Promise<number> {
    const response = await call(this.#endpoint, { path: 'repo/gc?stream-errors=true', signal })
    let count = 0
    for await (const { Key, Error: failure } of jsonLines<GcLine>(bytesOf(response, this.#endpoint, signal))) {
      if (failure) throw nodeFailed(failure, new Error('a line of repo/gc'))
      if (Key !== undefined) count += 1
    }
    return count
  }

  async pinnedRoots(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const response = await call(this.#endpoint, { path: 'pin/ls?type=recursive&stream=true', signal })
    const roots = new Set<string>()
    for await (const { Cid } of jsonLines<{ Cid: string }>(bytesOf(response, this.#endpoint, signal))) {
      if (Cid !== undefined) roots.add(Cid)
    }
    return roots
  }
}
