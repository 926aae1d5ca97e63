import type { CID } from '../../dag/cid.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import type { Endpoint } from './endpoint.ts'
import { answerOf, askObject, messageIn, send } from './rpc.ts'

/** Whether an IPFS Cluster's proxy is at the node's address. It is asked once; an error is no answer. */
export type IsCluster = (signal: AbortSignal) => Promise<boolean>

export function clusterAt(endpoint: Endpoint): IsCluster {
  let known: Promise<boolean> | undefined
  return (signal) => {
    const asked = known ?? askCluster(endpoint, signal)
    known = asked
    asked.catch(() => {
      known = undefined
    })
    return asked
  }
}

/**
 * Such a proxy hands most calls on to one Kubo, and answers those about pins and the repository for all nodes of the cluster. It says so in a
 * header of these answers, which another proxy in front of it may have taken away; its words for what is not pinned are its own, too.
 * @throws NODE_UNREACHABLE; the signal's reason
 */
export async function askCluster(endpoint: Endpoint, signal: AbortSignal): Promise<boolean> {
  const response = await send(endpoint, { path: `pin/ls?arg=${NOTHING}&type=recursive`, signal })
  const text = await answerOf(response, endpoint, signal)
  return /^ipfs-cluster\//.test(response.headers.get('server') ?? '') || messageIn(text).startsWith('Error: path ')
}

/** An empty block that stands in its own CID: nobody pins it. */
const NOTHING = 'bafkqaaa'

/**
 * Lets a cluster pin a root. It only takes note of that: its nodes then pin by themselves.
 * @throws NODE_FAILED, NODE_UNREACHABLE
 */
export async function pinInCluster(root: CID, name: string, endpoint: Endpoint, signal: AbortSignal): Promise<void> {
  const path = `pin/add?arg=${root.toString()}&name=${encodeURIComponent(name)}`
  const answer = await askObject(endpoint, path, signal).catch((cause: unknown) => {
    throw hasCode(cause, 'NODE_FAILED') ? notPinned(cause.message, cause) : cause
  })
  const pins = answer?.['Pins']
  if (!Array.isArray(pins) || !pins.includes(root.toString())) throw notPinned('it does not confirm the pin', answer)
}

function notPinned(why: string, cause: unknown): DockerIpfsError {
  return new DockerIpfsError('NODE_FAILED', `the IPFS Cluster does not pin the image: ${why}`, {
    cause,
    hint: 'Look at its peers ("ipfs-cluster-ctl peers ls") and into their logs, then run the command again.',
  })
}
