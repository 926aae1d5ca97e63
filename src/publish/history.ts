import type { CID } from '../dag/cid.ts'
import { hasCode } from '../errors.ts'
import { previousOf, type ResolveOptions, resolvePublication } from '../names/resolve.ts'
import { findPublished, type Publication, rootOf } from '../publication/read.ts'

export interface PastPublication {
  readonly sequence: number
  /** ISO 8601. */
  readonly publishedAt: string
  /** Of the publication, or of the image that was asked for. */
  readonly root: CID
  /** Number of images in the publication. */
  readonly images: number
}

/**
 * Walks back through what a name stood for, the newest first. With the path of an image: only where that was another one than before.
 * What comes before a publication that cannot be had any more is told to `onLost` as words.
 * @throws what `resolvePublication` throws
 */
export async function* publicationHistory(
  reference: string,
  options: ResolveOptions,
  onLost: (text: string) => void,
): AsyncIterable<PastPublication> {
  const { publication: newest, path } = await resolvePublication(reference, options)
  // A name that is wrong now is more likely a mistake than one that has gone.
  if (path !== '') findPublished(newest, path)
  let later: PastPublication | undefined
  for (let at: Publication | undefined = newest; at !== undefined; at = await before(at, options, onLost)) {
    const past = pastOf(at, path)
    // Of those in a row that have the same image, only the first, which is where it came.
    if (later !== undefined && (path === '' || past?.root.equals(later.root) !== true)) yield later
    later = past
  }
  if (later !== undefined) yield later
}

function pastOf(publication: Publication, path: string): PastPublication | undefined {
  const { sequence, publishedAt, images } = publication.catalogue
  const root = path === '' ? publication.root : rootIn(publication, path)
  return root === undefined ? undefined : { sequence, publishedAt, root, images: images.length }
}

/** An image that was not there yet, or not for a while, is no error. */
function rootIn(publication: Publication, path: string): CID | undefined {
  try {
    return rootOf(findPublished(publication, path))
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND')) return undefined
    throw error
  }
}

async function before(
  publication: Publication,
  options: ResolveOptions,
  onLost: (text: string) => void,
): Promise<Publication | undefined> {
  try {
    return await previousOf(publication, options)
  } catch (error) {
    if (!hasCode(error, 'CONTENT_NOT_FOUND')) throw error
    onLost(`nobody has what was published before ${publication.catalogue.sequence}`)
    return undefined
  }
}
