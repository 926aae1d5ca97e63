import { catBlocks, type FileRef } from '../dag/block-source.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import { repositoryOf } from '../image/name.ts'
import { platformName, platformOf } from '../image/platform.ts'
import type { PublishedImage } from '../publication/document.ts'
import { openWhole } from '../read/open-image.ts'
import type { Blocks } from '../store/blocks.ts'

/** Time for one document of an image that is on the node. */
const READ_MS = 30_000

/**
 * What a catalogue says of an image that is on the node, read from the image itself.
 * @throws NOT_AN_IMAGE, INTEGRITY, CONTENT_NOT_FOUND where a part of it is not on the node
 */
export async function describeImage(
  name: string,
  { root, size }: { readonly root: CID; readonly size: number },
  { blocks, signal }: { readonly blocks: Pick<Blocks, 'ownBlock'>; readonly signal: AbortSignal },
): Promise<PublishedImage> {
  const block = async (cid: CID) => {
    const bytes = await blocks.ownBlock(cid, signal)
    if (bytes !== undefined) return bytes
    throw new DockerIpfsError('CONTENT_NOT_FOUND', `the node lacks ${cid} of ${root}`)
  }
  const reading = {
    blocks: { block, cat: (file: FileRef) => catBlocks(file, block, signal) },
    signal,
    timeoutMs: READ_MS,
  }
  const { platforms } = await openWhole(root, reading)
  const [first] = platforms
  if (first === undefined) throw new DockerIpfsError('NOT_AN_IMAGE', `${root} has no platform`)
  const { created } = first.config
  return {
    name: repositoryOf(name),
    tag: name.slice(name.lastIndexOf(':') + 1),
    cid: root.toString(),
    configDigest: first.configDigest,
    size,
    ...(wasBuilt(created) ? { created } : {}),
    platforms: platforms.map(({ config }) => platformName(platformOf(config.os, config.architecture, config.variant))),
  }
}

/** Not where the config says nothing, or the year 1, as Go does for never. */
function wasBuilt(created: string): boolean {
  return /^\d{4}-\d\d-\d\dT/.test(created) && Date.parse(created) >= Date.parse('0002-01-01T00:00:00Z')
}
