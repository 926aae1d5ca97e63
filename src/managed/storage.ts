import { DockerIpfsError } from '../errors.ts'
import type { Endpoint } from '../store/kubo/endpoint.ts'
import { askObject } from '../store/kubo/rpc.ts'

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

/**
 * What to tell before more is stored; undefined when there is room.
 * @throws NODE_FAILED when the limit is reached: Kubo itself keeps taking blocks
 */
export function storageWarning({ used, limit }: Storage): string | undefined {
  const share = used / limit
  if (share < WARN_FROM) return undefined
  const text = `the storage of docker-ipfs' node is ${Math.floor(share * 100)} % full (${inGB(used)} of ${inGB(limit)})`
  const hint =
    'Remove images with "docker ipfs rm", or raise the limit with "docker ipfs node start --storage-max SIZE".'
  if (share >= 1) throw new DockerIpfsError('NODE_FAILED', text, { hint })
  return `${text}. ${hint}`
}

function inGB(bytes: number): string {
  return `${Number((bytes / 1e9).toPrecision(3))}GB`
}
