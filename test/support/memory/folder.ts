import type { WritableFolder } from '../../../src/catalogue/folder.ts'
import { isLeaf, partsOf, readDirectory } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { dagSizeOf } from '../../../src/dag/sizes.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type DagNode, writeDirectory, writeFile } from '../../../src/format/files.ts'
import type { FolderEntry, PathStat } from '../../../src/store/folder.ts'
import type { MemoryBlocks } from './blocks.ts'

/** What is in a folder: folders that were made, and files and DAGs by their roots. */
type Entry = Map<string, Entry> | CID

/** A folder like ours in a node's MFS: its blocks are among those of the node, and what these have lost cannot be read. */
export class MemoryFolder implements WritableFolder {
  readonly #blocks: MemoryBlocks
  readonly #top = new Map<string, Entry>()
  /** As with MFS: it is made with what is written first, and stays when that is taken away. */
  #isMade = false

  constructor(blocks: MemoryBlocks) {
    this.#blocks = blocks
  }

  async find(path: string, signal: AbortSignal): Promise<PathStat | undefined> {
    signal.throwIfAborted()
    const entry = this.#isMade ? this.#at(path) : undefined
    if (entry === undefined) return undefined
    return entry instanceof Map ? this.#write(entry) : this.#stat(entry)
  }

  async entries(path: string, signal: AbortSignal): Promise<FolderEntry[] | undefined> {
    const found = await this.find(path, signal)
    const links = found && this.#linksOf(found.cid)
    return links && [...links].map(([name, cid]) => ({ name, cid }))
  }

  async read(path: string, limit: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const found = await this.find(path, signal)
    return found === undefined || found.fileSize > limit ? undefined : this.#bytesOf(found.cid)
  }

  async readAll(path: string, signal: AbortSignal): Promise<Map<string, Uint8Array>> {
    const files = new Map<string, Uint8Array>()
    for (const { name, cid } of (await this.entries(path, signal)) ?? []) {
      const bytes = this.#bytesOf(cid)
      if (bytes !== undefined) files.set(name, bytes)
    }
    return files
  }

  async link(path: string, cid: CID, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted()
    if (this.#own(cid) === undefined) throw new DockerIpfsError('NODE_FAILED', `cannot get ${cid}`)
    const { folder, name } = this.#above(path)
    if (folder.has(name)) return false
    this.#isMade = true
    folder.set(name, cid)
    return true
  }

  async write(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { cid } = await writeFile(bytes, this.#blocks)
    signal.throwIfAborted()
    const { folder, name } = this.#above(path)
    this.#isMade = true
    folder.set(name, cid)
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    // No folder is made for what is to be taken away.
    if (this.#at(path) === undefined) return
    const { folder, name } = this.#above(path)
    folder.delete(name)
  }

  async sync(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
  }

  #at(path: string): Entry | undefined {
    let entry: Entry | undefined = this.#top
    for (const name of partsIn(path)) {
      entry = entry instanceof Map ? entry.get(name) : entry && this.#linksOf(entry)?.get(name)
    }
    return entry
  }

  /** The folder that a path lies in, made with all above it where need be. A DAG that was linked there is a folder from now on. */
  #above(path: string): { readonly folder: Map<string, Entry>; readonly name: string } {
    const names = partsIn(path)
    const name = names.pop() ?? ''
    let folder = this.#top
    for (const step of names) {
      const entry = folder.get(step) ?? new Map<string, Entry>()
      const next: Map<string, Entry> | undefined = entry instanceof Map ? entry : this.#linksOf(entry)
      if (next === undefined) throw new DockerIpfsError('NODE_FAILED', `${step} of ${path} is not a directory`)
      folder.set(step, next)
      folder = next
    }
    return { folder, name }
  }

  async #write(folder: Map<string, Entry>): Promise<DagNode> {
    const nodes = new Map<string, DagNode>()
    for (const [name, entry] of folder) {
      const node = entry instanceof Map ? await this.#write(entry) : await this.#stat(entry)
      // A link stays when what it leads to is lost.
      nodes.set(name, node ?? { cid: entry as CID, fileSize: 0, dagSize: 0 })
    }
    return writeDirectory(nodes, this.#blocks)
  }

  async #stat(cid: CID): Promise<PathStat | undefined> {
    const bytes = this.#own(cid)
    const blocks = { ownBlock: async (cid: CID) => this.#own(cid) }
    const dagSize = await dagSizeOf(cid, { blocks, signal: new AbortController().signal })
    if (bytes === undefined || dagSize === undefined) return undefined
    const parts = partsOf({ cid, bytes }) ?? []
    return { cid, fileSize: isLeaf(cid) ? bytes.length : parts.reduce((sum, { size }) => sum + size, 0), dagSize }
  }

  #linksOf(cid: CID): Map<string, CID> | undefined {
    const bytes = this.#own(cid)
    return bytes && readDirectory({ cid, bytes })
  }

  /** A file; undefined for a folder, and where a block is lost. */
  #bytesOf(cid: CID): Uint8Array | undefined {
    if (this.#own(cid) === undefined || this.#linksOf(cid) !== undefined) return undefined
    try {
      return this.#blocks.read(cid)
    } catch {
      return undefined
    }
  }

  /** As Kubo reads its repository for MFS: what is there is believed. */
  #own(cid: CID): Uint8Array | undefined {
    return this.#blocks.own(cid)
  }
}

function partsIn(path: string): string[] {
  return path.split('/').filter((name) => name !== '')
}
