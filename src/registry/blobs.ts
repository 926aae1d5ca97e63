import type { Range } from '../dag/block-source.ts'
import type { StoredBlob } from '../distribution/registry.ts'
import { unpack } from '../image/decompress.ts'
import { ofSize } from '../image/verified.ts'
import type { ImageLayer, ReadLayer } from '../read/layers.ts'
import { type Bytes, Collecting } from '../streams.ts'
import type { ImageBlob } from './documents.ts'

/** A blob of an image, as a registry gives it. `read`: the layers of that image. */
export function storedBlob(digest: string, blob: ImageBlob, read: ReadLayer): StoredBlob {
  if (blob.kind === 'document') return documentBlob(digest, blob.bytes)
  return blob.kind === 'plain' ? plainBlob(blob.layer, read) : packedBlob(blob.layer, read)
}

function documentBlob(digest: string, bytes: Uint8Array): StoredBlob {
  return {
    digest,
    size: bytes.length,
    async *read({ offset, length }) {
      if (length > 0) yield bytes.subarray(offset, offset + length)
    },
  }
}

function packedBlob(layer: ImageLayer, read: ReadLayer): StoredBlob {
  const { digest, size } = layer
  return { digest, size, read: (range, signal) => lean(read(layer, range, signal)) }
}

/** A layer that is unpacked on its way. Of a part all that stands before it is read too. */
function plainBlob(layer: ImageLayer, read: ReadLayer): StoredBlob {
  const { diffId: digest, tarSize: size } = layer
  const what = `layer ${layer.digest}`
  return {
    digest,
    size,
    read(range, signal) {
      const packed = lean(read(layer, { offset: 0, length: layer.size }, signal))
      const tar = lean(unpack(packed, 'zstd', { what, code: 'INTEGRITY' }))
      return partOf(ofSize(tar, { size, what }), range)
    },
  }
}

/** One for all streams: if each had its own, of eight at once eight times as much would lie about. */
const collecting = new Collecting()

async function* lean(source: Bytes): Bytes {
  for await (const bytes of source) {
    collecting.passed(bytes.length)
    yield bytes
  }
}

async function* partOf(source: Bytes, { offset, length }: Range): Bytes {
  const end = offset + length
  let at = 0
  for await (const bytes of source) {
    const part = bytes.subarray(Math.max(offset - at, 0), Math.max(end - at, 0))
    at += bytes.length
    if (part.length > 0) yield part
    if (at >= end) return
  }
}
