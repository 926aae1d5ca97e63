// A Kubo node by its RPC API. Where it is, and how to get in, is an `Endpoint` (endpoint.ts, access.ts). Calls that move many bytes
// are plain HTTP (rpc.ts): import.ts sends blocks and pins their root in one request, blocks.ts reads, pins.ts follows a pin. The rest
// goes through kubo-rpc-client, behind connection.ts. Files that the node has all of are read from its repository, or its gateway,
// where these are on this machine and proved to be its own (own-files/). An IPFS Cluster's proxy is a node too (cluster.ts). mfs.ts is our folder, which the catalogue stands in.
// Kubo says in words what went wrong: rpc.ts alone reads them.

import type { Node } from '../node.ts'
import { KuboBlocks } from './blocks.ts'
import { createClient } from './client.ts'
import { clusterAt } from './cluster.ts'
import { shown } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import { Mfs } from './mfs/mfs.ts'
import { KuboNaming } from './naming.ts'
import { KuboPins } from './pins.ts'
import { createRouting } from './routing.ts'
import { askWithin } from './rpc.ts'
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
  const isCluster = clusterAt(endpoint)
  return {
    address: shown(endpoint),
    blocks: new KuboBlocks(endpoint, folder, isCluster),
    pins: new KuboPins(client, endpoint, isCluster),
    traffic: new KuboTraffic(client, endpoint, isCluster),
    routing: createRouting(client, endpoint),
    naming: new KuboNaming(endpoint),
    folder,
    version: (signal) => askWithin(endpoint, signal, (limited) => askVersion(endpoint, limited)),
  }
}
