import { Catalogue } from '../../src/catalogue/catalogue.ts'
import { Publications } from '../../src/catalogue/publications.ts'
import type { RequestEntry } from '../../src/distribution/options.ts'
import { serve } from '../../src/distribution/server.ts'
import { createNodeRegistry, type NodeRegistryOptions } from '../../src/registry/node-registry.ts'
import { findNode } from '../../src/store/kubo/endpoint.ts'
import { createNode } from '../../src/store/kubo/node.ts'
import type { Api } from './kubo-node.ts'

/** The registry of a real node, on a port of its own in this process: no command may block it. */
export interface Door {
  /** `127.0.0.1:<port>` */
  readonly host: string
  readonly requests: RequestEntry[]
  /** How often something was asked for, by method and the end of the path. */
  count(method: string, end: string): number
  close(): Promise<void>
}

export async function openDoor({ api }: Api, more: Partial<NodeRegistryOptions> = {}): Promise<Door> {
  const node = createNode(await findNode({ api: { text: api, source: 'the test' }, env: {} }))
  const { blocks, pins, traffic, routing, naming, folder } = node
  const stop = new AbortController()
  const requests: RequestEntry[] = []
  const registry = createNodeRegistry({
    ...{ node, blocks, pins, traffic, routing, naming },
    catalogue: new Catalogue(folder),
    publications: new Publications(folder),
    report: () => undefined,
    signal: stop.signal,
    timeoutMs: 15_000,
    ...more,
  })
  const server = await serve(registry, { signal: stop.signal, onRequest: (entry) => requests.push(entry) })
  return {
    host: `127.0.0.1:${server.port}`,
    requests,
    count: (method, end) => requests.filter((entry) => entry.method === method && entry.path.endsWith(end)).length,
    async close() {
      stop.abort(new Error('the door is closed'))
      await server.close()
    },
  }
}
