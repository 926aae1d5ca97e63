import type { FolderEntry, PathStat, WritableFolder } from '../../../src/catalogue/folder.ts'
import { readDirectory } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { dagSizeOf } from '../../../src/dag/walk.ts'
import { type DagNode, writeDirectory, writeFile } from '../../../src/format/files.ts'
import type { MemoryBlocks } from './blocks.ts'

/** What is in a folder: folders, files that were written, and links to other DAGs. */
type Entry = Map<string, Entry> | DagNode

/** A folder like ours in a node's MFS: its blocks are among those of the node. */
export class MemoryFolder implements WritableFolder {
  readonly #blocks: MemoryBlocks
  readonly #top = new Map<string, Entry>()

  constructor(blocks: MemoryBlocks) {
    this.#blocks = blocks
  }

  async find(path: string, signal: AbortSignal): Promise<PathStat | undefined> {
    // As with MFS: nothing is there before something is written.
    if (this.#top.size === 0) return undefined
    let entry: Entry = this.#top
    const names = path.split('/').filter((name) => name !== '')
    for (const [at, name] of names.entries()) {
      if (!(entry instanceof Map)) return this.#below(entry.cid, names.slice(at), signal)
      const next: Entry | undefined = entry.get(name)
      if (next === undefined) return undefined
      entry = next
    }
    return entry instanceof Map ? this.#write(entry) : entry
  }

  async entries(path: string, signal: AbortSignal): Promise<FolderEntry[] | undefined> {
    const found = await this.find(path, signal)
    const bytes = found === undefined ? undefined : await this.#blocks.ownBlock(found.cid, signal)
    const links = found === undefined || bytes === undefined ? undefined : readDirectory({ cid: found.cid, bytes })
    return links && [...links].map(([name, cid]) => ({ name, cid }))
  }

  async read(path: string, limit: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const found = await this.find(path, signal)
    if (found === undefined || found.fileSize > limit) return undefined
    return this.#blocks.read(found.cid)
  }

  async readAll(path: string, signal: AbortSignal): Promise<Map<string, Uint8Array>> {
    const files = new Map<string, Uint8Array>()
    for (const { name, cid } of (await this.entries(path, signal)) ?? []) files.set(name, this.#blocks.read(cid))
    return files
  }

  async link(path: string, cid: CID, signal: AbortSignal): Promise<boolean> {
    const { folder, name } = this.#above(path)
    if (folder.has(name)) return false
    const dagSize = (await dagSizeOf(cid, { blocks: this.#blocks, signal })) ?? 0
    folder.set(name, { cid, fileSize: 0, dagSize })
    return true
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const { folder, name } = this.#above(path)
    folder.set(name, await writeFile(bytes, this.#blocks))
  }

  async remove(path: string): Promise<void> {
    const { folder, name } = this.#above(path)
    folder.delete(name)
  }

  async sync(): Promise<void> {}

  /** The folder that a path lies in, made with all above it where need be. */
  #above(path: string): { readonly folder: Map<string, Entry>; readonly name: string } {
    const names = path.split('/')
    const name = names.pop() ?? ''
    let folder = this.#top
    for (const step of names) {
      const next = folder.get(step)
      if (next instanceof Map) folder = next
      else {
        const made = new Map<string, Entry>()
        folder.set(step, made)
        folder = made
      }
    }
    return { folder, name }
  }

  async #write(folder: Map<string, Entry>): Promise<DagNode> {
    const nodes = new Map<string, DagNode>()
    for (const [name, entry] of folder) nodes.set(name, entry instanceof Map ? await this.#write(entry) : entry)
    return writeDirectory(nodes, this.#blocks)
  }

  async #below(root: CID, names: readonly string[], signal: AbortSignal): Promise<PathStat | undefined> {
    let cid: CID | undefined = root
    for (const name of names) {
      const bytes: Uint8Array | undefined = cid === undefined ? undefined : await this.#blocks.ownBlock(cid, signal)
      cid = cid === undefined || bytes === undefined ? undefined : readDirectory({ cid, bytes })?.get(name)
    }
    const dagSize = cid === undefined ? undefined : await dagSizeOf(cid, { blocks: this.#blocks, signal })
    if (cid === undefined || dagSize === undefined) return undefined
    const bytes = await this.#blocks.ownBlock(cid, signal)
    const isFolder = bytes !== undefined && readDirectory({ cid, bytes }) !== undefined
    return { cid, fileSize: isFolder ? 0 : this.#blocks.read(cid).length, dagSize }
  }
}
