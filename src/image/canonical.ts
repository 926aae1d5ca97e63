import { sha256 } from '../streams.ts'
import type { FullPlatform } from './platform.ts'

/**
 * The JSON documents of an image in the one form that the format knows: keys in the order written here, no white
 * space. Shapes: OCI image-spec v1.1 (manifest.md, image-index.md, image-layout.md) and docker's archive manifest.
 */

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+zstd'
const PLAIN_LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar'

/** On a manifest: the version of the format that its layers were written in. */
export const FORMAT_ANNOTATION = 'org.docker-ipfs.format'
/** On a layer: the size of the layer tar in bytes, for engines that need the layer uncompressed. */
export const TAR_SIZE_ANNOTATION = 'org.docker-ipfs.tar-size'

export const OCI_LAYOUT = '{"imageLayoutVersion":"1.0.0"}'

/** A blob by digest (`sha256:<hex>`) and size in bytes. */
export interface BlobRef {
  readonly digest: string
  readonly size: number
}

export interface LayerRef extends BlobRef {
  readonly tarSize: number
}

/** A document ready to be written, with its digest and size. */
export interface Document extends BlobRef {
  readonly bytes: Uint8Array
}

export function document(bytes: Uint8Array): Document {
  return { bytes, digest: sha256(bytes), size: bytes.length }
}

/** The OCI manifest of one platform. */
export function ociManifest(config: BlobRef, layers: readonly LayerRef[], formatVersion: string): Document {
  return json({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptor(CONFIG_TYPE, config),
    layers: layers.map((layer) => ({
      ...descriptor(LAYER_TYPE, layer),
      annotations: { [TAR_SIZE_ANNOTATION]: String(layer.tarSize) },
    })),
    annotations: { [FORMAT_ANNOTATION]: formatVersion },
  })
}

/** The OCI manifest of the same image for readers that know no zstd: its layers are the tars themselves. It stands nowhere in the format. */
export function plainManifest(config: BlobRef, tars: readonly BlobRef[]): Document {
  return json({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptor(CONFIG_TYPE, config),
    layers: tars.map((tar) => descriptor(PLAIN_LAYER_TYPE, tar)),
  })
}

export interface ManifestRef extends BlobRef {
  readonly platform?: { readonly architecture: string; readonly os: string }
}

/** index.json of a layout. That of an image names one manifest, without a platform. */
export function ociIndex(...manifests: ManifestRef[]): Document {
  const entries = manifests.map(({ platform, ...manifest }) => ({
    ...descriptor(MANIFEST_TYPE, manifest),
    ...(platform === undefined ? {} : { platform }),
  }))
  return json({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: entries })
}

/** The index of an image of several platforms: their manifests, in the order that they come in. */
export function platformIndex(manifests: readonly (BlobRef & { readonly platform: FullPlatform })[]): Document {
  return json({
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: manifests.map(({ platform, ...manifest }) => ({
      ...descriptor(MANIFEST_TYPE, manifest),
      platform: {
        architecture: platform.architecture,
        os: platform.os,
        ...(platform.osVersion === '' ? {} : { 'os.version': platform.osVersion }),
        ...(platform.variant === '' ? {} : { variant: platform.variant }),
      },
    })),
  })
}

/** index.json of the layout of several platforms: one entry, their index. */
export function outerIndex(index: BlobRef): Document {
  return json({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [descriptor(INDEX_TYPE, index)] })
}

/** manifest.json, which classic engines read. It carries no names: `docker ipfs load --tag` names the image afterwards. */
export function dockerManifest(config: string, layers: readonly string[]): Document {
  return json([{ Config: config, RepoTags: null, Layers: layers }])
}

/** Where a blob lies in an OCI layout. */
export function blobPath(digest: string): string {
  return `blobs/sha256/${hexOf(digest)}`
}

/** `<hex>` of `sha256:<hex>`. */
export function hexOf(digest: string): string {
  return digest.slice('sha256:'.length)
}

function descriptor(mediaType: string, blob: BlobRef) {
  return { mediaType, digest: blob.digest, size: blob.size }
}

function json(value: unknown): Document {
  return document(Buffer.from(JSON.stringify(value)))
}
