import type { Report } from '../../events.ts'
import { END_OF_ARCHIVE, fileHeader, paddingOf } from '../../format/tar-header.ts'
import { blobPath, dockerManifest, hexOf, OCI_LAYOUT, ociIndex } from '../../image/canonical.ts'
import { distinct, type ImageLayer } from '../../read/layers.ts'
import type { LayerReader } from '../../read/read-ahead.ts'
import { type Bytes, counted } from '../../streams.ts'
import { plainFile, tarOfLayer } from './plain-layer.ts'
import type { Step } from './steps.ts'

/** What an archive must be like for one engine, and when it may end. */
export interface ArchiveForm {
  /** Layers uncompressed, and no OCI layout: for engines that `readZstd` is false of. */
  readonly plain: boolean
  /** Called when all is sent but the end of the archive, which is sent afterwards. */
  readonly end: () => Promise<void>
}

/**
 * The archive for `docker load`, without names. With `plain`, layers are uncompressed and only docker's own manifest.json
 * is there: engines before 23 read neither zstd nor an OCI layout. Else it has the files of image.tar.
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
    const progress = (bytesDone: number) => report({ type: 'layer-progress', layer: layer.diffId, bytesDone })
    const bytes = counted(plain ? tarOfLayer(layer, reader) : reader.blob(layer), progress)
    const file = plain ? await plainFile(bytes, size) : { size, body: bytes }
    yield fileHeader(layerPath(layer), file.size)
    yield* file.body
    yield new Uint8Array(paddingOf(file.size))
    report({ type: 'layer-waits', layer: layer.diffId, status: 'Sent', bytesDone: size })
  }
  await end()
  yield END_OF_ARCHIVE
}

/** A file as it stands in a tar. */
export async function* archiveFile(path: string, bytes: Uint8Array): Bytes {
  yield fileHeader(path, bytes.length)
  yield bytes
  yield new Uint8Array(paddingOf(bytes.length))
}
