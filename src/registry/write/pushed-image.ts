import { hasCode } from '../../errors.ts'
import { type Descriptor, MAX_DOCUMENT, readConfig } from '../../image/documents.ts'
import { isForeign, type PushedManifest, readPushed } from '../../image/pushed.ts'
import { verified } from '../../image/verified.ts'
import { collect } from '../../streams.ts'
import { type Found, lacking } from './found.ts'
import type { PushedPlatform } from './pushed-input.ts'

/** Indexes below each other; nobody has more than two. */
const MAX_DEPTH = 4

/**
 * The platforms of an image, as its manifest or index says; none where it is no image that an engine runs. What stands beside images in an index,
 * such as attestations, is left out.
 * @throws CONTENT_NOT_FOUND, INTEGRITY; what `found` throws
 */
export async function platformsOf(
  pushed: PushedManifest,
  found: Found,
  signal: AbortSignal,
  depth = 0,
): Promise<PushedPlatform[]> {
  if (pushed.kind === 'image') {
    const platform = await platformOf(pushed, found, signal)
    return platform === undefined ? [] : [platform]
  }
  const all: PushedPlatform[] = []
  if (depth === MAX_DEPTH) return all
  for (const { digest, platform } of pushed.manifests) {
    if (platform?.os === 'unknown') continue
    const child = await found.manifest(digest, signal)
    if (child === undefined) throw lacking('manifest', digest)
    all.push(...(await platformsOf(readPushed(child.bytes, child.mediaType), found, signal, depth + 1)))
  }
  return all
}

async function platformOf(
  { config, layers }: PushedManifest,
  found: Found,
  signal: AbortSignal,
): Promise<PushedPlatform | undefined> {
  if (config === undefined || config.size > MAX_DOCUMENT) return undefined
  for (const layer of layers) {
    // It is at an address of its own, and none of the node's images could be whole without it.
    if (isForeign(layer) && (await found.blob(layer.digest, signal)) === undefined) return undefined
  }
  const what = `the config ${config.digest}`
  const bytes = found.open(config, signal)
  const configBytes = await collect(verified(bytes, { ...config, what }), MAX_DOCUMENT, what)
  try {
    const read = readConfig(configBytes, { what, code: 'ARCHIVE_INVALID' })
    return read.diffIds.length === layers.length ? { configBytes, config: read, layers } : undefined
  } catch (error) {
    if (hasCode(error, 'ARCHIVE_INVALID')) return undefined
    throw error
  }
}

/** Blobs that a manifest cannot do without. */
export function blobsIn({ config, layers }: PushedManifest): Descriptor[] {
  return [...(config === undefined ? [] : [config]), ...layers]
}
