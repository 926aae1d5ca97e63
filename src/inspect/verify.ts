// The room of looking: verify, inspect (describe.ts), history, diff and du (usage.ts) read images where they are and change nothing.
// They use ports of the store, the catalogue's lists and src/read/. To add one: a use case that gives data, and a command that prints it.

import type { Block, BlockSink } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { hasCode } from '../errors.ts'
import type { Report } from '../events.ts'
import { writeImage } from '../format/image-dag.ts'
import { type Layer, writeLayer } from '../format/layer.ts'
import { blobPath } from '../image/canonical.ts'
import { unpack } from '../image/decompress.ts'
import { parsePlatform, platformName, platformOf } from '../image/platform.ts'
import { resolve } from '../names/resolve.ts'
import { readBlock } from '../read/document-reader.ts'
import type { ImageLayer } from '../read/layers.ts'
import { type ImageSource, openWhole, type WholeImage } from '../read/open-image.ts'
import { readInOrder } from '../read/read-ahead.ts'
import { seeking } from '../read/seek.ts'
import { findDamage } from './leaves.ts'
import type { InspectOptions } from './options.ts'
import { compareTrees, DirectorySink, readTree, type Tree } from './tree.ts'

export interface VerifyOptions extends InspectOptions {
  readonly report: Report
}

export interface Verdict {
  readonly root: CID
  readonly platforms: number
  /** Distinct ones. */
  readonly layers: number
  /** Bytes of the layer tars. */
  readonly bytes: number
  /** One line for each, with the layer; empty for an image that is right. */
  readonly faults: readonly string[]
}

/** Keeps nothing: only what comes out of the work counts. */
const NOWHERE: BlockSink = { put: async () => undefined }

/** Codes of what is wrong with a layer. */
const FAULTS = ['INTEGRITY', 'CONTENT_NOT_FOUND', 'NODE_FAILED'] as const

/**
 * Reads all of an image and makes it once more: each layer must have its digest, its diffID and its size, and cut and packed anew
 * it must give the same blob; documents, directories and image.tar made from them must give the same root CID, and the
 * node must have their blocks. Goes on after a fault. What the node lacks it looks for in the network.
 * @throws REFERENCE_INVALID, IMAGE_NOT_FOUND, BAD_FLAG, NODE_*; and of the documents, without which there is nothing to go through,
 *   PLATFORM_NOT_FOUND, CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY
 */
export async function verify(reference: string, given: VerifyOptions): Promise<Verdict> {
  const asked = given.platform === undefined ? undefined : parsePlatform(given.platform)
  const { root } = await resolve(reference, given)
  const options = seeking([root], given)
  const whole = await openWhole(root, options, asked)
  const { platforms } = whole
  const tree = await readTree(root, (cid) => readBlock(root, cid, options))
  const made = new Map<string, Layer>()
  const faults: string[] = []
  for (const image of platforms) faults.push(...(await layersOf(image, platforms.length > 1, tree, made, options)))
  const layers = new Map(platforms.flatMap((image) => image.layers.map((layer) => [layer.digest, layer] as const)))
  // The directory of several platforms would need all of them.
  const isWhole = asked === undefined || platforms.every((image) => image.isWhole)
  if (isWhole)
    faults.push(...(faults.length > 0 ? strayNames(whole, tree) : await restOf(platforms, tree, made, options)))
  const bytes = [...layers.values()].reduce((sum, { tarSize }) => sum + tarSize, 0)
  return { root, platforms: platforms.length, layers: layers.size, bytes, faults }
}

