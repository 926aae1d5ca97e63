// The room of publications as they stand on IPFS: `catalogue.json` with its rules (document.ts), the DAG that has it (write.ts, read.ts),
// and the page for people (page/). It gets blocks from a function and puts them into a sink. It knows no node, no key and no catalogue.
// Anybody may have written what is read here, so that every field is held against its rule before it is believed.
// A new field is optional, gets a check in `readImage` or `readCatalogue`, and a place in `writePublished`: the order of keys is the bytes.

import { parseCid } from '../dag/cid.ts'
import { DockerIpfsError, hasCode, messageOf } from '../errors.ts'
import { fullName } from '../image/name.ts'
import { isObject } from '../json.ts'

/** `catalogue.json` of a publication: what an IPNS name leads to. Anybody may have written it. */
export interface PublishedCatalogue {
  readonly schemaVersion: 1
  /** ISO 8601, UTC. */
  readonly publishedAt: string
  /** 1 for the first publication under a key; grows by one. */
  readonly sequence: number
  /** Root CID of the publication before; null for the first. */
  readonly previous: string | null
  /** By name and tag; each of these once. */
  readonly images: readonly PublishedImage[]
}

export interface PublishedImage {
  /** With registry and folder, without the tag: `docker.io/library/nginx`. */
  readonly name: string
  readonly tag: string
  /** Root CID of the image DAG. */
  readonly cid: string
  /** `sha256:<hex>` of the image config; of several platforms, that of the first. */
  readonly configDigest: string
  /** Bytes of its blobs as they are stored. */
  readonly size: number
  /** When it was built, as its config says: ISO 8601. */
  readonly created?: string
  /** `linux/amd64`, `linux/arm/v7` … */
  readonly platforms: readonly string[]
}

const MAX_IMAGES = 100_000
const MAX_PLATFORMS = 1000
const PLATFORM = /^[a-z0-9][\w.-]{0,63}(?:\/[A-Za-z0-9][\w.-]{0,63}){1,2}$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

/** The full name of a published image: `docker.io/library/nginx:1.27`. */
export function nameOf({ name, tag }: Pick<PublishedImage, 'name' | 'tag'>): string {
  return `${name}:${tag}`
}

/** The bytes of `catalogue.json`: keys in the order of the types, no white space. */
export function writePublished(catalogue: PublishedCatalogue): Uint8Array {
  const { schemaVersion, publishedAt, sequence, previous } = catalogue
  const images = catalogue.images.map(({ name, tag, cid, configDigest, size, created, platforms }) => {
    return { name, tag, cid, configDigest, size, ...(created === undefined ? {} : { created }), platforms }
  })
  return Buffer.from(JSON.stringify({ schemaVersion, publishedAt, sequence, previous, images }))
}

/**
 * Reads `catalogue.json`. Keys that it does not know are left out; all others must be right, in every image.
 * @throws PUBLICATION_INVALID
 */
export function readPublished(bytes: Uint8Array, what: string): PublishedCatalogue {
  try {
    return readCatalogue(object(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)), 'the document'))
  } catch (cause) {
    if (hasCode(cause, 'PUBLICATION_INVALID')) throw cause
    throw unreadable(what, cause)
  }
}

export function unreadable(what: string, cause: unknown): DockerIpfsError {
  const message = `the catalogue ${what} cannot be read: ${messageOf(cause)}`
  return new DockerIpfsError('PUBLICATION_INVALID', message, { cause, hint: 'Ask who published it.' })
}

function readCatalogue(value: Record<string, unknown>): PublishedCatalogue {
  const { schemaVersion, publishedAt, sequence, previous, images } = value
  if (schemaVersion !== 1) {
    const version = typeof schemaVersion === 'number' ? schemaVersion : '?'
    throw new DockerIpfsError('PUBLICATION_INVALID', `the catalogue has schema ${version}; this docker-ipfs reads 1`, {
      hint: 'Install a newer docker-ipfs.',
    })
  }
  if (!isTime(publishedAt)) throw new Error('publishedAt is no time')
  if (!isCount(sequence) || sequence === 0) throw new Error('sequence is no number from 1 on')
  if (previous !== null && !isCid(previous)) throw new Error('previous is no CID')
  if (!Array.isArray(images) || images.length > MAX_IMAGES) throw new Error(`images is no list of up to ${MAX_IMAGES}`)
  const read = images.map((image, at) => readImage(object(image, `image ${at + 1}`), `image ${at + 1}`))
  if (new Set(read.map(nameOf)).size < read.length) throw new Error('a name is in it twice')
  return { schemaVersion, publishedAt, sequence, previous, images: read }
}

function readImage(value: Record<string, unknown>, what: string): PublishedImage {
  const { name, tag, cid, configDigest, size, created, platforms } = value
  if (typeof name !== 'string' || typeof tag !== 'string' || fullName(`${name}:${tag}`) !== `${name}:${tag}`) {
    throw new Error(`the name of ${what} is no full image name`)
  }
  if (!isCid(cid)) throw new Error(`cid of ${what} is no CID`)
  if (typeof configDigest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(configDigest)) {
    throw new Error(`configDigest of ${what} is no sha256 digest`)
  }
  if (!isCount(size)) throw new Error(`size of ${what} is no number of bytes`)
  if (created !== undefined && !isTime(created)) throw new Error(`created of ${what} is no time`)
  if (!Array.isArray(platforms) || platforms.length > MAX_PLATFORMS || !platforms.every(isPlatform)) {
    throw new Error(`platforms of ${what} is no list of platforms`)
  }
  return { name, tag, cid, configDigest, size, ...(created === undefined ? {} : { created }), platforms }
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (!isObject(value)) throw new Error(`${what} is no object`)
  return value
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value))
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isPlatform(value: unknown): value is string {
  return typeof value === 'string' && PLATFORM.test(value)
}

function isCid(value: unknown): value is string {
  try {
    return typeof value === 'string' && parseCid(value).toString() === value
  } catch {
    return false
  }
}
