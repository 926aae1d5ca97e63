import { DockerIpfsError } from '../errors.ts'
import type { Endpoint } from '../store/kubo/endpoint.ts'
import { askObject } from '../store/kubo/rpc.ts'
import { formatAgainst } from '../units.ts'

/** Bytes. */
export interface Storage {
  readonly used: number
  readonly limit: number
}

/** Part of the limit from which on users are warned. At 0.9 Kubo begins to collect what is not pinned. */
const WARN_FROM = 0.8

/** Undefined when the node does not say. */
export async function storageOf(endpoint: Endpoint, signal: AbortSignal): Promise<Storage | undefined> {
  const answer = await askObject(endpoint, 'repo/stat?size-only=true', signal)
  const [used, limit] = [answer?.['RepoSize'], answer?.['StorageMax']]
  if (typeof used !== 'number' || typeof limit !== 'number' || limit <= 0) return undefined
  return { used, limit }
}

/** A storage that is full or nearly so, in words. */
export interface Fullness {
  readonly text: string
  readonly hint: string
  /** It takes no more. */
  readonly isFull: boolean
}

/** Undefined when there is room. */
export function fullnessOf({ used, limit }: Storage): Fullness | undefined {
  const share = used / limit
  if (share < WARN_FROM) return undefined
  const [stored, most] = formatAgainst(used, limit)
  return {
    text: `the storage of docker-ipfs' node is ${Math.floor(share * 100)} % full (${stored} of ${most})`,
    hint: 'Remove images ("docker ipfs rm", then "docker ipfs prune"), or raise the limit with "docker ipfs node start --storage-max SIZE".',
    isFull: share >= 1,
  }
}

/**
 * What to tell before more is stored; undefined when there is room.
 * @throws NODE_FAILED when the limit is reached: Kubo itself keeps taking blocks
 */
export function storageWarning(storage: Storage): string | undefined {
  const fullness = fullnessOf(storage)
  if (fullness === undefined) return undefined
  const { text, hint, isFull } = fullness
  if (isFull) throw new DockerIpfsError('NODE_FAILED', text, { hint })
  return `${text}. ${hint}`
}