/** Makes the layers of one platform again, each once; what is wrong with them. */
async function layersOf(
  image: ImageSource,
  isOneOfSeveral: boolean,
  tree: Tree,
  made: Map<string, Layer>,
  options: VerifyOptions,
): Promise<string[]> {
  const { os, architecture, variant } = image.config
  const of = isOneOfSeveral ? `${platformName(platformOf(os, architecture, variant))}, ` : ''
  const faults: string[] = []
  for (const [at, wanted] of image.layers.entries()) {
    const name = `${of}layer ${at + 1} of ${image.layers.length} (${wanted.diffId})`
    const layer = made.get(wanted.digest) ?? (await makeOrTell(image, wanted, tree, options))
    if (Array.isArray(layer)) faults.push(...layer.map((text) => `${name}: ${text}`))
    else {
      made.set(wanted.digest, layer)
      faults.push(...differences(layer, wanted).map((text) => `${name}: ${text}`))
    }
  }
  return faults
}

/** The layer, or what is wrong with it. */
async function makeOrTell(
  image: ImageSource,
  wanted: ImageLayer,
  tree: Tree,
  options: VerifyOptions,
): Promise<Layer | string[]> {
  const blob = tree.get(blobPath(wanted.digest))
  if (blob === undefined) return [`its blob is missing: ${blobPath(wanted.digest)}`]
  options.report({ type: 'layer-start', layer: wanted.diffId, bytesTotal: wanted.tarSize })
  try {
    const layer = await makeAgain(image, wanted, options)
    options.report({ type: 'layer-done', layer: wanted.diffId, status: 'Read', bytesDone: layer.tarSize })
    return layer
  } catch (error) {
    if (!hasCode(error, ...FAULTS)) throw error
    const damage = await findDamage(blob, wanted.size, options)
    return damage.length > 0 ? damage : [error.message]
  }
}

async function makeAgain(image: ImageSource, wanted: ImageLayer, options: VerifyOptions): Promise<Layer> {
  const reader = readInOrder(image, options)
  try {
    return await writeLayer(unpack(reader.blob(wanted), 'zstd', { what: 'its blob', code: 'INTEGRITY' }), NOWHERE)
  } finally {
    reader.close()
  }
}

function differences(layer: Layer, wanted: ImageLayer): string[] {
  const rows = [
    ['diffID', layer.diffId, wanted.diffId],
    ['size of the tar', layer.tarSize, wanted.tarSize],
    ['digest of the blob, cut and packed anew,', layer.blobDigest, wanted.digest],
  ] as const
  return rows.flatMap(([what, is, should]) => (is === should ? [] : [`the ${what} is ${is}, but should be ${should}`]))
}

/**
 * Documents, directories and image.tar: what is missing, does not belong there, or is not what the layers give; and their blocks, which must
 * be on the node.
 */
async function restOf(
  platforms: readonly ImageSource[],
  tree: Tree,
  made: ReadonlyMap<string, Layer>,
  { blocks, signal }: VerifyOptions,
): Promise<string[]> {
  const missing: CID[] = []
  const directories = new DirectorySink()
  const sink: BlockSink = {
    async put(block: Block) {
      await directories.put(block)
      if (!(await blocks.hasBlock(block.cid, signal))) missing.push(block.cid)
    },
  }
  const anew = platforms.map(({ configBytes, layers }) => ({
    configBytes,
    layers: layers.flatMap(({ digest }) => made.get(digest) ?? []),
  }))
  const { root } = await writeImage(anew, sink)
  const faults = compareTrees(tree, await directories.tree(root.cid))
  if (faults.length > 0) return faults
  return missing.map((cid) => `the node lacks the block ${cid} of documents, directories or image.tar`)
}

/** Names alone, where a layer is wrong. Layers that are missing have been told. */
function strayNames({ digest, platforms }: WholeImage, tree: Tree): string[] {
  const documents = platforms.flatMap((image) => [image.manifestDigest, image.configDigest])
  const layers = platforms.flatMap((image) => image.layers.map((layer) => layer.digest))
  const needed = ['oci-layout', 'index.json', 'manifest.json', 'image.tar', ...[digest, ...documents].map(blobPath)]
  const known = new Set([...needed, ...layers.map(blobPath)])
  return [
    ...[...new Set(needed)].filter((path) => !tree.has(path)).map((path) => `${path} is missing`),
    ...[...tree.keys()].filter((path) => !known.has(path)).map((path) => `${path} does not belong to the image`),
  ]
}
