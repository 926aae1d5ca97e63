import { endpointOf, peerIdOf } from '../../src/managed/ready.ts'

/** The ID that a node answers where its API is said to be; undefined where nobody answers. */
export function peerAt({ api }: { readonly api: string }): Promise<string | undefined> {
  return peerIdOf(endpointOf(api), new AbortController().signal)
}
