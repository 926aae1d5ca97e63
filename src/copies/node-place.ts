import type { Node } from '../store/node.ts'
import type { Place } from '../store/places.ts'

/** Another node as a place for copies. */
export function createNodePlace(name: string, node: Node): Place {
  return {
    name,
    kind: 'kubo',
    address: node.address,
    check: async (signal) => `Kubo ${await node.version(signal)}`,
  }
}
