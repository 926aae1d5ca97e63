/**
 * The numbers of the on-IPFS format, version 1. They decide every CID: a change of one of them is a new format.
 * See docs/format.md.
 */
export const FORMAT = {
  version: '1',
  /** T: a file of at least this many bytes has chunks of its own. */
  largeFile: 64 * 1024,
  /** Tf: the same for a fresh file, one that was written when the layer was. */
  largeFreshFile: 2560,
  /** A file is fresh when its time is at most so many seconds before the newest one seen so far in the layer. */
  freshSeconds: 24 * 60 * 60,
  /** H: so many first bytes of a large file stay with its header. */
  fileHead: 16,
  /** M: large files, and what is no tar, are cut every so many bytes. */
  pieceSize: 1024 * 1024,
  /** Gmin: a group of small entries may end once it has this many bytes. */
  groupMin: 128 * 1024,
  /** Gmax: a group never has more than this many bytes. */
  groupMax: 1024 * 1024,
  /** Gs: a group of this many bytes ends where fresh entries follow others, or others fresh ones. */
  groupSwitch: 16 * 1024,
  /** E: extended headers of one entry have at most so many bytes together; more is no tar that anybody writes. */
  extendedMax: 1024 * 1024,
  /** A group ends before an entry whose name hash has these bits all zero. */
  nameMask: 0x7,
  /** zstd compression level of every frame. */
  zstdLevel: 1,
  /** Links in one UnixFS node. */
  maxLinks: 1024,
} as const

/** What the chunker needs to know; the benchmark passes other numbers than FORMAT's. */
export type CutParameters = {
  readonly [key in Exclude<keyof typeof FORMAT, 'version' | 'zstdLevel' | 'maxLinks'>]: number
}
