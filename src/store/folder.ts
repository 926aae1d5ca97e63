import type { CID } from '../dag/cid.ts'

/** An entry of a folder of a node. */
export interface FolderEntry {
  readonly name: string
  readonly cid: CID
}

/** What is at a path. Sizes are bytes: of the file itself, 0 for a folder, and of all blocks, once a link. */
export interface PathStat {
  readonly cid: CID
  readonly fileSize: number
  readonly dagSize: number
}
