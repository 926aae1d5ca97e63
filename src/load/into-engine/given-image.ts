import type { Range } from '../../dag/block-source.ts'
import type { Registry, RepositoryRef, StoredBlob } from '../../distribution/registry.ts'
import { DockerIpfsError } from '../../errors.ts'
import type { Report } from '../../events.ts'
import { type Document, MANIFEST_TYPE } from '../../image/canonical.ts'
import type { ImageLayer } from '../../read/layers.ts'
import type { LayerReader } from '../../read/read-ahead.ts'
import { type Bytes, counted } from '../../streams.ts'
import { tarOfLayer } from './plain-layer.ts'

export interface GivenImageOptions {
  /** Path of the only repository. */
  readonly repository: string
  readonly manifest: Document
  readonly config: Document
  readonly layers: readonly ImageLayer[]
  /** Layers are called by their diffIDs, and are given uncompressed. */
  readonly plain: boolean
  /** Digests of layer blobs that the engine need not ask for: when it does so, this fails. */
  readonly held: ReadonlySet<string>
  readonly open: (layer: ImageLayer) => LayerReader
  readonly report: Report
}

/** An image that an engine pulls: a registry of this one alone. */
export class GivenImage {
  /** Digests of the layer blobs that were given to their end. */
  readonly given: Set<string> = new Set()
  readonly #options: GivenImageOptions
  readonly #stop = new AbortController()

  constructor(options: GivenImageOptions) {
    this.#options = options
  }

  /** Aborted when the engine need not go on: it asks for what it should have, or a layer cannot be read. */
  get over(): AbortSignal {
    return this.#stop.signal
  }

  get registry(): Registry {
    const { repository, manifest, config, layers, plain } = this.#options
    const blobs = new Map(layers.map((layer) => [plain ? layer.diffId : layer.digest, layer]))
    const isOurs = ({ path }: RepositoryRef) => path === repository
    return {
      manifest: async (from, reference) => {
        if (!isOurs(from) || (reference !== 'latest' && reference !== manifest.digest)) return undefined
        return { digest: manifest.digest, mediaType: MANIFEST_TYPE, bytes: manifest.bytes }
      },
      blob: async (from, digest) => {
        if (!isOurs(from)) return undefined
        if (digest === config.digest) return { digest, size: config.size, read: (range) => part(config.bytes, range) }
        const layer = blobs.get(digest)
        return layer === undefined ? undefined : this.#layer(digest, layer)
      },
      tags: async () => undefined,
      repositories: async () => [],
      referrers: async () => [],
    }
  }

  #layer(digest: string, layer: ImageLayer): StoredBlob {
    const { plain, held } = this.#options
    if (held.has(layer.digest)) {
      const error = new DockerIpfsError('ENGINE_FAILED', 'the engine asks for layers that it has')
      this.#stop.abort(error)
      throw error
    }
    return {
      digest,
      size: plain ? layer.tarSize : layer.size,
      read: (range, signal) => this.#read(layer, range, signal),
    }
  }

  async *#read(layer: ImageLayer, { offset, length }: Range, signal: AbortSignal): Bytes {
    const { plain, open, report } = this.#options
    const size = plain ? layer.tarSize : layer.size
    const reader = open(layer)
    const stop = () => reader.close()
    signal.addEventListener('abort', stop, { once: true })
    report({ type: 'layer-start', layer: layer.diffId, bytesTotal: size })
    const progress = (bytesDone: number) => report({ type: 'layer-progress', layer: layer.diffId, bytesDone })
    try {
      // An engine that lost the connection asks for the rest, which comes behind what it has.
      yield* within(counted(plain ? tarOfLayer(layer, reader) : reader.blob(layer), progress), offset, offset + length)
      this.given.add(layer.digest)
      report({ type: 'layer-waits', layer: layer.diffId, status: 'Sent', bytesDone: size })
    } catch (error) {
      // Engines try again for most of a minute; whoever reads the image in another way hears what is wrong.
      if (!signal.aborted) this.#stop.abort(error)
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
      reader.close()
    }
  }
}

async function* part(bytes: Uint8Array, { offset, length }: Range): Bytes {
  yield bytes.subarray(offset, offset + length)
}

async function* within(source: Bytes, from: number, to: number): Bytes {
  let at = 0
  for await (const bytes of source) {
    const piece = bytes.subarray(Math.max(0, from - at), Math.max(0, to - at))
    at += bytes.length
    if (piece.length > 0) yield piece
  }
}
