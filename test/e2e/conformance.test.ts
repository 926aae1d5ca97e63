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
const real = useReal({ nodes: ['conformance'] })
const kubo = () => createNode(parseApi(real.node().api, '--api'))

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
        writeFileSync(join(real.node().repo, 'blocks', key.slice(-3, -1), `${key}.data`), bytes)
      },
      close: async () => undefined,
    }
  }
}

const gateway = () => createGateways({ urls: [real.node().gateway], timeoutMs: 3000, warn: () => undefined })

conformsAsBlocks("Kubo's RPC API", { open: read(() => kubo().blocks), believesLeaves: true })
conformsAsBlocks("Kubo's gateway", { open: read(gateway), ownsNothing: true })

conformsAsPins('Kubo', kubo)

conformsAsFolder("Kubo's MFS", async () => {
  const { folder, blocks } = kubo()
  return {
    folder,
    other: () => kubo().folder,
    blocks,
    lose: async (cid) => void (await real.node().rpc(`block/rm?arg=${cid}`)),
    close: async () => undefined,
  }
})
