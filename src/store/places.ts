import type { CID } from '../dag/cid.ts'
import { type DockerIpfsError, hasCode } from '../errors.ts'
import type { BlockStore } from './blocks.ts'
import type { Node } from './node.ts'

/** What a copy of an image can be kept at: another node, an IPFS Cluster (its REST API), or a service (Pinning Service API). */
export const PLACE_KINDS = ['kubo', 'cluster', 'service'] as const
export type PlaceKind = (typeof PLACE_KINDS)[number]

/**
 * How a copy is: `complete` was proved, `claimed` only said. One of which all is there is `unpinned` where garbage collection may take it.
 */
export type CopyState = 'complete' | 'claimed' | 'unpinned' | 'partial' | 'pinning' | 'failed' | 'absent'

/** A copy of an image at a place, as far as could be found out. */
export interface Copy {
  readonly state: CopyState
  /** How that is known, a few words. */
  readonly how: string
  /** Blocks of the image, where they were counted. */
  readonly blocks?: number
  /** Bytes of them. */
  readonly bytes?: number
  /** Blocks that are not there, or whose bytes are wrong. */
  readonly lost?: readonly CID[]
  /** Why it failed, or what it waits for, in the words of the place. */
  readonly reason?: string
}

/** An image that goes to a place. */
export interface Outgoing {
  readonly root: CID
  /** What its pin is to be called. */
  readonly name: string
  /** The node that has all of it. */
  readonly from: Pick<Node, 'blocks' | 'routing' | 'pins' | 'traffic'>
}

export interface SendOptions {
  readonly signal: AbortSignal
  /** Gives up when nothing has moved for so many milliseconds. */
  readonly stillMs: number
  /** Whether to wait until a cluster or service has it, and not only until it knows that it should. */
  readonly wait: boolean
  /** Something that the user must know. */
  readonly warn: (text: string) => void
  /** What is done now: "Sending". Told before the bytes that it moves. */
  readonly doing: (what: string) => void
  /** Bytes that are there of all. */
  readonly moved: (bytes: number) => void
}

export interface LookOptions {
  readonly signal: AbortSignal
  /** Leaves that are read and held against their CID, by chance; 0 where that all are there is enough. */
  readonly reads: number
  /** Who may know what is below a node that the place has lost. */
  readonly tree?: Pick<BlockStore, 'ownBlock'>
  /** Told whenever something has come. */
  readonly moved?: () => void
}

/** Somewhere else where images are kept. Errors of one that does not answer are PLACE_UNREACHABLE, else PLACE_FAILED; of a node its own. */
export interface Place {
  /** What the user calls it. */
  readonly name: string
  readonly kind: PlaceKind
  /** The address for messages, without secrets. */
  readonly address: string
  /** Where others can get an image that it has, of a node. */
  readonly from?: Outgoing['from']
  /** Whether it answers, and lets us in; says what it is, e.g. "Kubo 0.43.0". */
  check(signal: AbortSignal): Promise<string>
  /** Brings an image there, as far as it is not, and waits; gives the copy as it is then. What came once is not sent again. */
  send(image: Outgoing, options: SendOptions): Promise<Copy>
  /** Asks now what it has of an image. */
  look(root: CID, options: LookOptions): Promise<Copy>
}

/** Whether an error is a fault of a place, such as that it is not there or refuses us: an answer, too, where several are asked. */
export function isOfPlace(error: unknown): error is DockerIpfsError {
  return hasCode(error, ...OF_PLACES)
}

const OF_PLACES = [
  'PLACE_FAILED',
  'PLACE_UNREACHABLE',
  'NODE_FAILED',
  'NODE_UNREACHABLE',
  'NODE_DENIED',
  'BAD_FLAG',
  'FILE_FAILED',
] as const
