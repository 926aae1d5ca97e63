import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { type BlockSink, rawBlock } from '../dag/blocks.ts'
import { type Bytes, digestOf, lean, mapInOrder } from '../streams.ts'
import { Chunker } from './chunker.ts'
import { type DagNode, joinFile, leafNode } from './files.ts'
import { compressFrame } from './zstd.ts'

/*
 * A layer tar on its way into its blob. FROZEN (see numbers.ts) is what comes out; how many chunks are under way is not.
 */

/** A layer as it stands on IPFS. Digests are `sha256:<hex>`, sizes bytes. */
export interface Layer {
  /** Digest of the layer tar. */
  readonly diffId: string
  /** Size of the layer tar. */
  readonly tarSize: number
  /** Digest of the layer blob, the zstd frames one behind the other. */
  readonly blobDigest: string
  readonly blob: DagNode
}

/** Chunks that are being compressed or wait for their turn: enough for all cores, and no more, since each is up to 1 MiB. */
const WINDOW = 2 * availableParallelism() + 2

/** Cuts a layer tar, compresses its chunks on all cores and writes the blocks of its blob, in order. */
export async function writeLayer(tar: Bytes, sink: BlockSink): Promise<Layer> {
  const tarHash = createHash('sha256')
  const blobHash = createHash('sha256')
  const leaves: DagNode[] = []
  let tarSize = 0

  async function* chunks(): AsyncGenerator<Uint8Array> {
    const chunker = new Chunker()
    for await (const bytes of lean(tar)) {
      tarHash.update(bytes)
      tarSize += bytes.length
      yield* chunker.write(bytes)
    }
    yield* chunker.end()
  }

  for await (const frame of mapInOrder(chunks(), WINDOW, (chunk) => compressFrame(chunk))) {
    blobHash.update(frame)
    const leaf = rawBlock(frame)
    await sink.put(leaf)
    leaves.push(leafNode(leaf))
  }
  const blob = await joinFile(leaves, sink)
  return { diffId: digestOf(tarHash), tarSize, blobDigest: digestOf(blobHash), blob }
}
