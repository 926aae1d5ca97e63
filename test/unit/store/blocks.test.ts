import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Block } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { CarBlocks } from '../../../src/store/car/car-blocks.ts'
import { openCar } from '../../../src/store/car/car-reader.ts'
import { createCar } from '../../../src/store/car/car-writer.ts'
import { createGateways } from '../../../src/store/gateway/gateways.ts'
import { conformsAsBlocks, type HeldBlocks } from '../../support/conformance/blocks.ts'
import { honest, type Manner, startGateway } from '../../support/gateway.ts'
import type { MemoryBlocks } from '../../support/memory/blocks.ts'
import { MemoryGateways } from '../../support/memory/gateways.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { trustless } from '../../support/trustless.ts'

async function inMemory(blocks: readonly Block[]): Promise<HeldBlocks & { readonly blocks: MemoryBlocks }> {
  const node = new MemoryNode()
  for (const block of blocks) await node.blocks.put(block)
  return {
    blocks: node.blocks,
    spoil: async (cid, bytes) => void node.blocks.blocks.set(cid.toString(), bytes),
    close: async () => undefined,
  }
}

/** Every other block in one of two files. */
async function inCars(blocks: readonly Block[], root: CID): Promise<HeldBlocks> {
  const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-cars-'))
  const paths = ['a.car', 'b.car'].map((name) => join(folder, name))
  for (const [at, path] of paths.entries()) {
    const car = await createCar({ path })
    for (const block of blocks.filter((_, each) => each % 2 === at)) await car.put(block)
    await car.finish(root)
    await car.close()
  }
  const cars = await Promise.all(paths.map((path) => openCar(path, new AbortController().signal)))
  return {
    blocks: new CarBlocks(cars),
    async spoil(cid, bytes) {
      for (const path of paths) {
        const file = readFileSync(path)
        const at = file.indexOf(cid.bytes)
        if (at >= 0) file.set(bytes, at + cid.bytes.length)
        writeFileSync(path, file)
      }
    },
    async close() {
      await Promise.all(cars.map((car) => car.close()))
      rmSync(folder, { recursive: true })
    },
  }
}

async function atGatewayInMemory(blocks: readonly Block[]): Promise<HeldBlocks> {
  const { blocks: behind, ...held } = await inMemory(blocks)
  return { ...held, blocks: new MemoryGateways(behind) }
}

function atGateway(manner: Manner) {
  return async (blocks: readonly Block[]): Promise<HeldBlocks> => {
    const all = new Map(blocks.map(({ cid, bytes }) => [cid.toString(), bytes]))
    const server = await startGateway(trustless(all), manner)
    return {
      blocks: createGateways({ urls: [server.url], timeoutMs: 2000, warn: () => undefined }),
      spoil: async (cid, bytes) => void all.set(cid.toString(), bytes),
      close: async () => server.close(),
    }
  }
}

const noCars: Manner = (right, { isCar }) =>
  isCar ? { status: 400, type: 'text/plain', body: Buffer.from('no CARs here') } : right

conformsAsBlocks('a node in memory', { open: inMemory })
conformsAsBlocks('a gateway in memory', { open: atGatewayInMemory, ownsNothing: true })
conformsAsBlocks('CAR files', { open: inCars })
conformsAsBlocks('a gateway', { open: atGateway(honest), ownsNothing: true })
conformsAsBlocks('a gateway that gives single blocks alone', { open: atGateway(noCars), ownsNothing: true })
