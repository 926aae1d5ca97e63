import type { BlockSource } from '../dag/block-source.ts'
import { readDirectory } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import { type Descriptor, MAX_DOCUMENT, readIndex } from '../image/documents.ts'
import { verified } from '../image/verified.ts'
import { type Bytes, collect, sha256 } from '../streams.ts'
import { within } from '../time.ts'
import { formatAgainst } from '../units.ts'
import { blobFile } from './layers.ts'
import { notFound, type ReadLimits, withoutStall } from './stall.ts'

export interface ReadOptions extends ReadLimits {
  readonly blocks: BlockSource
}

export interface OpenOptions extends ReadOptions {
  /** Gets what will be wanted next of the folder of blobs. */
  readonly ahead?: ((blobs: CID, signal: AbortSignal) => Promise<void>) | undefined
}

/** What an OCI layout has. */
const TOP_ENTRIES = ['index.json', 'blobs', 'oci-layout'] as const

/** The documents below the root of an image. Each is checked against the one that names it: who gives them is not trusted. */
export class DocumentReader {
  readonly root: CID
  readonly #options: OpenOptions

  constructor(root: CID, options: OpenOptions) {
    this.root = root
    this.#options = options
  }

  /**
   * The one manifest, or index of platforms, that index.json names.
   * @throws CONTENT_NOT_FOUND, NOT_AN_IMAGE, INTEGRITY, NODE_*
   */
  async top(): Promise<Descriptor> {
    const what = `index.json of ${this.root}`
    const index = readIndex(await this.#indexBlock(), { what, code: 'NOT_AN_IMAGE' })
    const [top, ...more] = index
    if (top === undefined || more.length > 0) throw this.notAnImage(`its index names ${index.length} manifests`)
    return top
  }

  /**
   * A document that another names. `what`: for messages.
   * @throws as `top`
   */
  async read(ref: Descriptor, what: string): Promise<Uint8Array> {
    if (ref.size > MAX_DOCUMENT) {
      const [size, most] = formatAgainst(ref.size, MAX_DOCUMENT)
      throw this.notAnImage(`${what} is said to have ${size}, and documents of at most ${most} are read`)
    }
    const bytes = await collect(this.#blob(ref, `${what} of ${this.root}`), MAX_DOCUMENT, what)
    // An empty document yields nothing, so that only this sees it.
    if (sha256(bytes) !== ref.digest)
      throw new DockerIpfsError('INTEGRITY', `${what} of ${this.root} does not match its digest`)
    return bytes
  }

  notAnImage(why: string): DockerIpfsError {
    return new DockerIpfsError('NOT_AN_IMAGE', `${this.root} is not an image saved by docker ipfs: ${why}`)
  }

  /** index.json, by way of the root block; both are checked by CID. */
  async #indexBlock(): Promise<Uint8Array> {
    const { ahead, signal } = this.#options
    const entries = readDirectory({ cid: this.root, bytes: await this.#block(this.root) })
    if (entries === undefined) throw this.notAnImage('it is a file, not a directory')
    const [index, blobs, layout] = TOP_ENTRIES.map((name) => entries.get(name))
    if (index === undefined || blobs === undefined || layout === undefined) {
      throw this.notAnImage(`it lacks ${TOP_ENTRIES.find((name) => !entries.has(name))}`)
    }
    const [bytes] = await Promise.all([this.#block(index), ahead?.(blobs, signal)])
    return bytes
  }

  #block(cid: CID): Promise<Uint8Array> {
    return readBlock(this.root, cid, this.#options)
  }

  /** The bytes of a small blob, the last of them only when all are right. */
  #blob(blob: Descriptor, what: string): Bytes {
    const { blocks, signal, timeoutMs } = this.#options
    const stop = new AbortController()
    const source = blocks.cat(blobFile(this.root, blob.digest), AbortSignal.any([signal, stop.signal]))
    return verified(endingWith(stop, withoutStall(source, this.root, timeoutMs, stop)), { ...blob, what })
  }
}

/**
 * A block of an image.
 * @throws CONTENT_NOT_FOUND when nobody gives it in time; what `block` throws
 */
export function readBlock(root: CID, cid: CID, { blocks, signal, timeoutMs }: ReadOptions): Promise<Uint8Array> {
  const ask = (limited: AbortSignal) => blocks.block(cid, limited)
  return within(timeoutMs, signal, ask, () => notFound(root, timeoutMs))
}

/** Ends the request behind a stream with the stream. */
async function* endingWith(stop: AbortController, source: Bytes): Bytes {
  try {
    yield* source
  } finally {
    stop.abort()
  }
}
