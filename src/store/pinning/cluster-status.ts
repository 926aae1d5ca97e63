import { isObject } from '../../json.ts'
import type { Copy } from '../places.ts'
import { oneLine } from './request.ts'

/** What one peer of a cluster says of a pin. */
interface PeerStatus {
  readonly id: string
  readonly peer: string
  readonly status: string
  readonly error: string
  /** ID of the node beside it. */
  readonly node: string
}

export interface ClusterStatus {
  /** IDs of the peers that are to have it; none where all are. */
  readonly allocations: readonly string[]
  readonly peers: readonly PeerStatus[]
}

const WORKING = ['pinning', 'pin_queued']
const IDLE = ['remote', 'unpinned']

/** Reads the answer of `GET /pins/CID`; undefined for anything else. */
export function readClusterStatus(value: Record<string, unknown> | undefined): ClusterStatus | undefined {
  const { peer_map: map, allocations } = value ?? {}
  if (!isObject(map)) return undefined
  const peers = Object.entries(map).map(([id, one]) => {
    const text = (key: string) => {
      const found = isObject(one) ? one[key] : undefined
      return typeof found === 'string' ? oneLine(found) : ''
    }
    return {
      id,
      peer: text('peername') || oneLine(id),
      status: text('status'),
      error: text('error'),
      node: text('ipfs_peer_id'),
    }
  })
  const all = Array.isArray(allocations) ? allocations.filter((one) => typeof one === 'string') : []
  return { allocations: all, peers }
}

/**
 * What a cluster says, in our words. That a peer says pinned is a claim: it does not see a block that is lost. Where all are to have it, a peer
 * that died is not in the answer any more, so that the number of peers is told.
 */
export function copyOf({ allocations, peers }: ClusterStatus): Copy {
  const busy = peers.filter(({ status }) => !IDLE.includes(status))
  const wanted = Math.max(allocations.length, allocations.length === 0 ? busy.length : 0)
  if (wanted === 0) return { state: 'absent', how: 'asked' }
  const pinned = busy.filter(({ status }) => status === 'pinned').length
  const how = `it says pinned on ${pinned} of ${wanted}`
  if (pinned >= wanted) return { state: 'claimed', how }
  const faults = busy.filter(({ status }) => status !== 'pinned' && !WORKING.includes(status))
  const reason = faults.map(({ peer, status, error }) => `${peer}: ${error || status}`).join('; ')
  if (busy.some(({ status }) => WORKING.includes(status)) || faults.length === 0) {
    return { state: 'pinning', how, ...(reason === '' ? {} : { reason }) }
  }
  return { state: pinned === 0 ? 'failed' : 'partial', how, reason }
}
