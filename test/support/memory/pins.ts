import type { CID } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import type { Pins } from '../../../src/store/pins.ts'
import type { MemoryBlocks } from './blocks.ts'

/** A node's pins in memory. A pin fetches what it lacks. Tests may look without a signal. */
export class MemoryPins implements Pins {
  /** Names by root CID. */
  readonly names = new Map<string, string>()
  /** Set by whoever makes both: blocks know their pins, too. */
  blocks: MemoryBlocks | undefined

  async pin(root: CID, name: string, signal: AbortSignal, onProgress: () => void = () => undefined): Promise<void> {
    signal.throwIfAborted()
    for await (const _ of this.blocks?.fetchBelow(root, signal) ?? []) onProgress()
    this.names.set(root.toString(), name)
  }

  async pinBeside(root: CID, pinned: CID, signal: AbortSignal): Promise<boolean> {
    const name = await this.pinName(pinned, signal)
    if (name === undefined) return false
    await this.pin(root, name, signal)
    return true
  }

  async unpin(root: CID, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (!this.names.delete(root.toString())) throw new DockerIpfsError('NODE_FAILED', `${root} is not pinned`)
  }

  async pinName(root: CID, signal?: AbortSignal): Promise<string | undefined> {
    signal?.throwIfAborted()
    return this.names.get(root.toString())
  }

  async isPinned(root: CID, signal?: AbortSignal): Promise<boolean> {
    return (await this.pinName(root, signal)) !== undefined
  }

  /** Set by the node, which knows what else it keeps. */
  gc: () => Promise<number> = async () => 0

  async collect(signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted()
    return this.gc()
  }

  async pinnedRoots(signal?: AbortSignal): Promise<ReadonlySet<string>> {
    signal?.throwIfAborted()
    return new Set(this.names.keys())
  }
}
