import type { Range } from '../dag/block-source.ts'
import { verified } from '../image/verified.ts'
import { type Bytes, lean, mapInOrder, readAtOnce } from '../streams.ts'
import type { ReadOptions } from './document-reader.ts'
import { blobFile, type ImageLayer, type ReadLayer } from './layers.ts'
import type { ImageSource } from './open-image.ts'
import { type ReadLimits, withoutStall } from './stall.ts'

/** Bytes of one request, and requests under way or waiting to be read: what bounds the memory; and whether the time limit is kept here. */
const WINDOWS = {
  /** What the node has is read when it is wanted. */
  node: { segment: Number.POSITIVE_INFINITY, atOnce: 1, isLimited: true },
  /** What the node gets meanwhile too; whoever gets it sees that it comes. */
  arriving: { segment: Number.POSITIVE_INFINITY, atOnce: 1, isLimited: false },
  /**
   * Each request leads through the nodes of the file, and over a leaf at each end, once more: so few and large ones. Gateways are watched, and
   * changed, where they are asked.
   */
  gateways: { segment: 8 * 1024 * 1024, atOnce: 3, isLimited: false },
  /**
   * A node first, gateways when it finds nobody. For each request the node asks the network for ten blocks at a time, so that over a long way
   * their number decides how many are in flight.
   */
  both: { segment: 1024 * 1024, atOnce: 24, isLimited: false },
}

/** No limit that anybody meets. */
const NO_LIMIT_MS = 24 * 60 * 60 * 1000

export interface ReadAheadOptions extends ReadLimits {
  readonly read: ReadLayer
  /** Where the bytes are. */
  readonly from: keyof typeof WINDOWS
}

/** Reads layers ahead of who takes them. */
export interface LayerReader {
  /** The bytes of a layer's blob, the last of them only when all are right. To be called in the order of the layers, and read to the end. */
  blob(layer: ImageLayer): Bytes
  /** Ends what is under way. */
  close(): void
}

/** A part of a layer's blob, in bytes. */
interface Segment extends Range {
  readonly layer: ImageLayer
}

/**
 * Opens a reader of these layers. They are read in segments, several at once and across layers: over a network each would
 * wait for the one before otherwise, and no request stays open while the engine takes its time.
 */
export function readAhead(
  { root }: Pick<ImageSource, 'root'>,
  layers: readonly ImageLayer[],
  options: ReadAheadOptions,
): LayerReader {
  const { segment, atOnce, isLimited } = WINDOWS[options.from]
  const timeoutMs = isLimited ? options.timeoutMs : NO_LIMIT_MS
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const ahead = mapInOrder(segmentsOf(layers, segment), atOnce, async ({ layer, offset, length }) => {
    const bytes = options.read(layer, { offset, length }, signal)
    return Number.isFinite(segment) ? readAtOnce(bytes) : bytes
  })

  async function* read(layer: ImageLayer): Bytes {
    for (let at = 0; at < layer.size; at += segment) {
      const { value, done } = await ahead.next()
      if (done) return
      let size = 0
      for await (const part of value) {
        size += part.length
        yield part
      }
      // The layer is shorter than it should be: whoever checks it sees that.
      if (size < Math.min(segment, layer.size - at)) return
    }
  }

  return {
    blob(layer) {
      const bytes = withoutStall(read(layer), root, timeoutMs, stop)
      // Gateways see to it themselves.
      return checked(layer, options.from === 'gateways' ? bytes : lean(bytes))
    },
    close: () => stop.abort(),
  }
}

/** Reads a part of one layer, in the same segments. Nobody holds it against a digest here. */
export async function* readPart({ root }: Pick<ImageSource, 'root'>, part: Segment, options: ReadAheadOptions): Bytes {
  const { segment, atOnce, isLimited } = WINDOWS[options.from]
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const ahead = mapInOrder(cut(part, segment), atOnce, async ({ layer, offset, length }) => {
    const bytes = options.read(layer, { offset, length }, signal)
    return { length, bytes: Number.isFinite(segment) ? readAtOnce(bytes) : bytes }
  })
  try {
    for await (const { length, bytes } of ahead) {
      let size = 0
      for await (const piece of withoutStall(bytes, root, isLimited ? options.timeoutMs : NO_LIMIT_MS, stop)) {
        size += piece.length
        yield piece
      }
      // The layer is shorter than it should be: whoever reads it sees that.
      if (size < length) return
    }
  } finally {
    stop.abort()
  }
}

/** A reader of one layer after the other, for what is at hand: CAR files. */
export function readInOrder({ root }: Pick<ImageSource, 'root'>, options: ReadOptions): LayerReader {
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  return {
    blob: (layer) => {
      const bytes = options.blocks.cat(blobFile(root, layer.digest), signal)
      return checked(layer, lean(withoutStall(bytes, root, options.timeoutMs, stop)))
    },
    close: () => stop.abort(),
  }
}

function checked({ digest, size }: ImageLayer, bytes: Bytes): Bytes {
  return verified(bytes, { digest, size, what: `layer ${digest}` })
}

async function* segmentsOf(layers: readonly ImageLayer[], size: number): AsyncGenerator<Segment> {
  for (const layer of layers) yield* cut({ layer, offset: 0, length: layer.size }, size)
}

function* cut({ layer, offset, length }: Segment, size: number): Generator<Segment> {
  for (let at = 0; at < length; at += size) {
    yield { layer, offset: offset + at, length: Math.min(size, length - at) }
  }
}
