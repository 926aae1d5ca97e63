import type { CID } from '../dag/cid.ts'

/** A key of the node, which can sign what is published under the name that is made from it. */
export interface Key {
  /** As the node's user calls it. */
  readonly name: string
  /** `k51…` */
  readonly id: string
}

/** IPNS and DNSLink, through the node: it holds the keys, and checks the signatures of what others signed. */
export interface Naming {
  /**
   * The path that a key (`k51…`) or a domain stands for now, `/ipfs/<cid>[/…]`. No cached answer.
   * @throws CONTENT_NOT_FOUND, NODE_UNREACHABLE
   */
  resolve(name: string, signal: AbortSignal): Promise<string>
  /**
   * Signs that the name of a key stands for a root from now on, and tells the network, if there is any. The node repeats that
   * while it runs.
   */
  publish(root: CID, key: Key, signal: AbortSignal): Promise<void>
  keys(signal: AbortSignal): Promise<Key[]>
  makeKey(name: string, signal: AbortSignal): Promise<Key>
  /** For good: nothing can be published under its name any more. Gives the key that was there. */
  removeKey(name: string, signal: AbortSignal): Promise<Key>
  /** Its IPNS name stays. A key that has the new name already is not replaced. */
  renameKey(name: string, to: string, signal: AbortSignal): Promise<Key>
}
