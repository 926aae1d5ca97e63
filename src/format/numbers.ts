/*
 * FROZEN. This room writes images in the on-IPFS format, version 1: docs/format.md is its specification, and test/vectors holds
 * it. The bytes that it gives for a layer or an image must never change, since they are the CIDs: an image that is saved once more
 * shares its blocks with what was saved before, on every machine. Code may become faster or clearer. What it gives may not.
 *
 *   numbers.ts     the numbers
 *   tar-header.ts  single headers of a tar, read and written
 *   chunker.ts     a layer tar into chunks
 *   zstd.ts        a chunk into a frame
 *   layer.ts       a layer tar into the leaves of its blob
 *   files.ts       leaves into files and directories
 *   image-dag.ts   layers and configs into the image
 *
 * The documents are in src/image/canonical.ts and the names of platforms in src/image/platform.ts: they are frozen likewise.
 *
 * A change of any byte is a new version. To add one:
 *   1. Leave this version as it is. Put what differs into files of its own, beside these, with numbers of its own.
 *   2. Let src/read/open-image.ts read both: it goes by the annotation of the manifest. Loading knows no rule of chunks.
 *   3. Let src/inspect/verify.ts make an image anew in the version that it has.
 *   4. Give the new version vectors and golden images of its own. Those of this one stay, and pass.
 *   5. Specify it in a document beside docs/format.md, and say in docs/decisions.md what it gains: nothing is shared between
 *      images of two versions.
 */

/** The numbers of version 1 (docs/format.md, "Numbers"). One of them changed by one gives other CIDs. */
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
