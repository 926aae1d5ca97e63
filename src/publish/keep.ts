import type { PublicationEntry } from '../catalogue/publications.ts'
import type { Block, BlockSink } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { dagSizeOf } from '../dag/sizes.ts'
import { DockerIpfsError, hasCode } from '../errors.ts'
import type { DagNode } from '../format/files.ts'
import { nameOf, type PublishedCatalogue, type PublishedImage } from '../publication/document.ts'
import { rootOf } from '../publication/read.ts'
import { writePublication } from '../publication/write.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { Key } from '../store/naming.ts'
import { mapInOrder } from '../streams.ts'
import type { PublishOptions } from './options.ts'

/** Questions to the node at a time. */
const AT_ONCE = 16
/** Times that GC may come between. */
const MAX_ROUNDS = 20

/**
 * Writes a publication and keeps it from GC under its number. Undefined when another one has that.
 * @throws NODE_*, also where the node has lost one of the images
 */
export async function keepPublication(
  key: Key,
  catalogue: PublishedCatalogue,
  options: PublishOptions,
): Promise<CID | undefined> {
  const { blocks, signal } = options
  const written: Block[] = []
  const sink: BlockSink = { put: async (block) => void written.push(block) }
  const { cid: root } = await writePublication(catalogue, await nodesOf(catalogue.images, options), sink)
  if (!(await add(written, key, { root, sequence: catalogue.sequence }, options))) return undefined
  // GC may have run between: from now on it takes nothing of this.
  const needed = [...written.map(({ cid }) => cid), ...catalogue.images.map(rootOf)]
  for (let round = 1; !(await hasAll(needed, blocks, signal)); round += 1) {
    if (round === MAX_ROUNDS)
      throw new DockerIpfsError('NODE_FAILED', 'what is sent to the IPFS node does not stay there')
    await send(written, blocks, signal)
  }
  return root
}

/** Sends the blocks and links their root. Nothing keeps them before: GC may take them in between. */
async function add(
  written: readonly Block[],
  key: Key,
  entry: PublicationEntry,
  { blocks, publications, signal }: PublishOptions,
): Promise<boolean> {
  for (let round = 1; ; round += 1) {
    await send(written, blocks, signal)
    try {
      return await publications.add(key.id, entry, signal)
    } catch (error) {
      const isLost = hasCode(error, 'NODE_FAILED') && !(await blocks.hasBlock(entry.root, signal))
      if (!isLost || round === MAX_ROUNDS) throw error
    }
  }
}

/** What links to the images must say. */
async function nodesOf(
  images: readonly PublishedImage[],
  { blocks, signal }: PublishOptions,
): Promise<Map<string, DagNode>> {
  const nodes = new Map<string, DagNode>()
  const sized = mapInOrder(images, AT_ONCE, async (image) => {
    const cid = rootOf(image)
    return { image, cid, dagSize: await dagSizeOf(cid, { blocks, signal }) }
  })
  for await (const { image, cid, dagSize } of sized) {
    if (dagSize === undefined) {
      throw new DockerIpfsError('NODE_FAILED', `the node has lost ${cid}, which is ${nameOf(image)}`, {
        hint: 'Save it again, or remove the name.',
      })
    }
    nodes.set(nameOf(image), { cid, fileSize: 0, dagSize })
  }
  return nodes
}

async function send(written: readonly Block[], blocks: BlockStore, signal: AbortSignal): Promise<void> {
  const session = blocks.openImport(signal)
  try {
    for (const block of written) await session.put(block)
    await session.finish()
  } catch (error) {
    await session.abort(error)
    throw error
  }
}

async function hasAll(cids: readonly CID[], blocks: BlockStore, signal: AbortSignal): Promise<boolean> {
  for await (const has of mapInOrder(cids, AT_ONCE, (cid) => blocks.hasBlock(cid, signal))) if (!has) return false
  return true
}
