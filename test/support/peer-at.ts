import { endpointOf, identityOf } from '../../src/managed/ready.ts'
import type { Access } from '../../src/store/kubo/access.ts'

/** The ID that a node answers where its API is said to be; undefined where nobody answers, or does not let us in. */
export async function peerAt({ api }: { readonly api: string }, access: Access = {}): Promise<string | undefined> {
  const identity = await identityOf(endpointOf(api, access), new AbortController().signal)
  return identity === 'refused' ? undefined : identity?.peerId
}
