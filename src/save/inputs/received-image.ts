import { createHash, type Hash } from 'node:crypto'
import type { ExpectedBlob, ReceivedBlob, Registry, RepositoryRef, StoredBlob } from '../../distribution/registry.ts'
import { DockerIpfsError } from '../../errors.ts'
import type { Layer } from '../../format/layer.ts'
import type { ArchiveEntry } from '../../image/archive.ts'
import { type BlobRef, blobPath, hexOf, ociIndex } from '../../image/canonical.ts'
import { HEAD_BYTES, peek } from '../../image/decompress.ts'
import { abortable, type Bytes, counted, deferred, digestOf, leaveOpen } from '../../streams.ts'

export interface ReceivedImageOptions {
  /** Path of the only repository. */
  readonly repository: string
  /** A layer that need not be sent, by the hex of whatever digest the engine knows it by. */
  readonly find: (hex: string) => Promise<Layer | undefined>
  /** When it sends more layers than these, it does not know those that we have. */
  readonly mostLayers: number
  /** What to call a layer that comes under no digest; the first is 1. Each another name. */
  readonly nameOf: (number: number) => string
  readonly signal: AbortSignal
}

/**
 * An image that an engine pushes, as the files of an archive in the OCI layout: blobs as they come, one after the other, and index.json when
 * the engine has named the whole. Nothing is kept: a registry for one push.
 */
export class ReceivedImage {
  /** What was pushed last under the tag: containerd pushes each manifest of an index under it, and the index behind them. */
  #top: BlobRef | undefined
  #isWhole = false
  readonly #options: ReceivedImageOptions
  readonly #stop = new AbortController()
  readonly #over: AbortSignal
  readonly #queue: ArchiveEntry[] = []
  /** Blobs that are here, by digest: engines ask for what they have just sent. */
  readonly #sizes = new Map<string, number>()
  /** Digests of layers by their paths, where these do not tell. */
  readonly #digests = new Map<string, string>()
  #documents = 0
  #layers = 0
  #changed = deferred<void>()

  constructor(options: ReceivedImageOptions) {
    this.#options = options
    this.#over = AbortSignal.any([options.signal, this.#stop.signal])
    this.#over.addEventListener('abort', () => this.#wake(), { once: true })
  }

  /** Digest of what was pushed, a manifest or an index. */
  get digest(): string | undefined {
    return this.#top?.digest
  }

  /** The engine has pushed all. */
  end(): void {
    if (this.#top === undefined) {
      this.fail(new DockerIpfsError('ENGINE_FAILED', 'the engine pushed no image'))
      return
    }
    const index = ociIndex(this.#top)
    this.#add('index.json', once(index.bytes), index.size)
    this.#isWhole = true
  }

  /** Nothing more will come: whoever waits gets this error. */
  fail(reason: unknown): void {
    this.#stop.abort(reason)
  }

  /** The digest of a layer, as soon as it was read to its end. */
  digestAt(path: string): string | undefined {
    return this.#digests.get(path)
  }

  /** Waits for the engine. One that broke off in a way that is not heard of would else be waited for for ever. */
  async #patiently<T>(waiting: Promise<T>): Promise<T> {
    const error = new DockerIpfsError('ENGINE_FAILED', 'the engine does not go on with its push')
    const limit = setTimeout(() => this.fail(error), PATIENCE_MS)
    try {
      return await waiting
    } finally {
      clearTimeout(limit)
    }
  }

