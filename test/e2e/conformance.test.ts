import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Block } from '../../src/dag/blocks.ts'
import { type CID, hashText } from '../../src/dag/cid.ts'
import type { Blocks } from '../../src/store/blocks.ts'
import { createGateways } from '../../src/store/gateway/gateways.ts'
import { parseApi } from '../../src/store/kubo/endpoint.ts'
import { createNode } from '../../src/store/kubo/node.ts'
import { conformsAsBlocks, type HeldBlocks } from '../support/conformance/blocks.ts'
import { conformsAsFolder } from '../support/conformance/folder.ts'
import { conformsAsPins } from '../support/conformance/pins.ts'
import { useReal } from '../support/real.ts'

/** What the ports promise, of a real Kubo; test/unit/store holds the other implementations against it. */
const real = useReal({ nodes: ['conformance', 'conformance-blake3', 'conformance-sharded'] })
const kubo = () => createNode(parseApi(real.node('conformance').api, '--api'))

/** Blocks that the node has, read in one way or another. */
function read(by: () => Blocks) {
  return async (blocks: readonly Block[], root: CID): Promise<HeldBlocks> => {
    const session = kubo().blocks.openImport(new AbortController().signal)
    for (const block of blocks) await session.put(block)
    await session.finish(root)
    return {
      blocks: by(),
      async spoil(cid, bytes) {
        const key = hashText(cid)
        writeFileSync(join(real.node('conformance').repo, 'blocks', key.slice(-3, -1), `${key}.data`), bytes)
      },
      close: async () => undefined,
    }
  }
}

const gateway = () =>
  createGateways({ urls: [real.node('conformance').gateway], timeoutMs: 3000, warn: () => undefined })

conformsAsBlocks("Kubo's RPC API", { open: read(() => kubo().blocks), believesLeaves: true })
conformsAsBlocks("Kubo's gateway", { open: read(gateway), ownsNothing: true })

conformsAsPins('Kubo', kubo)

/** Kubo's own folders have any hash and shape that its config says. */
const SETTINGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  conformance: {},
  'conformance-blake3': { HashFunction: 'blake3', CidVersion: 1, UnixFSRawLeaves: false },
  'conformance-sharded': {
    HashFunction: 'sha2-512',
    UnixFSHAMTDirectorySizeThreshold: '1B',
    UnixFSChunker: 'size-1024',
  },
}

for (const [name, settings] of Object.entries(SETTINGS)) {
  conformsAsFolder(`Kubo's MFS with ${JSON.stringify(settings)}`, async () => {
    const node = real.node(name)
    await node.stop()
    await node.configure((config) => {
      config['Import'] = { ...config['Import'], ...settings }
    })
    await node.restart()
    const start = () => createNode(parseApi(node.api, '--api'))
    const { folder, blocks } = start()
    return {
      folder,
      other: () => start().folder,
      blocks,
      lose: async (cid) => void (await node.rpc(`block/rm?arg=${cid}`)),
      close: async () => undefined,
    }
  })
}
