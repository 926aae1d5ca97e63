import { readDirectory } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { imageSize } from '../dag/sizes.ts'
import { descend } from '../dag/walk.ts'
import { hasCode, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import { hexOf } from '../image/canonical.ts'
import { familiarName } from '../image/name.ts'
import { parsePlatform } from '../image/platform.ts'
import { resolve } from '../names/resolve.ts'
import { type ReadOptions, readBlock } from '../read/document-reader.ts'
import { type ImageSource, openWhole } from '../read/open-image.ts'
import { seeking } from '../read/seek.ts'
import type { Pins } from '../store/pins.ts'
import type { Routing } from '../store/routing.ts'
import type { InspectOptions } from './options.ts'

export interface DescribeOptions extends InspectOptions {
  readonly pins: Pick<Pins, 'isPinned'>
  readonly routing: Pick<Routing, 'meet' | 'providers'>
  readonly report: Report
  /** Ask the network who has the image. */
  readonly providers: boolean
}

/** As JSON. */
export type Description = Readonly<Record<string, unknown>>

/**
 * All that is known of an image, in the words of `docker image inspect`, and where its parts are. Several platforms are below `Platforms`.
 * @throws REFERENCE_INVALID, IMAGE_NOT_FOUND, BAD_FLAG, PLATFORM_NOT_FOUND, CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY, NODE_*
 */
export async function describe(reference: string, given: DescribeOptions): Promise<Description> {
  const { catalogue, pins, platform, signal } = given
  const asked = platform === undefined ? undefined : parsePlatform(platform)
  const { root, name } = await resolve(reference, given)
  const options = seeking([root], given)
  const { digest, platforms } = await openWhole(root, options, asked)
  const blobs = await blobsOf(root, options)
  const [record, isPinned] = await Promise.all([catalogue.record(root, signal), pins.isPinned(root, signal)])
  const named = [...new Set([...(record?.names ?? []), ...(name === undefined ? [] : [name])])]
  const roots = await Promise.all(named.map((full) => catalogue.findName(full, signal)))
  const images = platforms.map((image) => describeOne(image, blobs))
  return {
    CID: root.toString(),
    Names: named.filter((_, at) => roots[at]?.equals(root)).map(familiarName),
    Digest: digest,
    ImageIDs: record?.imageIds ?? [],
    SavedAt: record?.savedAt ?? '',
    Pinned: isPinned,
    // Of an image that is elsewhere the links that say it are elsewhere too.
    ...(isPinned ? { Size: await imageSize(root, options) } : {}),
    ...(images.length === 1 ? images[0] : { Platforms: images }),
    ...(options.providers ? { Providers: await providersOf(root, options) } : {}),
  }
}

function describeOne(image: ImageSource, blobs: ReadonlyMap<string, CID>): Description {
  const { created, author, architecture, variant, os, config } = JSON.parse(
    Buffer.from(image.configBytes).toString(),
  ) as Description
  return {
    ConfigDigest: image.configDigest,
    ManifestDigest: image.manifestDigest,
    Created: created ?? '',
    Author: author ?? '',
    Architecture: architecture ?? '',
    ...(variant === undefined ? {} : { Variant: variant }),
    Os: os ?? '',
    Config: config ?? {},
    Layers: image.layers.map(({ diffId, digest, size, tarSize }) => ({
      CID: blobs.get(hexOf(digest))?.toString() ?? '',
      DiffID: diffId,
      Digest: digest,
      Size: size,
      TarSize: tarSize,
    })),
  }
}

/**
 * The blobs of an image by the hex of their digests. What is missing there is left out.
 * @throws CONTENT_NOT_FOUND, INTEGRITY, NODE_*
 */
export async function blobsOf(root: CID, options: ReadOptions): Promise<Map<string, CID>> {
  const block = (cid: CID) => readBlock(root, cid, options)
  const cid = await descend(root, ['blobs', 'sha256'], block)
  return (cid === undefined ? undefined : readDirectory({ cid, bytes: await block(cid) })) ?? new Map()
}

/** A node that has no part in the network's routing cannot ask: that is a warning. */
async function providersOf(root: CID, { routing, report, signal, timeoutMs }: DescribeOptions): Promise<string[]> {
  try {
    return await routing.providers(root, timeoutMs, signal)
  } catch (error) {
    if (!hasCode(error, 'NODE_FAILED', 'NODE_DENIED')) throw error
    report({ type: 'warning', text: `nobody could be asked who has ${root}: ${messageOf(error)}` })
    return []
  }
}
