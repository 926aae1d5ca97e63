import { DockerIpfsError } from '../../errors.ts'
import type { Place } from '../places.ts'
import { ask, notYet, oneLine, type PinningAccess, refused } from './request.ts'

/** An IPFS Cluster, by its REST API. Source: https://ipfscluster.io/documentation/reference/api/ */
export function createClusterPlace(access: PinningAccess): Place {
  return {
    name: access.name,
    kind: 'cluster',
    address: access.url,
    send: async () => notYet(access),
    look: async () => notYet(access),
    async check(signal) {
      const answer = await ask(access, { method: 'GET', path: '/id' }, signal)
      if (answer.status !== 200) throw refused(access, answer, wordsOf(answer.value))
      const { version, ipfs } = answer.value ?? {}
      if (typeof version === 'string' && typeof ipfs === 'object') return `IPFS Cluster ${oneLine(version)}`
      throw new DockerIpfsError('PLACE_FAILED', `what is at ${access.url} is no REST API of an IPFS Cluster`, {
        hint: "Give the address of the cluster's REST API, mostly port 9094; its proxy (9095) is a node to --api.",
      })
    },
  }
}

/** The cluster's words for an error: `{"code":401,"message":"unauthorized: no auth provided"}`. */
function wordsOf(value: Record<string, unknown> | undefined): string | undefined {
  return typeof value?.['message'] === 'string' ? value['message'] : undefined
}
