import type { BlockStore, OwnFiles } from '../store/blocks.ts'

/** For how long a way to the node's own files is taken, in milliseconds: the node may be another one then. */
const TAKEN_MS = 30_000
/** Bytes of one request, which a node's answer may take of memory: there may be many at a time. */
const PIECE = 8 * 1024 * 1024

/** What the node has all of, for as long as a registry is there and for many at once. */
export function lastingOwnFiles(blocks: Pick<BlockStore, 'ownFiles'>, lasting: AbortSignal): OwnFiles {
  let taken: { readonly files: OwnFiles; readonly until: number } | undefined
  const files = () => {
    const now = performance.now()
    if (taken === undefined || taken.until < now) taken = { files: blocks.ownFiles(lasting), until: now + TAKEN_MS }
    return taken.files
  }
  return {
    async *cat(file, signal, { offset, length }) {
      for (let at = 0; at < length; at += PIECE) {
        const piece = { offset: offset + at, length: Math.min(PIECE, length - at) }
        let got = 0
        for await (const bytes of files().cat(file, signal, piece)) {
          got += bytes.length
          yield bytes
        }
        // The file is shorter than it should be: whoever reads it sees that.
        if (got < piece.length) return
      }
    },
  }
}
