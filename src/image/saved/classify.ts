import { posix } from 'node:path'
import { DockerIpfsError } from '../../errors.ts'
import type { Bytes } from '../../streams.ts'
import { formatAgainst } from '../../units.ts'
import type { ArchiveEntry } from '../archive.ts'
import { HEAD_BYTES, type Packing, packingOf, peek } from '../decompress.ts'
import { MAX_DOCUMENT } from '../documents.ts'

const BLOBS = 'blobs/sha256/'

/** The hex of `blobs/sha256/<hex>`, `<hex>/layer.tar` or `<hex>.tar`. What is no hex must get into no path of the catalogue. */
export function layerKey(path: string): string | undefined {
  return /^(?:blobs\/sha256\/([0-9a-f]{64})|([0-9a-f]{64})(?:\/layer)?\.tar)$/.exec(path)?.slice(1).find(Boolean)
}

/** Before Docker 25; other tools may pack what they call so. */
export function isLayerTar(path: string): boolean {
  return posix.basename(path) === 'layer.tar'
}

interface Classified {
  readonly isDocument: boolean
  /** A document, by its looks, that is too large to be kept. */
  readonly isLarge: boolean
  readonly body: Bytes
  readonly packing: Packing
}

/** Tells documents from layers, and how those are packed, by the first bytes. */
export async function classify(entry: ArchiveEntry, diffIds: ReadonlySet<string>): Promise<Classified> {
  const { path, size = 0 } = entry
  const name = posix.basename(path)
  const isBlob = path.startsWith(BLOBS)
  if (isBlob && diffIds.has(`sha256:${name}`)) {
    return { isDocument: false, isLarge: false, body: entry.body, packing: 'plain' }
  }
  const { head, all } = await peek(entry.body, HEAD_BYTES)
  const isJson = !isLayerTar(path) && (head[0] === 0x7b || head[0] === 0x5b)
  const looksSo = isJson || (!isBlob && DOCUMENTS.test(name))
  const isLarge = size > MAX_DOCUMENT
  return { isDocument: looksSo && !isLarge, isLarge: looksSo && isLarge, body: all, packing: packingOf(head) }
}

/** Files beside the blobs that are no layers, whatever is in them. */
const DOCUMENTS = /^(VERSION|json|repositories|oci-layout|.*\.json)$/

export function documentTooLarge(path: string, size: number): DockerIpfsError {
  const [found, most] = formatAgainst(size, MAX_DOCUMENT)
  const text = `${path} of the image archive has ${found}, and documents of at most ${most} are read`
  return new DockerIpfsError('ARCHIVE_INVALID', text)
}
