/** The layer tars inside the archives of a series, without unpacking them. */
import { BLOCK, paddingOf, paxValue, type RawHeader, readHeader } from '../src/format/tar-header.ts'

export interface LayerTar {
  /** Path in the archive; it has the digest in it, so that equal layers of several archives have the same. */
  readonly path: string
  readonly bytes: Uint8Array
}

/** One entry of a tar: where its headers begin and where its data lies. */
export interface TarEntry {
  readonly name: string
  readonly type: string
  readonly start: number
  readonly dataAt: number
  readonly size: number
}

/** Walks through a tar that is wholly at hand; it stops at the first block that is no header. */
export function* tarEntries(tar: Uint8Array): Generator<TarEntry> {
  let at = 0
  let start = 0
  let longName: Uint8Array | undefined
  while (at + BLOCK <= tar.length) {
    const header = readHeader(tar.subarray(at, at + BLOCK))
    if (header === undefined) return
    const dataAt = at + BLOCK
    at = dataAt + header.size + paddingOf(header.size)
    if (isExtended(header)) {
      longName = longNameOf(header, tar.subarray(dataAt, dataAt + header.size)) ?? longName
      continue
    }
    const name = Buffer.from(longName ?? header.name).toString()
    yield { name, type: header.type, start, dataAt, size: header.size }
    longName = undefined
    start = at
  }
}

/** The layers of an archive of the OCI layout of a classic store (engine 25 and later), bottom first. */
export function readLayers(archive: string): LayerTar[] {
  const tar = Bun.mmap(archive)
  const files = new Map<string, Uint8Array>()
  for (const { name, dataAt, size } of tarEntries(tar)) files.set(name, tar.subarray(dataAt, dataAt + size))
  const manifest = files.get('manifest.json')
  if (manifest === undefined) throw new Error(`${archive} has no manifest.json`)
  const [{ Layers }] = JSON.parse(Buffer.from(manifest).toString()) as [{ Layers: string[] }]
  return Layers.map((path) => {
    const bytes = files.get(path)
    if (bytes === undefined) throw new Error(`${archive} has no ${path}`)
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) throw new Error(`${archive}: ${path} is compressed`)
    return { path, bytes }
  })
}

function isExtended(header: RawHeader): boolean {
  return 'xgLK'.includes(header.type)
}

function longNameOf(header: RawHeader, data: Uint8Array): Uint8Array | undefined {
  if (header.type === 'x') return paxValue(data, 'path')
  if (header.type !== 'L') return undefined
  const end = data.indexOf(0)
  return end < 0 ? data : data.subarray(0, end)
}
