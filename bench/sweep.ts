/**
 * Tries numbers of the format on the archives of the series, without engine or node:
 *
 *     bun bench/sweep.ts --series a,c --T 16384,32768 --M 1048576 --gmin 65536 --gmax 1048576 --mask 7 --level 1,3
 *
 * A list means every value; several lists mean every combination. --chunker PATH takes another module that exports
 * `Chunker` (and maybe `compressFrame`); --set KEY=VALUES hands it more numbers. --bound adds the file-level bound,
 * --verify holds the chunks against the layers, --json prints one JSON object a line.
 */
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Chunker } from '../src/format/chunker.ts'
import { type CutParameters, FORMAT } from '../src/format/numbers.ts'
import { compressFrame } from '../src/format/zstd.ts'
import { mapInOrder } from '../src/streams.ts'
import { fileLevelBound } from './bound.ts'
import { type LayerTar, readLayers } from './layers.ts'
import { archiveOf, pickSeries, type Series } from './series.ts'

interface ChunkerModule {
  readonly Chunker: new (cut: CutParameters) => { write(bytes: Uint8Array): Uint8Array[]; end(): Uint8Array[] }
  readonly compressFrame?: (chunk: Uint8Array, level: number) => Promise<Uint8Array>
}

/** What one version added to those before it. */
interface Added {
  bytes: number
  blocks: number
  /** Bytes of the UnixFS nodes above the blocks, about. */
  links: number
  wall: number
  cpu: number
}

type Numbers = Readonly<Record<string, number>>

/** A link and the size of what is behind it, in a UnixFS node. */
const BYTES_PER_LINK = 53
const WINDOW = 16
const PIECE = 64 * 1024