  async *#unstalled(source: Bytes): Bytes {
    const iterator = source[Symbol.asyncIterator]()
    for (;;) {
      const { done, value } = await this.#patiently(iterator.next())
      if (done) return
      yield value
    }
  }

  /** To be read once, and each file before the next. */
  async *entries(): AsyncGenerator<ArchiveEntry> {
    try {
      for (;;) {
        const entry = this.#queue.shift()
        if (entry !== undefined) {
          yield { ...entry, body: leaveOpen(entry.body) }
          // What nobody wanted the engine sends all the same.
          for await (const _ of entry.body);
        } else if (this.#isWhole) return
        else {
          this.#over.throwIfAborted()
          await this.#patiently(this.#changed.promise)
        }
      }
    } finally {
      if (!this.#isWhole) this.fail(new Error('nobody takes the image any more'))
    }
  }

  get registry(): Registry {
    const isOurs = ({ path }: RepositoryRef) => path === this.#options.repository
    return {
      manifest: async () => undefined,
      blob: async (repository, digest) => (isOurs(repository) ? this.#find(digest) : undefined),
      tags: async () => undefined,
      repositories: async () => [],
      referrers: async () => [],
      writer: {
        receive: (repository, bytes, _, expected) => {
          if (!isOurs(repository)) throw new DockerIpfsError('IMAGE_NOT_FOUND', 'there is no such repository')
          return this.#receive(bytes, expected)
        },
        mount: async (repository, digest) => isOurs(repository) && (await this.#find(digest)) !== undefined,
        putManifest: async (repository, reference, { digest, bytes }) => {
          if (!isOurs(repository)) throw new DockerIpfsError('IMAGE_NOT_FOUND', 'there is no such repository')
          this.#add(blobPath(digest), once(bytes), bytes.length)
          if (reference !== digest) this.#top = { digest, size: bytes.length }
          return {}
        },
        deleteManifest: async () => false,
        deleteBlob: async () => false,
      },
    }
  }

  /** The engine believes that it is here, and sends nothing. Of the size it makes a manifest that nobody keeps. */
  async #find(digest: string): Promise<StoredBlob | undefined> {
    const size = this.#sizes.get(digest)
    if (size !== undefined) return unread(digest, size)
    const layer = await this.#options.find(hexOf(digest))
    if (layer === undefined) return undefined
    const stored = digest === layer.blobDigest ? layer.blob.fileSize : layer.tarSize
    if (!this.#sizes.has(digest)) this.#add(blobPath(digest), once(), undefined)
    this.#sizes.set(digest, stored)
    return unread(digest, stored)
  }

  async #receive(bytes: Bytes, expected: () => ExpectedBlob): Promise<ReceivedBlob> {
    const { head, all } = await peek(abortable(bytes, this.#over), HEAD_BYTES)
    // By now the request is there that brings it.
    const { digest, size } = expected()
    const other = head[0] === BRACE ? `document ${++this.#documents}` : this.#nextLayer()
    const path = digest === undefined ? other : blobPath(digest)
    const hash = digest === undefined ? createHash('sha256') : undefined
    const read = deferred<void>()
    let length = 0
    const tell = (bytesDone: number) => {
      length = bytesDone
    }
    const end = () => {
      if (hash !== undefined) this.#digests.set(path, digestOf(hash))
      read.resolve()
    }
    const fail = (cause: unknown) => {
      read.reject(cause)
      this.fail(new DockerIpfsError('ENGINE_FAILED', 'the engine broke off an upload', { cause }))
    }
    this.#add(path, watched(counted(this.#unstalled(all), tell), { hash, end, fail }), size)
    const lost = () => read.reject(this.#over.reason)
    this.#over.addEventListener('abort', lost, { once: true })
    await read.promise.finally(() => this.#over.removeEventListener('abort', lost))
    return {
      keep: async (found) => {
        this.#sizes.set(found, length)
        if (found !== digest) this.#queue.push({ path: blobPath(found), size: 0, linkTarget: path, body: once() })
        this.#wake()
      },
      forget: async () => this.fail(new DockerIpfsError('INTEGRITY', `${path} is not what the engine says`)),
    }
  }

  #nextLayer(): string {
    this.#layers += 1
    if (this.#layers <= this.#options.mostLayers) return this.#options.nameOf(this.#layers)
    const error = new DockerIpfsError('ENGINE_FAILED', 'the engine does not know the digests of its layers')
    this.fail(error)
    throw error
  }

  #add(path: string, body: Bytes, size: number | undefined): void {
    this.#queue.push({ path, size, linkTarget: undefined, body })
    this.#wake()
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = deferred()
  }
}

/** An engine that sends nothing for so long while it is waited for, in milliseconds, is asked for the archive. */
const PATIENCE_MS = 15_000

/** What documents begin with. */
const BRACE = 0x7b

interface Watcher {
  readonly hash: Hash | undefined
  readonly end: () => void
  readonly fail: (reason: unknown) => void
}

async function* watched(source: Bytes, { hash, end, fail }: Watcher): Bytes {
  try {
    for await (const part of source) {
      hash?.update(part)
      yield part
    }
    end()
  } catch (error) {
    fail(error)
    throw error
  }
}

async function* once(...parts: Uint8Array[]): Bytes {
  yield* parts
}

function unread(digest: string, size: number): StoredBlob {
  return {
    digest,
    size,
    read: () => {
      throw new DockerIpfsError('CONTENT_NOT_FOUND', `${digest} is not kept here`)
    },
  }
}
