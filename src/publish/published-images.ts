import { type CatalogueImage, type ListOptions, list } from '../catalogue/list.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import type { Report } from '../events.ts'
import { familiarName, fullName, otherTags, repositoryOf } from '../image/name.ts'
import { nameOf, type PublishedImage } from '../publication/document.ts'
import type { Node } from '../store/node.ts'
import { mapInOrder } from '../streams.ts'
import { describeImage } from './published-image.ts'

/** Where the images of a publication are chosen from. */
export interface ImageChoiceOptions extends ListOptions {
  readonly node: Pick<Node, 'address'>
  readonly report: Report
  readonly signal: AbortSignal
}

/** An image of the catalogue under one of its names. */
interface NamedImage {
  readonly name: string
  readonly root: CID
  readonly size: number
}

const AT_ONCE = 8

/**
 * The images that a publication is to have, by name: those of `names`, and of `before` what they do not replace; without names
 * all that the catalogue has. A name without a tag stands for all tags of the repository. What was published before is not read
 * again.
 * @throws IMAGE_NOT_FOUND, REFERENCE_INVALID, NODE_*
 */
export async function chooseImages(
  names: readonly string[],
  before: readonly PublishedImage[],
  options: ImageChoiceOptions,
): Promise<readonly PublishedImage[]> {
  const wanted = findWanted(names, (await list(options)).images, options)
  const old = new Map(before.map((image) => [nameOf(image), image]))
  const images = names.length === 0 ? new Map<string, PublishedImage>() : new Map(old)
  const described = mapInOrder(wanted, AT_ONCE, ({ name, root, size }) => {
    const known = old.get(name)
    const same = known?.cid === root.toString() && known.size === size
    return same ? Promise.resolve(known) : describe({ name, root, size }, names.length > 0, options)
  })
  for await (const image of described) if (image !== undefined) images.set(nameOf(image), image)
  return [...images].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, image]) => image)
}

function findWanted(
  names: readonly string[],
  images: readonly CatalogueImage[],
  { node, report }: ImageChoiceOptions,
): NamedImage[] {
  const named = images.flatMap(({ name, root, size }) => {
    if (name === undefined) return []
    if (size !== undefined) return [{ name, root, size }]
    report({ type: 'warning', text: `left out, since it is no image, or lost: ${familiarName(name)}` })
    return []
  })
  if (names.length === 0) return named
  const wanted = names.flatMap((text) => {
    const full = fullName(text)
    if (full === undefined) throw new DockerIpfsError('REFERENCE_INVALID', `"${text}" is no image name`)
    const isTagged = text.endsWith(full.slice(full.lastIndexOf(':')))
    const found = named.filter(({ name }) => name === full || (!isTagged && repositoryOf(name) === repositoryOf(full)))
    if (found.length > 0) return found
    const others = otherTags(
      text,
      named.map(({ name }) => name),
    )
    throw new DockerIpfsError('IMAGE_NOT_FOUND', `no image of the name "${text}" on the node at ${node.address}`, {
      hint: others?.hint ?? 'Save it first, or see "docker ipfs ls" for what is there.',
    })
  })
  return [...new Map(wanted.map((one) => [one.name, one])).values()]
}

/** An image that cannot be read is left out, unless it was asked for. */
async function describe(
  wanted: NamedImage,
  isAskedFor: boolean,
  options: ImageChoiceOptions,
): Promise<PublishedImage | undefined> {
  try {
    return await describeImage(wanted.name, wanted, options)
  } catch (error) {
    if (
      isAskedFor ||
      options.signal.aborted ||
      !(error instanceof DockerIpfsError) ||
      error.code === 'NODE_UNREACHABLE'
    )
      throw error
    options.report({ type: 'warning', text: `left out ${familiarName(wanted.name)}: ${error.message}` })
    return undefined
  }
}
