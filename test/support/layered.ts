import { zstdCompressSync } from 'node:zlib'
import { parseCid } from '../../src/dag/cid.ts'
import { blobPath, document, OCI_LAYOUT, ociIndex, ociManifest } from '../../src/image/canonical.ts'
import { distinct, type ReadLayer } from '../../src/read/layers.ts'
import type { ImageSource } from '../../src/read/open-image.ts'
import { digest, GOLDEN_ROOTS } from './images.ts'
import { tarOf } from './tar.ts'

const MIB = 1024 * 1024

/**
 * An image whose layers say that their tars are so large, in MiB; in truth each tar is a few bytes, which stand for one. Equal
 * letters are equal layers.
 */
export function layeredImage(letters: string, ...sizes: number[]): ImageSource {
  const layers = [...letters].map((letter, at) => {
    const blob = blobOf(letter)
    return {
      digest: digest(blob),
      size: blob.length,
      tarSize: (sizes[at] ?? 0) * MIB,
      diffId: digest(tarOfLayer(letter)),
    }
  })
  const [os, architecture, diffIds] = ['linux', 'amd64', layers.map(({ diffId }) => diffId)]
  const rootfs = { type: 'layers', diff_ids: diffIds }
  const config = document(Buffer.from(JSON.stringify({ architecture, os, rootfs })))
  const manifest = ociManifest(config, layers, '1')
  return {
    root: parseCid(GOLDEN_ROOTS.tiny),
    isWhole: true,
    manifestBytes: manifest.bytes,
    manifestDigest: manifest.digest,
    configBytes: config.bytes,
    configDigest: config.digest,
    config: { os, architecture, variant: '', created: '', diffIds },
    layers,
  }
}

const tarOfLayer = (letter: string) => Buffer.from(`layer ${letter}`)
export const blobOf = (letter: string) => zstdCompressSync(tarOfLayer(letter))

const LETTERS = 'abcdef'
const byHex = new Map(
  [...LETTERS].flatMap((letter) =>
    [blobOf(letter), tarOfLayer(letter)].map((bytes) => [digest(bytes).slice(7), letter]),
  ),
)

/** Which layer has a blob or a tar of this digest, or at this path. */
export const letterOf = (blob: string) => byHex.get(blob.split(/[:/]/).at(-1) ?? '') ?? '?'

/** Reads the blobs of such layers, as they are. */
export const readLetters: ReadLayer = async function* (layer, { offset, length }) {
  yield blobOf(letterOf(layer.digest)).subarray(offset, offset + length)
}

/** The archive of such an image, as another load, or a pull, would bring it to an engine. */
export function archiveOf({ manifestBytes, manifestDigest, configBytes, configDigest, layers }: ImageSource): Buffer {
  return tarOf([
    { path: 'oci-layout', body: Buffer.from(OCI_LAYOUT) },
    { path: 'index.json', body: ociIndex({ digest: manifestDigest, size: manifestBytes.length }).bytes },
    { path: blobPath(manifestDigest), body: manifestBytes },
    { path: blobPath(configDigest), body: configBytes },
    ...distinct(layers).map((layer) => ({ path: blobPath(layer.digest), body: blobOf(letterOf(layer.digest)) })),
  ])
}
