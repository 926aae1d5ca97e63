import { CATALOGUE_MS, type Catalogue } from '../catalogue/catalogue.ts'
import { writeImageRecord } from '../catalogue/records.ts'
import { imageSize } from '../dag/sizes.ts'
import { messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import { fullName } from '../image/name.ts'
import type { ImageSource } from '../read/open-image.ts'
import type { Blocks } from '../store/blocks.ts'
import { within } from '../time.ts'

export interface RememberOptions {
  readonly catalogue: Pick<Catalogue, 'findImage' | 'findName' | 'record' | 'add'>
  readonly blocks: Pick<Blocks, 'ownBlock'>
  readonly report: Report
  readonly signal: AbortSignal
}

/**
 * Writes a loaded image into the catalogue, so that a save of it answers at once. Not its layers: other images would be put
 * together from them, and their CIDs must not depend on who cut the layers of this one. Nor one platform of several: saved
 * from here, it has a CID of its own. What fails costs no more than time.
 */
export async function rememberLoaded(image: ImageSource, loaded: LoadedAs, options: RememberOptions): Promise<void> {
  if (!image.isWhole) return
  const { report, signal } = options
  try {
    await within(CATALOGUE_MS, signal, (limited) => write(image, loaded, { ...options, signal: limited }))
  } catch (error) {
    if (signal.aborted) throw signal.reason
    report({ type: 'warning', text: `the image is loaded, but not in the node's catalogue: ${messageOf(error)}` })
  }
}

/** What the engine calls an image. */
interface LoadedAs {
  readonly imageId: string
  readonly tag: string | undefined
}

async function write(
  image: ImageSource,
  { imageId, tag }: LoadedAs,
  { catalogue, blocks, signal }: RememberOptions,
): Promise<void> {
  const names = [tag === undefined ? undefined : fullName(tag)].filter((name) => name !== undefined)
  const known = await catalogue.findImage(imageId, signal)
  const named = await Promise.all(names.map((name) => catalogue.findName(name, signal)))
  const isNamed = named.every((root) => root?.equals(image.root))
  if (known?.root.equals(image.root) && isNamed && names.every((name) => known.record.names.includes(name))) return
  // Where this node saved it, it was counted then: the walk takes longer than all else here.
  const size = (await catalogue.record(image.root, signal))?.size ?? (await imageSize(image.root, { blocks, signal }))
  const record = writeImageRecord({
    root: image.root.toString(),
    configDigest: image.configDigest,
    names,
    imageIds: [imageId],
    layers: image.layers.map((layer) => layer.diffId),
    savedAt: new Date().toISOString(),
    manifestDigest: image.manifestDigest,
    created: image.config.created,
    ...(size === undefined ? {} : { size }),
  })
  await catalogue.add({ root: image.root, record, layers: new Map() }, signal)
}
