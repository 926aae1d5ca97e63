import { randomUUID } from 'node:crypto'
import { type Block, blockKey, isLeaf, linksOf } from '../../dag/blocks.ts'
import { carHeader, carSection } from '../../dag/car.ts'
import type { CID } from '../../dag/cid.ts'
import { AT_ONCE } from '../../dag/walk.ts'
import { type Bytes, mapInOrder } from '../../streams.ts'

type ReadBlock = (cid: CID) => Promise<Uint8Array>

/** An image as one file of a form, a CAR: nothing of it is kept. `moved` is told the bytes that went out. */
export function carBody(root: CID, block: ReadBlock, moved: (bytes: number) => void) {
  const boundary = `docker-ipfs-${randomUUID()}`
  const iterator = formOf(root, block, boundary)[Symbol.asyncIterator]()
  let sent = 0
  const bytes = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next()
        if (done) return controller.close()
        sent += value.length
        moved(sent)
        controller.enqueue(value)
      },
      async cancel() {
        await iterator.return?.(undefined)
      },
    },
    { highWaterMark: 0 },
  )
  return { type: `multipart/form-data; boundary=${boundary}`, bytes }
}

async function* formOf(root: CID, block: ReadBlock, boundary: string): Bytes {
  const head =
    'Content-Disposition: form-data; name="file"; filename="image.car"\r\nContent-Type: application/vnd.ipld.car'
  yield Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`)
  yield carHeader([root])
  for await (const one of blocksOf(root, block, new Set())) yield Buffer.concat(carSection(one))
  yield Buffer.from(`\r\n--${boundary}--\r\n`)
}

/** All blocks, each once. */
async function* blocksOf(root: CID, read: ReadBlock, seen: Set<string>): AsyncGenerator<Block> {
  const isNew = (cid: CID) => !seen.has(blockKey(cid)) && seen.add(blockKey(cid)) !== undefined
  if (!isNew(root)) return
  const block = { cid: root, bytes: await read(root) }
  yield block
  const links = linksOf(block).map(({ cid }) => cid)
  const leaves = links.filter(isLeaf).filter(isNew)
  yield* mapInOrder(leaves, AT_ONCE, async (cid) => ({ cid, bytes: await read(cid) }))
  for (const node of links) if (!isLeaf(node)) yield* blocksOf(node, read, seen)
}
