/** What a node counts. */
export interface Traffic {
  /** Bytes of blocks that the node has got from the network since it was started. */
  bytesFetched(signal: AbortSignal): Promise<number>
  /** All bytes that other nodes sent about blocks, with those of a block under way; where the node does not count them, as above. */
  bytesReceived(signal: AbortSignal): Promise<number>
  /** Bytes of blocks that the node has given to others since it was started. */
  bytesSent(signal: AbortSignal): Promise<number>
  /** Bytes that the node's repository takes on its disk; undefined where that cannot be told. */
  repoSize(signal: AbortSignal): Promise<number | undefined>
}
