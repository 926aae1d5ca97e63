import { type Block, type BlockSink, readDirectory } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'

/** The files of an image's directory, by path. */
export type Tree = ReadonlyMap<string, CID>

/**
 * Reads the directories of an image; a folder that cannot be read is an entry itself. No use of the walker of DAGs: paths count here, and only those
 * that an image has are gone down.
 */
export async function readTree(root: CID, block: (cid: CID) => Promise<Uint8Array | undefined>): Promise<Tree> {
  const tree = new Map<string, CID>()
  const walk = async (cid: CID, path: string, depth: number): Promise<void> => {
    const bytes = depth > MAX_DEPTH ? undefined : await block(cid)
    const entries = bytes === undefined ? undefined : readDirectory({ cid, bytes })
    if (entries === undefined) tree.set(path, cid)
    for (const [name, child] of entries ?? []) {
      const below = path === '' ? name : `${path}/${name}`
      // Of files only the CID counts, and these are not to be read.
      if (FOLDERS.has(below)) await walk(child, below, depth + 1)
      else tree.set(below, child)
    }
  }
  await walk(root, '', 0)
  return tree
}

const FOLDERS = new Set(['blobs', 'blobs/sha256'])
const MAX_DEPTH = 4

/** Keeps the directories of an image that is written, and nothing else. */
export class DirectorySink implements BlockSink {
  readonly #directories = new Map<string, Uint8Array>()

  async put(block: Block): Promise<void> {
    if (readDirectory(block) !== undefined) this.#directories.set(block.cid.toString(), block.bytes)
  }

  tree(root: CID): Promise<Tree> {
    return readTree(root, async (cid) => this.#directories.get(cid.toString()))
  }
}

/** What is not as it should be, one line each. */
export function compareTrees(is: Tree, should: Tree): string[] {
  const missing = [...should.keys()].filter((path) => !is.has(path)).map((path) => `${path} is missing`)
  const extra = [...is.keys()].filter((path) => !should.has(path)).map((path) => `${path} does not belong to the image`)
  const other = [...should]
    .filter(([path, cid]) => is.has(path) && !is.get(path)?.equals(cid))
    .map(([path, cid]) => `${path} is ${is.get(path)}, but should be ${cid}`)
  return [...missing, ...extra, ...other]
}
