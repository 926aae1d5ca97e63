import { type CatalogueImage, type ListOptions, list } from '../catalogue/list.ts'
import type { CID } from '../dag/cid.ts'
import { Shares } from '../dag/sizes.ts'
import { DockerIpfsError } from '../errors.ts'
import type { Report } from '../events.ts'
import { hexOf } from '../image/canonical.ts'
import { familiarName } from '../image/name.ts'
import type { ReadOptions } from '../read/document-reader.ts'
import { openWhole } from '../read/open-image.ts'
import type { Blocks } from '../store/blocks.ts'
import type { Traffic } from '../store/traffic.ts'
import { blobsOf } from './describe.ts'

export interface UsageOptions extends ReadOptions, ListOptions {
  readonly blocks: Blocks
  readonly traffic: Pick<Traffic, 'repoSize'>
  readonly report: Report
}

/** What something takes on the node. Sizes are bytes of blocks, each block counted once. */
export interface Usage {
  readonly type: 'image' | 'layer' | 'catalogue' | 'total' | 'repository'
  /** Names of an image, the diffID of a layer. */
  readonly name: string
  readonly cid: CID | undefined
  /** How many images have a layer. */
  readonly images: number | undefined
  /** Undefined for a repository that does not tell. */
  readonly size: number | undefined
  /** Of these, what no other image, or no other layer, has. */
  readonly unique: number | undefined
}

/** A layer, and how many images have it. */
interface LayerUse {
  readonly diffId: string
  readonly cid: CID
  images: number
}

/**
 * What each image and each layer of the catalogue takes on the node, the catalogue itself, all of these together, and the node's
 * repository with whatever else is in it. Reads every image's documents, and walks all DAGs.
 * @throws NODE_*
 */
export async function usage(options: UsageOptions): Promise<Usage[]> {
  const { catalogue, traffic, signal } = options
  const { images } = await list(options)
  const whole = [...groupByRoot(images).values()].filter(({ size }) => size !== undefined)
  const shares = new Shares(options)
  for (const [owner, { root }] of whole.entries()) await shares.add(owner, root)
  const imageRows = whole.map(({ root, names, size = 0 }, owner): Usage => {
    const name = names.length === 0 ? '<none>' : names.map(familiarName).join(', ')
    return { type: 'image', name, cid: root, images: undefined, size, unique: shares.unique(owner) }
  })
  const layerRows = await layersOf(whole, options)
  const top = await catalogue.top(signal)
  const ofImages = shares.total
  if (top !== undefined) await shares.add(whole.length, top)
  const rest = { cid: undefined, images: undefined, unique: undefined }
  return [
    ...imageRows,
    ...layerRows,
    { ...rest, type: 'catalogue', name: '', size: shares.total - ofImages },
    { ...rest, type: 'total', name: '', size: shares.total },
    { ...rest, type: 'repository', name: '', size: await traffic.repoSize(signal) },
  ]
}

/** An image with all its names. */
interface ImageGroup {
  readonly root: CID
  readonly size: number | undefined
  readonly names: string[]
}

function groupByRoot(images: readonly CatalogueImage[]): Map<string, ImageGroup> {
  const groups = new Map<string, ImageGroup>()
  for (const { root, size, name } of images) {
    const group = groups.get(root.toString()) ?? { root, size, names: [] }
    if (name !== undefined) group.names.push(name)
    groups.set(root.toString(), group)
  }
  return groups
}

async function layersOf(images: readonly ImageGroup[], options: UsageOptions): Promise<Usage[]> {
  const layers = new Map<string, LayerUse>()
  for (const { root } of images)
    for (const [key, layer] of await readLayers(root, options)) {
      const known = layers.get(key) ?? layer
      known.images += 1
      layers.set(key, known)
    }
  const all = [...layers.values()]
  const shares = new Shares(options)
  const sizes: number[] = []
  for (const [owner, { cid }] of all.entries()) {
    const alone = new Shares(options)
    await alone.add(0, cid)
    sizes.push(alone.total)
    await shares.add(owner, cid)
  }
  return all.map(({ diffId, cid, images }, owner) => {
    return { type: 'layer', name: diffId, cid, images, size: sizes[owner] ?? 0, unique: shares.unique(owner) }
  })
}

/** The layers of one image, each once, by CID. An image whose documents cannot be read has none, and a warning says so. */
async function readLayers(root: CID, options: UsageOptions): Promise<Map<string, LayerUse>> {
  const layers = new Map<string, LayerUse>()
  try {
    const { platforms } = await openWhole(root, options)
    const blobs = await blobsOf(root, options)
    for (const { digest, diffId } of platforms.flatMap((image) => image.layers)) {
      const cid = blobs.get(hexOf(digest))
      if (cid !== undefined) layers.set(cid.toString(), { diffId, cid, images: 0 })
    }
  } catch (error) {
    if (!(error instanceof DockerIpfsError) || error.code === 'NODE_UNREACHABLE' || options.signal.aborted) throw error
    options.report({ type: 'warning', text: `the layers of ${root} cannot be told: ${error.message}` })
  }
  return layers
}
