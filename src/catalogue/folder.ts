import type { CID } from '../dag/cid.ts'
import { DockerIpfsError, hasCode } from '../errors.ts'
import type { FolderEntry, PathStat } from '../store/folder.ts'

/**
 * Where the catalogue stands: a folder that GC spares, with all that its links lead to. Paths are below it. People may edit it,
 * so looking never fails: what cannot be read counts as not there. All that is said here, every implementation is held against by
 * test/support/conformance/folder.ts.
 */
export interface Folder {
  /** What is at a path, `''` for the folder itself. It may be remembered until something is written, or `sync`. */
  find(path: string, signal: AbortSignal): Promise<PathStat | undefined>
  /** What is in a folder; undefined where there is none, or where a part of it is lost. */
  entries(path: string, signal: AbortSignal): Promise<FolderEntry[] | undefined>
  /** The bytes of a file of at most `limit` bytes; undefined for a larger one. */
  read(path: string, limit: number, signal: AbortSignal): Promise<Uint8Array | undefined>
  /** The files of a folder, by name, as far as they can be had in one request. */
  readAll(path: string, signal: AbortSignal): Promise<Map<string, Uint8Array>>
}

/** A folder that can be changed. A change counts once it was synced. Errors are NODE_*. */
export interface WritableFolder extends Folder {
  /**
   * Links a path to a CID, with the folders above it. False where something is there already, which is left alone.
   * @throws NODE_FAILED where the node lacks its block
   */
  link(path: string, cid: CID, signal: AbortSignal): Promise<boolean>
  /** Writes a file, in place of what was there. */
  write(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>
  /** Takes away what is at a path, if anything. */
  remove(path: string, signal: AbortSignal): Promise<void>
  /** Writes out what was changed, and looks anew from then on: others may have written since. */
  sync(signal: AbortSignal): Promise<void>
}

/** Links a path to a CID, in place of what was there. */
export async function replace(folder: WritableFolder, path: string, cid: CID, signal: AbortSignal): Promise<void> {
  await folder.remove(path, signal)
  await folder.link(path, cid, signal)
}

/** Tries to write an entry. */
const MAX_ROUNDS = 4

/**
 * Writes, and looks whether it stays. Two that write at once can take a folder away from under each other, and MFS then even loses entries
 * without a word: so it is read back, and written again.
 * @throws NODE_FAILED where it does not stay; what `write` throws
 */
export async function writeUntilThere(
  write: () => Promise<void>,
  isThere: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  for (let round = 1; ; round += 1) {
    try {
      await write()
      if (await isThere()) return
    } catch (error) {
      if (round === MAX_ROUNDS || signal.aborted || !hasCode(error, 'INTEGRITY', 'NODE_FAILED')) throw error
    }
    if (round === MAX_ROUNDS) throw new DockerIpfsError('NODE_FAILED', 'what was written to it does not stay there')
  }
}
