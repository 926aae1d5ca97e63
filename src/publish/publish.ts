// The room of publishing: images of the node's catalogue under an IPNS name, and what that name stood for before.
// `publish` tells the order: choose the images (published-images.ts), write them down and take a number (keep.ts), set the name and
// let go of what was before (set-name.ts), and look whether it stayed (newest.ts).
// It writes blocks, the name of a key, and the folder of publications. It changes no image, no pin and no name of the catalogue.
// A new thing to say of an image goes into published-image.ts and the document; a new step between write and name must be one
// that another publisher, or GC, may come before and after.

import { isDeepStrictEqual } from 'node:util'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import type { PublishedCatalogue, PublishedImage } from '../publication/document.ts'
import type { Publication } from '../publication/read.ts'
import type { Key } from '../store/naming.ts'
import { keepPublication } from './keep.ts'
import { findKey } from './key.ts'
import { isKept, type NewestPublication, newestOf } from './newest.ts'
import type { PublishOptions } from './options.ts'
import { chooseImages } from './published-images.ts'
import { setName } from './set-name.ts'

export interface PublishResult {
  /** `k51…` */
  readonly id: string
  readonly root: CID
  readonly catalogue: PublishedCatalogue
  /** False when all was published already. */
  readonly isNew: boolean
  /** Why the network was not told; undefined when it was. */
  readonly notAnnounced: string | undefined
  readonly peers: number | undefined
}

/** Times that somebody else may be first. */
const MAX_ROUNDS = 20

/**
 * Publishes images of the node's catalogue under an IPNS key: the named ones beside what is published there, or else all and
 * nothing else. Each publication has a number of its own, which only one can take, and is kept whole before the name is set
 * to it: so whatever happens, and whoever publishes meanwhile, the name stands for a whole one.
 * @throws IMAGE_NOT_FOUND, REFERENCE_INVALID, USAGE (no such key, nothing to publish), NODE_*
 */
export async function publish(names: readonly string[], options: PublishOptions): Promise<PublishResult> {
  const key = await findKey(options)
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const before = await newestOf(key, options)
    const images = await chooseImages(names, before?.catalogue?.images ?? [], options)
    if (images.length === 0) throw nothingToPublish()
    const same = publishedAlready(images, before, options)
    const own = same ?? (await keepNext(key, images, before, options))
    // Somebody else has taken the number: theirs is now the one before.
    if (own === undefined) continue
    const set = await setName(key, own, options)
    if (await isKept(key, own, options)) return { ...own, id: key.id, isNew: same === undefined, ...set }
  }
  throw new DockerIpfsError('NODE_FAILED', `others publish under ${key.name} all the time`, {
    hint: 'Try again later.',
  })
}

/** The publication before, where it has just these images. */
function publishedAlready(
  images: readonly PublishedImage[],
  before: NewestPublication | undefined,
  { report }: PublishOptions,
): Publication | undefined {
  if (before?.catalogue === undefined || !isDeepStrictEqual(before.catalogue.images, images)) return undefined
  report({ type: 'step', text: `Publication ${before.sequence} has these images already` })
  return { root: before.root, catalogue: before.catalogue }
}

/** Writes the next publication and keeps it from GC under its number; undefined when another one has that. */
async function keepNext(
  key: Key,
  images: readonly PublishedImage[],
  before: NewestPublication | undefined,
  options: PublishOptions,
): Promise<Publication | undefined> {
  const catalogue: PublishedCatalogue = {
    schemaVersion: 1,
    publishedAt: new Date().toISOString(),
    sequence: (before?.sequence ?? 0) + 1,
    previous: before?.root.toString() ?? null,
    images,
  }
  const root = await keepPublication(key, catalogue, options)
  return root === undefined ? undefined : { root, catalogue }
}

function nothingToPublish(): DockerIpfsError {
  return new DockerIpfsError('USAGE', 'there is nothing to publish: the catalogue has no image with a name', {
    hint: 'Save one by its name first: docker ipfs save IMAGE',
  })
}
