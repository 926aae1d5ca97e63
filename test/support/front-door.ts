import { Catalogue } from '../../src/catalogue/catalogue.ts'
import { Originals } from '../../src/catalogue/originals.ts'
import { Publications } from '../../src/catalogue/publications.ts'
import type { RequestEntry } from '../../src/distribution/options.ts'
import { serve } from '../../src/distribution/server.ts'
import { createFrontDoor } from '../../src/registry/front-door.ts'
import { findNode } from '../../src/store/kubo/endpoint.ts'
import { createNode } from '../../src/store/kubo/node.ts'
import type { Api } from './kubo-node.ts'

/** The front door of a real node, on a port of its own, in this process. */
export interface FrontDoor {
  /** `127.0.0.1:<port>` */
  readonly host: string
  readonly requests: RequestEntry[]
  /** Bytes of request bodies that were read since the last time. */
  received(): number
  close(): Promise<void>
}

export async function openFrontDoor({ api }: Api, port = 0): Promise<FrontDoor> {
  const node = createNode(await findNode({ api: { text: api, source: 'the test' }, env: {} }))
  const { blocks, pins, traffic, routing, naming, folder } = node
  const stop = new AbortController()
  const requests: RequestEntry[] = []
  const registry = createFrontDoor({
    ...{ node, blocks, pins, traffic, routing, naming },
    catalogue: new Catalogue(folder),
    originals: new Originals(folder),
    publications: new Publications(folder),
    report: () => undefined,
    signal: stop.signal,
    timeoutMs: 15_000,
  })
  const server = await serve(registry, { port, signal: stop.signal, onRequest: (entry) => requests.push(entry) })
  let told = 0
  return {
    host: `127.0.0.1:${server.port}`,
    requests,
    received() {
      const all = requests.reduce((sum, { received }) => sum + received, 0)
      const since = all - told
      told = all
      return since
    },
    async close() {
      stop.abort(new Error('the door is closed'))
      await server.close()
    },
  }
}
