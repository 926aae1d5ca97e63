import { gzipSync } from 'node:zlib'
import { digest, type TestImage } from './images.ts'
import { type Entry, tarOf } from './tar.ts'

/** Builds OCI layouts of any shape, blob by blob. */
export class Layout {
  readonly blobs = new Map<string, Buffer>()

  /** Adds a blob and gives its descriptor. */
  blob(mediaType: string, bytes: Buffer, more: object = {}) {
    this.blobs.set(`blobs/sha256/${digest(bytes).slice(7)}`, bytes)
    return { mediaType, digest: digest(bytes), size: bytes.length, ...more }
  }

  json(mediaType: string, value: unknown, more: object = {}) {
    return this.blob(mediaType, Buffer.from(JSON.stringify(value)), more)
  }

  /** The manifest of an image with gzip layers. `more` goes into its descriptor. */
  image(image: TestImage, more: object = {}, layerType = `${OCI}.layer.v1.tar+gzip`) {
    const config = this.blob(`${OCI}.config.v1+json`, image.config)
    const layers = image.layers.map((layer) => this.blob(layerType, gzipSync(layer)))
    return this.json(MANIFEST, { schemaVersion: 2, mediaType: MANIFEST, config, layers }, more)
  }

  index(manifests: readonly object[], more: object = {}) {
    return this.json(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests }, more)
  }

  remove(descriptor: { readonly digest: string }): void {
    this.blobs.delete(`blobs/sha256/${descriptor.digest.slice(7)}`)
  }

  /** The whole as a tar, with the top-level documents last; `docker`: the value of a manifest.json. */
  tar(entries: readonly object[], docker?: unknown): Buffer {
    const files: Entry[] = [...this.blobs].map(([path, body]) => ({ path, body }))
    const json = (path: string, value: unknown) => files.push({ path, body: Buffer.from(JSON.stringify(value)) })
    json('index.json', { schemaVersion: 2, manifests: entries })
    if (docker !== undefined) json('manifest.json', docker)
    json('oci-layout', { imageLayoutVersion: '1.0.0' })
    return tarOf(files)
  }
}

const OCI = 'application/vnd.oci.image'
const MANIFEST = `${OCI}.manifest.v1+json`
const INDEX = `${OCI}.index.v1+json`

/** What BuildKit puts beside an image. */
export const ATTESTATION = {
  annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  platform: { os: 'unknown', architecture: 'unknown' },
}

/** The same image for another platform. */
export function forPlatform(image: TestImage, architecture: string, variant?: string): TestImage {
  const config = JSON.parse(image.config.toString()) as object
  return { ...image, config: Buffer.from(JSON.stringify({ ...config, architecture, ...(variant && { variant }) })) }
}