const { values: flags } = parseArgs({
  options: {
    series: { type: 'string', default: 'a' },
    versions: { type: 'string' },
    T: { type: 'string', default: String(FORMAT.largeFile) },
    M: { type: 'string', default: String(FORMAT.pieceSize) },
    gmin: { type: 'string', default: String(FORMAT.groupMin) },
    gmax: { type: 'string', default: String(FORMAT.groupMax) },
    mask: { type: 'string', default: String(FORMAT.nameMask) },
    level: { type: 'string', default: String(FORMAT.zstdLevel) },
    set: { type: 'string', multiple: true, default: [] },
    chunker: { type: 'string' },
    bound: { type: 'boolean', default: false },
    verify: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const module: ChunkerModule =
  flags.chunker === undefined ? { Chunker } : ((await import(resolve(flags.chunker))) as ChunkerModule)
const axes = new Map<string, number[]>([
  ['largeFile', numbers(flags.T)],
  ['pieceSize', numbers(flags.M)],
  ['groupMin', numbers(flags.gmin)],
  ['groupMax', numbers(flags.gmax)],
  ['nameMask', numbers(flags.mask)],
  ['level', numbers(flags.level)],
])
for (const one of flags.set) {
  const [key = '', list = ''] = one.split('=')
  axes.set(key, numbers(list))
}

for (const series of pickSeries(flags.series)) await sweep(series)

async function sweep(series: Series): Promise<void> {
  const count = Number(flags.versions ?? series.versions.length)
  const versions = series.versions.slice(0, count).map((version) => readLayers(archiveOf(series, version)))
  if (!flags.json) printHead(series, versions)
  if (flags.bound) printBound(versions)
  for (const set of grid()) {
    const seen = new Set<string>()
    const added: Added[] = []
    for (const layers of versions) added.push(await addVersion(layers, set, seen))
    printRow(series, set, added)
  }
}

/** Every combination of the values of the axes. */
function grid(): Numbers[] {
  let sets: Numbers[] = [{}]
  for (const [key, list] of axes) sets = sets.flatMap((set) => list.map((value) => ({ ...set, [key]: value })))
  return sets.filter((set) => Number(set['groupMin']) <= Number(set['groupMax']))
}

async function addVersion(layers: readonly LayerTar[], set: Numbers, seen: Set<string>): Promise<Added> {
  const added: Added = { bytes: 0, blocks: 0, links: 0, wall: 0, cpu: 0 }
  const started = performance.now()
  const cpu = process.cpuUsage()
  for (const layer of layers) {
    if (seen.has(layer.path)) continue
    seen.add(layer.path)
    await addLayer(layer, { set, seen, added })
  }
  const { user, system } = process.cpuUsage(cpu)
  added.wall = (performance.now() - started) / 1000
  added.cpu = (user + system) / 1e6
  return added
}

interface Tally {
  readonly set: Numbers
  readonly seen: Set<string>
  readonly added: Added
}

async function addLayer(layer: LayerTar, { set, seen, added }: Tally): Promise<void> {
  const compress = module.compressFrame ?? compressFrame
  const level = set['level'] as number
  for await (const frame of mapInOrder(chunksOf(layer, set), WINDOW, (chunk) => compress(chunk, level))) {
    added.links += BYTES_PER_LINK
    const key = createHash('sha256').update(frame).digest('base64')
    if (seen.has(key)) continue
    seen.add(key)
    added.bytes += frame.length
    added.blocks += 1
  }
}

async function* chunksOf(layer: LayerTar, set: Numbers): AsyncGenerator<Uint8Array> {
  // The numbers' names are those of CutParameters, and whatever else the module knows.
  const chunker = new module.Chunker({ ...FORMAT, ...set })
  const hash = flags.verify ? createHash('sha256') : undefined
  let size = 0
  const check = (chunks: Uint8Array[]): Uint8Array[] => {
    for (const chunk of chunks) {
      size += chunk.length
      hash?.update(chunk)
    }
    return chunks
  }
  for (let at = 0; at < layer.bytes.length; at += PIECE) {
    yield* check(chunker.write(layer.bytes.subarray(at, at + PIECE)))
  }
  yield* check(chunker.end())
  const right = hash === undefined || layer.path.includes(hash.digest('hex'))
  if (size !== layer.bytes.length || !right) throw new Error(`the chunks of ${layer.path} are not the layer`)
}

function numbers(list: string): number[] {
  return list.split(',').map((text) => {
    const [, digits, unit = ''] = /^(\d+)([kKmM]?)$/.exec(text) ?? []
    if (digits === undefined) throw new Error(`not a number: ${text}`)
    return Number(digits) * ({ '': 1, k: 1024, m: 1024 ** 2 }[unit.toLowerCase()] ?? 1)
  })
}

function printHead(series: Series, versions: readonly (readonly LayerTar[])[]): void {
  const sizes = versions.map((layers) => mega(layers.reduce((sum, layer) => sum + layer.bytes.length, 0)))
  console.log(`series ${series.key}: layer tars ${sizes.join(', ')} MB`)
  const later = series.versions.slice(1, versions.length).map((version) => `+${version.name}`)
  console.log(
    [[...axes.keys()].join('/'), 'MB v1', ...later, 'all later', 'link MB v1', '+later', 'blocks v1', ...later].join(
      '\t',
    ),
    '\ts v1\tCPU s v1\ts all',
  )
}

function printBound(versions: readonly (readonly LayerTar[])[]): void {
  const bound = fileLevelBound(versions)
  for (const kind of ['raw', 'compressed'] as const) {
    const list = bound.map((one) => one[kind])
    console.log([`bound, ${kind}`, ...list.map(mega), mega(sum(list.slice(1)))].join('\t'))
  }
}

function printRow(series: Series, set: Numbers, added: readonly Added[]): void {
  if (flags.json) {
    console.log(JSON.stringify({ series: series.key, ...set, versions: added }))
    return
  }
  const label = [...axes.keys()].map((key) => short(set[key] as number)).join('/')
  const [first, ...later] = added as [Added, ...Added[]]
  const row = [
    label,
    ...added.map((one) => mega(one.bytes)),
    mega(sum(later.map((one) => one.bytes))),
    mega(first.links),
    mega(sum(later.map((one) => one.links))),
    ...added.map((one) => one.blocks),
    first.wall.toFixed(1),
    first.cpu.toFixed(1),
    sum(added.map((one) => one.wall)).toFixed(1),
  ]
  console.log(row.join('\t'))
}

function sum(list: readonly number[]): number {
  return list.reduce((total, one) => total + one, 0)
}

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(2)
}

function short(value: number): string {
  if (value >= 1024 ** 2 && value % 1024 ** 2 === 0) return `${value / 1024 ** 2}M`
  return value >= 1024 && value % 1024 === 0 ? `${value / 1024}K` : String(value)
}
