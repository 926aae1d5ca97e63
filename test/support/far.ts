import type { KuboNode } from './kubo-node.ts'
import type { Way } from './toxiproxy.ts'

/** A port where nobody listens. */
const NOBODY = 9

/**
 * Starts two nodes anew that find each other over the way before the far one only: either would find the short way else, the far one
 * when it has still blocks to send.
 */
export async function keepApart(near: KuboNode, far: KuboNode, way: Way): Promise<void> {
  await announces(far, way.port)
  await announces(near, NOBODY)
}

/** Joins a node to the far one, over the way before that. */
export async function join(near: KuboNode, far: KuboNode, way: Way): Promise<void> {
  const id = far.swarm.split('/').at(-1)
  await near.rpc(`swarm/connect?arg=/ip4/127.0.0.1/tcp/${way.port}/p2p/${id}`)
}

async function announces(node: KuboNode, port: number): Promise<void> {
  await node.stop()
  await node.configure((config) => {
    Object.assign(config['Addresses'] ?? {}, { Announce: [`/ip4/127.0.0.1/tcp/${port}`] })
  })
  await node.restart()
}
