import type { BlockSource, FileRef, Range } from '../dag/block-source.ts'
import type { BlockSink } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import type { Below } from '../dag/sizes.ts'
import type { Bytes } from '../streams.ts'

/**
 * Where blocks are read: a node, gateways, CAR files. `block` and `cat` give nothing that was not held against its CID,
 * but for leaves that a node reads for `cat`: whoever reads a file knows its digest. All that is said here, every implementation is
 * held against by test/support/conformance/blocks.ts.
 */
export interface Blocks extends BlockSource {
  /**
   * One block, checked against its CID, that is at hand; undefined where somebody else would have to be asked. At hand is what a node has in
   * its repository, what is in the CAR files, and of gateways the few blocks that they gave before and that are kept.
   * @throws INTEGRITY where other bytes are at hand
   */
  ownBlock(cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined>
  /** Whether it can be read here: at hand or, of gateways, with one of them. Its bytes may be wrong. */
  hasBlock(cid: CID, signal: AbortSignal): Promise<boolean>
}

/** A place that takes blocks too: a node. */
export interface BlockStore extends Blocks {
  /**
   * Asks whether an import is allowed; sends nothing.
   * @throws NODE_DENIED, or the signal's reason, and nothing else
   */
  mayImport(signal: AbortSignal): Promise<void>
  /** Opens a request that takes blocks and pins their roots at the end; blocks of `known` (see `blockKey`) are not sent. */
  openImport(signal: AbortSignal, known?: Promise<ReadonlySet<string>>): ImportSession
  /**
   * Gets what is below a block, from whoever the node finds; waits as long as the signal lets it. Yields once for each link, depth first, when
   * its block is there, however often that is linked. A node asks for all that one of the DAG's nodes links at once, with a session for all.
   * `levels`: so many, not all.
   */
  fetchBelow(cid: CID, signal: AbortSignal, levels?: number): AsyncIterable<void>
  /**
   * What is below a node that is at hand, for counting; undefined where it is lost. Folders of MFS may have any hash, and be of any size: what
   * has another hash than images have is as the place says it.
   * @throws INTEGRITY where other bytes are at hand than a CID of an image says
   */
  below(cid: CID, signal: AbortSignal): Promise<Below | undefined>
  /**
   * How large a DAG is of which every block is at hand; undefined where one is not. What is there is counted and not checked: bytes may be wrong.
   */
  ownDag(root: CID, signal: AbortSignal): Promise<OwnDag | undefined>
  /** A quicker reader, of files that the node has all of. */
  ownFiles(signal: AbortSignal): OwnFiles
}

/** Blocks, each once, and their bytes. */
export interface OwnDag {
  readonly blocks: number
  readonly bytes: number
}

/** Reads parts of files that a node has all of. */
export interface OwnFiles {
  cat(file: FileRef, signal: AbortSignal, range: Range): Bytes
}

/** What a node says of a finished import. */
export interface Imported {
  readonly blocks: number
  readonly bytes: number
}

/** One request that is open: blocks go in, and at the end the roots that are to be pinned. */
export interface ImportSession extends BlockSink {
  /** Blocks and bytes that were sent so far. */
  readonly sent: { readonly blocks: number; readonly bytes: number }
  /** Blocks that were not sent because the node has them. */
  readonly skipped: number
  /** Aborted, with the reason, when the request is over: who waits for bytes to send need not wait any more. */
  readonly over: AbortSignal
  /**
   * Names the roots and waits until the node has pinned them.
   * @throws NODE_FAILED, NODE_UNREACHABLE
   */
  finish(...roots: CID[]): Promise<Imported>
  /** Breaks the request off; nothing is pinned. */
  abort(reason: unknown): Promise<void>
}
