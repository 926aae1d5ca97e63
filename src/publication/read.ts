import { catBlocks } from '../dag/block-source.ts'
import { readDirectory } from '../dag/blocks.ts'
import { type CID, parseCid } from '../dag/cid.ts'
import { DockerIpfsError, hasCode } from '../errors.ts'
import { familiarName, fullName, repositoryOf } from '../image/name.ts'
import { collect } from '../streams.ts'
import { nameOf, type PublishedCatalogue, type PublishedImage, readPublished, unreadable } from './document.ts'

/** A publication, whose catalogue has been read and checked. */
export interface Publication {
  readonly root: CID
  readonly catalogue: PublishedCatalogue
}

type ReadBlock = (cid: CID, signal: AbortSignal) => Promise<Uint8Array>

const MAX_CATALOGUE = 32 * 1024 * 1024
/** Names that an error lists. */
const MAX_LISTED = 10

/**
 * Reads the publication with this root, every block held against its CID by `block`. Undefined where the root is no
 * publication: an image, say.
 * @throws PUBLICATION_INVALID; what `block` throws
 */
export async function readPublication(
  root: CID,
  block: ReadBlock,
  signal: AbortSignal,
): Promise<Publication | undefined> {
  const file = readDirectory({ cid: root, bytes: await block(root, signal) })?.get('catalogue.json')
  if (file === undefined) return undefined
  const source = catBlocks({ root: file, path: [] }, block, signal)
  const bytes = await collect(source, MAX_CATALOGUE, `catalogue.json of ${root}`).catch((cause: unknown) => {
    throw hasCode(cause, 'NOT_AN_IMAGE') ? unreadable(`of ${root}`, cause) : cause
  })
  return { root, catalogue: readPublished(bytes, `of ${root}`) }
}

/**
 * The image of a publication that a path means, `nginx:1.27` or `docker.io/library/nginx:1.27`; without a path the only one.
 * @throws IMAGE_NOT_FOUND, REFERENCE_INVALID, USAGE when it is not said which
 */
export function findPublished({ root, catalogue: { images } }: Publication, path: string): PublishedImage {
  const name = path === '' ? undefined : wantedName(path)
  const found = name === undefined ? images : images.filter((image) => nameOf(image) === name)
  const [first, ...more] = found
  if (first !== undefined && more.length === 0) return first
  const there = `It has ${listed(images)}.`
  if (name === undefined && first !== undefined) {
    throw new DockerIpfsError('USAGE', `the catalogue ${root} has ${images.length} images: say which`, { hint: there })
  }
  const what = name === undefined ? 'images' : familiarName(name)
  throw new DockerIpfsError('IMAGE_NOT_FOUND', `the catalogue ${root} has no ${what}`, { hint: there })
}

/**
 * All images of a repository; without a path all of the publication.
 * @throws IMAGE_NOT_FOUND, REFERENCE_INVALID
 */
export function findAllPublished(
  { root, catalogue: { images } }: Publication,
  path: string,
): readonly PublishedImage[] {
  const repository = path === '' ? undefined : repositoryOf(wantedName(path))
  const found = images.filter(({ name }) => repository === undefined || name === repository)
  if (found.length > 0) return found
  throw new DockerIpfsError('IMAGE_NOT_FOUND', `the catalogue ${root} has no ${path === '' ? 'images' : path}`, {
    hint: `It has ${listed(images)}.`,
  })
}

export function rootOf(image: PublishedImage): CID {
  return parseCid(image.cid)
}

function wantedName(path: string): string {
  const name = fullName(path)
  if (name !== undefined) return name
  throw new DockerIpfsError('REFERENCE_INVALID', `"${path}" is no image name`, {
    hint: 'Give a name such as ipns://NAME/app:1.2.',
  })
}

function listed(images: readonly PublishedImage[]): string {
  const names = images.slice(0, MAX_LISTED).map((image) => familiarName(nameOf(image)))
  const more = images.length > MAX_LISTED ? [`${images.length - MAX_LISTED} more`] : []
  return images.length === 0 ? 'none' : [...names, ...more].join(', ')
}
