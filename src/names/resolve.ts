import { type CID, parseCid } from '../dag/cid.ts'
import { fullName } from '../docker/reference.ts'
import { DockerIpfsError } from '../errors.ts'
import type { Node } from '../kubo/node.ts'

/** What a reference stands for. */
export interface Resolved {
  readonly root: CID
  /** The full name that it was found under (`docker.io/library/app:1`); undefined for a CID. */
  readonly name?: string
}

/** How CIDs look. Names of images could look so too; what does is taken for a CID, or for one with a mistake in it. */
const CID_LIKE = /^(?:Qm[1-9A-HJ-NP-Za-km-z]{44}|b[a-z2-7]{50,}|[zf][0-9A-Za-z]{50,})$/

/**
 * Takes CID, ipfs://CID and /ipfs/CID.
 * @throws REFERENCE_INVALID
 */
export function parseRoot(text: string): CID {
  const cid = /^(?:ipfs:\/\/|\/ipfs\/)?([^/]+)\/?$/.exec(text.trim())?.[1]
  return parseCid(cid ?? text)
}

/**
 * Finds the root that a reference stands for: a CID, ipfs://CID, /ipfs/CID, or a name in the node's catalogue.
 * @throws REFERENCE_INVALID, IMAGE_NOT_FOUND when the catalogue has no such name, NODE_*
 */
export async function resolve(
  reference: string,
  { node, signal }: { readonly node: Pick<Node, 'catalogue' | 'address'>; readonly signal: AbortSignal },
): Promise<Resolved> {
  const text = reference.trim()
  if (/^(?:ipfs:\/\/|\/)/.test(text) || CID_LIKE.test(text.split('/', 1)[0] ?? '')) return { root: parseRoot(text) }
  const name = fullName(text)
  // In its words: what is neither is most likely a CID with a letter missing.
  if (name === undefined) return { root: parseRoot(text) }
  const root = await node.catalogue.findName(name, signal)
  if (root !== undefined) return { root, name }
  throw new DockerIpfsError('IMAGE_NOT_FOUND', `no image of the name "${text}" on the node at ${node.address}`, {
    hint: 'Give a CID, or a name that was saved to this node.',
  })
}
