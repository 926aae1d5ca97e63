import { DockerIpfsError } from '../errors.ts'
import { isObject, parsedObject } from '../json.ts'
import { type Descriptor, isDigest, readIndex, readOciManifest } from './documents.ts'

/**
 * Manifests as clients push them to a registry: of images, of several platforms, and of anything else (OCI image-spec v1.1, manifest.md and
 * image-index.md; docker's "Image Manifest Version 2, Schema 2"; OCI's artifact manifest, before 1.1).
 */
export interface PushedManifest {
  /** An image whose layers are tars; an index of manifests; whatever else has blobs. */
  readonly kind: 'image' | 'index' | 'artifact'
  readonly config: Descriptor | undefined
  /** Layers, or the blobs of an artifact. */
  readonly layers: readonly Descriptor[]
  /** What an index names. */
  readonly manifests: readonly Descriptor[]
  /** Digest of the manifest that it belongs to. */
  readonly subject: string | undefined
  /** What it is, as referrers are listed (distribution-spec, "Listing Referrers"). */
  readonly artifactType: string | undefined
  readonly annotations: Readonly<Record<string, string>>
}

const CONFIG_TYPES = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json']

/** OCI's and docker's names of layers, those too that lie elsewhere. */
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1|docker\.image\.rootfs\.(?:foreign\.)?diff)\.tar(?:[.+](?:gzip|zstd))?$/
const FOREIGN = /\.(?:nondistributable|foreign)\./

/**
 * @param mediaType as the client says it
 * @throws ARCHIVE_INVALID
 */
export function readPushed(bytes: Uint8Array, mediaType: string): PushedManifest {
  const source = { what: 'the manifest', code: 'ARCHIVE_INVALID' } as const
  const value = parsedObject(Buffer.from(bytes).toString('utf8'))
  if (value === undefined) throw invalid('it is no JSON object')
  const says = value['mediaType']
  if (typeof says === 'string' && says !== mediaType) throw invalid(`it says that it is ${says}, and not ${mediaType}`)
  if (value['schemaVersion'] === 1) throw invalid('schema 1 is not taken')
  const common = { subject: subjectOf(value['subject']), annotations: textsOf(value['annotations']) }
  const type = typeof value['artifactType'] === 'string' ? value['artifactType'] : undefined
  if (Array.isArray(value['manifests'])) {
    const manifests = readIndex(bytes, source)
    return { ...common, kind: 'index', config: undefined, layers: [], manifests, artifactType: type }
  }
  if (Array.isArray(value['blobs']) && value['config'] === undefined) {
    const { layers } = readOciManifest(layersOnly(value['blobs']), source)
    return { ...common, kind: 'artifact', config: undefined, layers, manifests: [], artifactType: type }
  }
  const { config, layers } = readOciManifest(bytes, source)
  const isImage = CONFIG_TYPES.includes(config.mediaType) && layers.every((layer) => LAYER_TYPE.test(layer.mediaType))
  const kind = isImage && type === undefined ? 'image' : 'artifact'
  return { ...common, kind, config, layers, manifests: [], artifactType: type ?? config.mediaType }
}

/** Layers that need not be in a registry: whoever pulls them knows where else they are. */
export function isForeign({ mediaType }: Descriptor): boolean {
  return FOREIGN.test(mediaType)
}

function layersOnly(layers: unknown): Uint8Array {
  const config = { mediaType: '', digest: `sha256:${'0'.repeat(64)}`, size: 0 }
  return Buffer.from(JSON.stringify({ config, layers }))
}

function subjectOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  const digest = isObject(value) ? value['digest'] : undefined
  if (!isDigest(digest)) throw invalid('its subject has no sha256 digest')
  return digest
}

function textsOf(value: unknown): Record<string, string> {
  const pairs = isObject(value) ? Object.entries(value) : []
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string'))
}

function invalid(why: string): DockerIpfsError {
  return new DockerIpfsError('ARCHIVE_INVALID', `the manifest cannot be read: ${why}`)
}
