import { arch } from 'node:os'
import type { CID } from '../dag/cid.ts'
import type { StoredManifest } from '../distribution/registry.ts'
import { DockerIpfsError } from '../errors.ts'
import { INDEX_TYPE, MANIFEST_TYPE, plainManifest, platformIndex } from '../image/canonical.ts'
import { readPlatformOf } from '../image/documents.ts'
import { type FullPlatform, pickRunnable, platformName, platformOf } from '../image/platform.ts'
import { distinct, type ImageLayer } from '../read/layers.ts'
import type { ImageSource, WholeImage } from '../read/open-image.ts'
import { sha256 } from '../streams.ts'

/** A blob of an image: bytes at hand, or a layer as it is stored or unpacked. */
export type ImageBlob =
  | { readonly kind: 'document'; readonly bytes: Uint8Array }
  | { readonly kind: 'packed' | 'plain'; readonly layer: ImageLayer }

/** An image whose documents have been read. */
export interface OpenedImage {
  readonly root: CID
  readonly whole: WholeImage
  readonly documents: ImageDocuments
}

/** What is asked for of an image. */
export interface Wanted {
  readonly isPlain: boolean
  /** Else one manifest, of the platform that this machine runs. */
  readonly takesIndex: boolean
}

/** An image in one of its two forms. */
interface Form {
  readonly top: StoredManifest
  readonly platforms: readonly PlatformManifest[]
}

interface PlatformManifest {
  readonly platform: FullPlatform
  readonly manifest: StoredManifest
}

/**
 * The documents of an image as a registry has them: those of the format, and beside them manifests with the same configs over plain
 * layers, for who reads no zstd. Both are a function of the image alone, so that their digests are the same at every registry.
 */
export class ImageDocuments {
  readonly #packed: Form
  readonly #plain: Form
  readonly #manifests: ReadonlyMap<string, StoredManifest>
  readonly #blobs = new Map<string, ImageBlob>()
  /** Of all platforms, each blob once. */
  readonly layers: readonly ImageLayer[]
  /** Bytes in memory. */
  readonly size: number

  constructor(image: WholeImage) {
    this.#packed = packedForm(image)
    this.#plain = plainForm(image)
    const forms = [this.#plain, this.#packed]
    const manifests = forms.flatMap(({ top, platforms }) => [top, ...platforms.map(({ manifest }) => manifest)])
    this.#manifests = new Map(manifests.map((manifest) => [manifest.digest, manifest]))
    for (const { configDigest, configBytes, layers } of image.platforms) {
      for (const layer of layers) this.#blobs.set(layer.diffId, { kind: 'plain', layer })
      for (const layer of layers) this.#blobs.set(layer.digest, { kind: 'packed', layer })
      this.#blobs.set(configDigest, { kind: 'document', bytes: configBytes })
    }
    this.layers = distinct(image.platforms.flatMap(({ layers }) => layers))
    const bytes = [...manifests, ...image.platforms.map(({ configBytes }) => ({ bytes: configBytes }))]
    this.size = bytes.reduce((sum, { bytes: { length } }) => sum + length, 0)
  }

  /** @throws IMAGE_NOT_FOUND where no index is taken, and this machine runs none of several platforms */
  manifest({ isPlain, takesIndex }: Wanted): StoredManifest {
    const { top, platforms } = isPlain ? this.#plain : this.#packed
    if (takesIndex || top.mediaType === MANIFEST_TYPE) return top
    const found = pickRunnable(platforms, MACHINE) ?? pickRunnable(platforms, LINUX)
    if (found !== undefined) return found.manifest
    const there = platforms.map(({ platform }) => platformName(platform)).join(', ')
    throw new DockerIpfsError('IMAGE_NOT_FOUND', `the image has no ${platformName(MACHINE)}, only ${there}`)
  }

  manifestOf(digest: string): StoredManifest | undefined {
    return this.#manifests.get(digest)
  }

  blobOf(digest: string): ImageBlob | undefined {
    return this.#blobs.get(digest)
  }
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }
const LINUX = platformOf('linux', 'amd64', '')
const MACHINE = platformOf('linux', ARCHITECTURES[arch()] ?? arch(), '')

function packedForm({ platforms, index }: WholeImage): Form {
  return formOf(platforms, index, ({ manifestBytes }) => manifestBytes)
}

function plainForm({ platforms, index }: WholeImage): Form {
  const plain = new Map(platforms.map((image) => [image, plainOf(image)]))
  const entries = [...plain].map(([image, { digest, size }]) => ({ digest, size, platform: platformFor(image) }))
  const top = index === undefined ? undefined : platformIndex(entries).bytes
  return formOf(platforms, top, (image) => (plain.get(image) ?? plainOf(image)).bytes)
}

function plainOf({ configDigest, configBytes, layers }: ImageSource) {
  const tars = layers.map(({ diffId, tarSize }) => ({ digest: diffId, size: tarSize }))
  return plainManifest({ digest: configDigest, size: configBytes.length }, tars)
}

/** @param index of several platforms; undefined for one */
function formOf(
  images: readonly ImageSource[],
  index: Uint8Array | undefined,
  bytesOf: (image: ImageSource) => Uint8Array,
): Form {
  const stored = ({ root }: ImageSource, bytes: Uint8Array, mediaType: string): StoredManifest => {
    return { digest: sha256(bytes), mediaType, bytes, root: root.toString() }
  }
  const platforms = images.map((image) => {
    return { platform: platformFor(image), manifest: stored(image, bytesOf(image), MANIFEST_TYPE) }
  })
  const [first] = platforms
  const [image] = images
  if (first === undefined || image === undefined) throw new Error('an image without platforms')
  return { top: index === undefined ? first.manifest : stored(image, index, INDEX_TYPE), platforms }
}

function platformFor({ root, configBytes }: ImageSource): FullPlatform {
  return readPlatformOf(configBytes, { what: `the config of ${root}`, code: 'NOT_AN_IMAGE' })
}
