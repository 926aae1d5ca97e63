/**
 * What a rebuild costs at least when files are stored once: unique file contents, and the tars with each content
 * replaced by its hash. Counted raw, and with each part compressed by zlib (contents level 1, the rest level 6).
 */
import { createHash } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { type LayerTar, tarEntries } from './layers.ts'

export interface Bound {
  readonly raw: number
  readonly compressed: number
}

/** The bytes that each version of a series adds to those before it. */
export function fileLevelBound(versions: readonly (readonly LayerTar[])[]): Bound[] {
  const seen = new Set<string>()
  return versions.map((layers) => {
    let raw = 0
    let compressed = 0
    for (const layer of layers) {
      if (seen.has(layer.path)) continue
      seen.add(layer.path)
      const added = addLayer(layer.bytes, seen)
      raw += added.raw
      compressed += added.compressed
    }
    return { raw, compressed }
  })
}

function addLayer(tar: Uint8Array, seen: Set<string>): Bound {
  const rest: Uint8Array[] = []
  let raw = 0
  let compressed = 0
  let at = 0
  for (const { type, dataAt, size } of tarEntries(tar)) {
    if (size === 0 || (type !== '0' && type !== '7')) continue
    const data = tar.subarray(dataAt, dataAt + size)
    const hash = createHash('sha256').update(data).digest()
    rest.push(tar.subarray(at, dataAt), hash)
    at = dataAt + size
    const key = hash.toString('hex')
    if (seen.has(key)) continue
    seen.add(key)
    raw += size
    compressed += Math.min(size, deflateSync(data, { level: 1 }).length)
  }
  rest.push(tar.subarray(at))
  const packed = deflateSync(Buffer.concat(rest), { level: 6 }).length
  return { raw: raw + packed, compressed: compressed + packed }
}
