import type { CID } from '../../../src/dag/cid.ts'
import type { Pins } from '../../../src/store/pins.ts'
import type { MemoryBlocks } from './blocks.ts'

/** A node's pins in memory. A pin fetches what it lacks. */
export class MemoryPins implements Pins {
  /** Names by root CID. */
  readonly names = new Map<string, string>()
  /** Set by whoever makes both: blocks know their pins, too. */
  blocks: MemoryBlocks | undefined

  async pin(root: CID, name: string, signal: AbortSignal, onProgress: () => void = () => undefined): Promise<void> {
    for await (const _ of this.blocks?.fetchBelow(root, signal) ?? []) onProgress()
    this.names.set(root.toString(), name)
  }

  async pinBeside(root: CID, pinned: CID, signal: AbortSignal): Promise<boolean> {
    if (!this.names.has(pinned.toString())) return false
    await this.pin(root, '', signal)
    return true
  }

  async unpin(root: CID): Promise<void> {
    this.names.delete(root.toString())
  }

  async pinName(root: CID): Promise<string | undefined> {
    return this.names.get(root.toString())
  }

  async isPinned(root: CID): Promise<boolean> {
    return this.names.has(root.toString())
  }

  async pinnedRoots(): Promise<ReadonlySet<string>> {
    return new Set(this.names.keys())
  }
}
