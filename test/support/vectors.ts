import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The vectors of the format: see test/vectors/README.md. */
const FOLDER = join(import.meta.dir, '../vectors')

/** A layer: its tar, and all that the format makes of it. */
export interface LayerVector {
  /** The rule that it tries, in a few words. */
  readonly name: string
  /** Bytes of the layer tar. */
  readonly tarSize: number
  /** `sha256:<hex>` of the layer tar. */
  readonly diffId: string
  /** Bytes of each chunk, in order. */
  readonly chunks: readonly number[]
  /** The layer blob: `sha256:<hex>`, bytes, and the CID of the file. */
  readonly blob: { readonly digest: string; readonly size: number; readonly cid: string }
  readonly tarXzBase64: string
}

/** An image of one or several platforms, and the digests and CIDs that it has. */
export interface ImageVector {
  readonly name: string
  readonly platforms: readonly {
    /** The config, as text. */
    readonly config: string
    /** Layer tars, bottom first. */
    readonly layersXzBase64: readonly string[]
  }[]
  /** CID of the whole. */
  readonly root: string
  /** Of the one manifest, or of the nested index. */
  readonly manifestDigest: string
  /** Of the config that manifest.json names. */
  readonly configDigest: string
  readonly imageTar: { readonly cid: string; readonly size: number; readonly digest: string }
}

/** The layers of both files. */
export function layerVectors(): LayerVector[] {
  const layers: LayerVector[] = read('format-vectors.json')
  const { layers: more }: { layers: LayerVector[] } = read('image-vectors.json')
  return [...layers, ...more]
}

export function imageVectors(): ImageVector[] {
  const { images }: { images: ImageVector[] } = read('image-vectors.json')
  return images
}

/** The bytes of a vector; the system's `xz` unpacks them. */
export function unxz(base64: string): Buffer {
  const { exitCode, stdout, stderr } = Bun.spawnSync(['xz', '-dc'], { stdin: Buffer.from(base64, 'base64') })
  if (exitCode !== 0) throw new Error(`xz cannot unpack a vector: ${stderr}`)
  return stdout
}

function read(name: string) {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8'))
}
