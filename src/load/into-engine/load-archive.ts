import type { Report } from '../../events.ts'
import { END_OF_ARCHIVE, fileHeader, paddingOf } from '../../format/tar-header.ts'
import { blobPath, dockerManifest, hexOf, OCI_LAYOUT, ociIndex } from '../../image/canonical.ts'
import { unpack } from '../../image/decompress.ts'
import { ofSize } from '../../image/verified.ts'
import { distinct, type ImageLayer } from '../../read/layers.ts'
import type { LayerReader } from '../../read/read-ahead.ts'
import { type Bytes, counted } from '../../streams.ts'
import type { Step } from './steps.ts'

/** What an archive must be like for one engine, and when it may end. */
export interface ArchiveForm {
  /** Layers uncompressed, and no OCI layout: for engines before 23. */
  readonly plain: boolean
  /** Called when all is sent but the end of the archive, which is sent afterwards. */
  readonly end: () => Promise<void>
}

/**
 * The archive for `docker load`, without names. With `plain`, layers are uncompressed and only docker's own manifest.json
 * is there, for engines before 23, which read neither zstd nor an OCI layout; else it has the files of image.tar.
 */
export async function* loadArchive(
  step: Step,
  { plain, end }: ArchiveForm,
  reader: LayerReader,
  report: Report,
): Bytes {
  const { config, manifest, layers, leaveOut } = step
  const configPath = plain ? `${hexOf(config.digest)}.json` : blobPath(config.digest)
  const layerPath = (layer: ImageLayer) => (plain ? `${hexOf(layer.diffId)}.tar` : blobPath(layer.digest))
  if (!plain) {
    yield* archiveFile('oci-layout', Buffer.from(OCI_LAYOUT))
    yield* archiveFile('index.json', ociIndex({ digest: manifest.digest, size: manifest.size }).bytes)
    yield* archiveFile(blobPath(manifest.digest), manifest.bytes)
  }
  yield* archiveFile('manifest.json', dockerManifest(configPath, layers.map(layerPath)).bytes)
  yield* archiveFile(configPath, config.bytes)

  for (const layer of distinct(layers.slice(step.from))) {
    if (leaveOut.has(layer.digest)) {
      report({ type: 'layer-done', layer: layer.diffId, status: 'Already exists', bytesDone: layer.size })
      continue
    }
    const size = plain ? layer.tarSize : layer.size
    report({ type: 'layer-start', layer: layer.diffId, bytesTotal: size })
    yield fileHeader(layerPath(layer), size)
    const progress = (bytesDone: number) => report({ type: 'layer-progress', layer: layer.diffId, bytesDone })
    yield* counted(plain ? plainLayer(layer, reader) : reader.blob(layer), progress)
    yield new Uint8Array(paddingOf(size))
    report({ type: 'layer-done', layer: layer.diffId, status: 'Loaded', bytesDone: size })
  }
  await end()
  yield END_OF_ARCHIVE
}

/** The engine holds each tar against its diffID itself: only that it is as long as its header says is left to see to. */
function plainLayer(layer: ImageLayer, reader: LayerReader): Bytes {
  const tar = unpack(reader.blob(layer), 'zstd', { what: `layer ${layer.digest}`, code: 'INTEGRITY' })
  return ofSize(tar, { size: layer.tarSize, what: `the tar of layer ${layer.digest}` })
}

/** A file as it stands in a tar. */
export async function* archiveFile(path: string, bytes: Uint8Array): Bytes {
  yield fileHeader(path, bytes.length)
  yield bytes
  yield new Uint8Array(paddingOf(bytes.length))
}
