/** What a copy of an image can be kept at: another node, an IPFS Cluster (its REST API), or a service (Pinning Service API). */
export const PLACE_KINDS = ['kubo', 'cluster', 'service'] as const
export type PlaceKind = (typeof PLACE_KINDS)[number]

/** Somewhere else where images are kept. Errors of one that does not answer are PLACE_UNREACHABLE, else PLACE_FAILED; of a node its own. */
export interface Place {
  /** What the user calls it. */
  readonly name: string
  readonly kind: PlaceKind
  /** The address for messages, without secrets. */
  readonly address: string
  /** Whether it answers, and lets us in; says what it is, e.g. "Kubo 0.43.0". */
  check(signal: AbortSignal): Promise<string>
}
