import type { Block, BlockSink } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { type Layer, writeLayer } from '../dag/layer.ts'
import { DockerIpfsError } from '../errors.ts'
import { unpack } from '../image/decompress.ts'
import { parsePlatform } from '../image/platform.ts'
import type { Node } from '../kubo/node.ts'
import { resolve } from '../names/resolve.ts'
import type { Report } from '../transfer/events.ts'
import { writeImageDag } from '../transfer/image-dag.ts'
import { type ImageSource, openImage, type Reading } from '../transfer/image-source.ts'
import { readInOrder } from '../transfer/read-ahead.ts'

export interface VerifyParts extends Reading {
  readonly node: Node
  readonly report: Report
  /** Of an image with several platforms, the one that is looked at. */
  readonly platform?: string | undefined
}

export interface Verdict {
  readonly root: CID
  readonly layers: number
  /** Bytes of the layer tars. */
  readonly bytes: number
  /** One line for each, with the layer; empty for an image that is right. */
  readonly faults: readonly string[]
}

/** Keeps nothing: only what comes out of the work counts. */
const NOWHERE: BlockSink = { put: async () => undefined }

/** Codes of what is wrong with a layer. Of a blob that its directory lacks the node says so: NODE_FAILED. */
const FAULTS = new Set(['INTEGRITY', 'CONTENT_NOT_FOUND', 'NODE_FAILED'])

/**
 * Reads all of an image and makes it once more: each layer must have its digest, its diffID and its size, and cut and packed anew
 * it must give the same blob; documents, directories and image.tar made from them must give the same root CID, and the
 * node must have their blocks. Goes on after a fault. What the node lacks it looks for in the network.
 * @throws REFERENCE_INVALID, IMAGE_NOT_FOUND, BAD_FLAG, NODE_*; and of the documents, without which there is nothing to go through,
 *   PLATFORM_NOT_FOUND, CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY
 */
export async function verify(reference: string, parts: VerifyParts): Promise<Verdict> {
  const asked = parts.platform === undefined ? undefined : parsePlatform(parts.platform)
  const { root } = await resolve(reference, parts)
  const image = await openImage(root, parts, { asked })
  const layers: Layer[] = []
  const faults: string[] = []
  for (const [at, wanted] of image.layers.entries()) {
    const name = `layer ${at + 1} of ${image.layers.length} (${wanted.diffId})`
    parts.report({ type: 'layer-start', layer: wanted.diffId, bytesTotal: wanted.tarSize })
    try {
      const layer = await makeAgain(image, wanted, name, parts)
      faults.push(...differences(layer, wanted).map((text) => `${name}: ${text}`))
      layers.push(layer)
      parts.report({ type: 'layer-done', layer: wanted.diffId, status: 'Read', bytesDone: layer.tarSize })
    } catch (error) {
      if (!(error instanceof DockerIpfsError && FAULTS.has(error.code))) throw error
      faults.push(error.message.startsWith(name) ? error.message : `${name}: ${error.message}`)
    }
  }
  // The root of several platforms would need all of them.
  if (faults.length === 0 && image.isWhole) faults.push(...(await restOf(image, layers, parts)))
  const bytes = image.layers.reduce((sum, { tarSize }) => sum + tarSize, 0)
  return { root, layers: image.layers.length, bytes, faults }
}

type Wanted = ImageSource['layers'][number]

async function makeAgain(image: ImageSource, wanted: Wanted, name: string, parts: VerifyParts): Promise<Layer> {
  const reader = readInOrder(image, parts)
  try {
    return await writeLayer(unpack(reader.blob(wanted), 'zstd', { what: name, code: 'INTEGRITY' }), NOWHERE)
  } finally {
    reader.close()
  }
}

function differences(layer: Layer, wanted: Wanted): string[] {
  const rows = [
    ['diffID', layer.diffId, wanted.diffId],
    ['size of the tar', layer.tarSize, wanted.tarSize],
    ['digest of the blob, cut and packed anew,', layer.blobDigest, wanted.digest],
  ] as const
  return rows.flatMap(([what, is, should]) => (is === should ? [] : [`the ${what} is ${is}, but should be ${should}`]))
}

/** Documents, directories and image.tar: their blocks, which must be there, and the root that they give. */
async function restOf(image: ImageSource, layers: readonly Layer[], { node, signal }: VerifyParts): Promise<string[]> {
  const missing: CID[] = []
  const sink: BlockSink = {
    async put({ cid }: Block) {
      if (!(await node.hasBlock(cid, signal))) missing.push(cid)
    },
  }
  const { root } = await writeImageDag(image.configBytes, layers, sink)
  if (!root.cid.equals(image.root)) {
    return [`documents, directories or image.tar are not those of its layers: these give ${root.cid}`]
  }
  return missing.map((cid) => `the node lacks the block ${cid} of documents, directories or image.tar`)
}
