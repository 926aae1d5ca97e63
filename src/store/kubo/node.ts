import type { Node } from '../node.ts'
import { KuboBlocks } from './blocks.ts'
import { createClient } from './client.ts'
import type { Endpoint } from './endpoint.ts'
import { Mfs } from './mfs.ts'
import { KuboNaming } from './naming.ts'
import { KuboPins } from './pins.ts'
import { createRouting } from './routing.ts'
import { askWithin, shown } from './rpc.ts'
import { KuboTraffic } from './traffic.ts'
import { askVersion } from './version.ts'

/** A Kubo node, and the folder in its MFS where our catalogue stands. */
export interface KuboNode extends Node {
  readonly folder: Mfs
}

/** The node behind an address. Opens no connection yet. */
export function createNode(endpoint: Endpoint): KuboNode {
  const client = createClient(endpoint)
  const folder = new Mfs(client, endpoint)
  return {
    address: shown(endpoint),
    blocks: new KuboBlocks(endpoint, folder),
    pins: new KuboPins(client, endpoint),
    traffic: new KuboTraffic(client, endpoint),
    routing: createRouting(client, endpoint),
    naming: new KuboNaming(endpoint),
    folder,
    version: (signal) => askWithin(endpoint, signal, (limited) => askVersion(endpoint, limited)),
  }
}
