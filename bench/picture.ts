/**
 * Draws what each contender stores for the versions of each series, from the JSON of a benchmark run:
 *
 *     bun bench/picture.ts bench/results/<date>-<engine>.json [docs/bench.svg]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FLOOR, OURS } from './contenders.ts'
import { type Medians, medians, type Results, type SeriesFacts } from './results.ts'
import { ROOT } from './shell.ts'

const WIDTH = 860
const LEFT = 190
const RIGHT = 210
const BAR = 16
const ROW = 24
const BETWEEN = 34
const MARGIN = 20

// It brings its own background: a page may be dark where the system is light, and the other way round.
const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .paper { fill: #ffffff; stroke: #d1d9e0 }
  .head { font-size: 16px; font-weight: 600 }
  .title { font-weight: 600 }
  .note { font-size: 12px; fill: #59636e }
  .ours { font-weight: 600 }
  rect.other { fill: #9aa4af }
  rect.ours { fill: #1a7f37 }
  rect.later { opacity: .55 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .paper { fill: #0d1117; stroke: #3d444d }
    .note { fill: #9198a1 }
    rect.other { fill: #6e7681 }
    rect.ours { fill: #3fb950 }
  }`

const [source, target = join(ROOT, 'docs', 'bench.svg')] = process.argv.slice(2)
if (source === undefined) throw new Error('usage: bun bench/picture.ts RESULTS.json [OUT.svg]')
writeFileSync(target, draw(JSON.parse(readFileSync(source, 'utf8')) as Results))
console.log(target)

function draw(results: Results): string {
  const saves = medians(results.samples).filter((row) => row.step === 'save' && row.contender !== FLOOR)
  const parts: string[] = [
    text(MARGIN, 34, 'What the versions of an image take on the node', 'head'),
    text(MARGIN, 54, 'Solid: the first version; pale: each later one. Every panel has its own scale.', 'note'),
  ]
  let y = 54 + BETWEEN
  for (const series of results.series) {
    const rows = saves.filter((row) => row.series === series.key)
    // A run that was broken off has none for the last series.
    if (rows.length === 0) continue
    parts.push(text(MARGIN, y, series.title.charAt(0).toUpperCase() + series.title.slice(1), 'title'))
    y += 10
    const keys = [...new Set(rows.map((row) => row.contender))]
    const scale = (WIDTH - LEFT - RIGHT) / Math.max(...keys.map((key) => sum(addedBy(key, series, rows))), 1)
    for (const key of contenderOrder(results, keys)) {
      parts.push(...bar(key, addedBy(key, series, rows), { y, scale }))
      y += ROW
    }
    y += BETWEEN - 6
  }
  const { software, engine, date } = results
  const note = `${date}, ${engine} (${software['engine']}), Kubo ${software['kubo']}; medians of ${results.rounds} round(s)`
  parts.push(text(MARGIN, y, note, 'note'))
  return page(y + MARGIN, parts)
}

/** As the run lists them: ours last. */
function contenderOrder(results: Results, keys: readonly string[]): string[] {
  return results.contenders.map(({ key }) => key).filter((key) => keys.includes(key))
}

function addedBy(contender: string, series: SeriesFacts, rows: readonly Medians[]): number[] {
  return series.versions.map(
    (version) => rows.find((row) => row.contender === contender && row.version === version)?.addedBytes ?? 0,
  )
}

function bar(key: string, added: readonly number[], { y, scale }: { y: number; scale: number }): string[] {
  const colour = key === OURS ? 'ours' : 'other'
  const parts = [text(LEFT - 10, y + 13, labelOf(key), colour, 'end')]
  let x = LEFT
  for (const [at, bytes] of added.entries()) {
    const width = bytes * scale
    // A gap between versions, where there is room for one.
    const drawn = Math.max(width - (width > 4 ? 1.5 : 0), 0.5)
    const shade = at === 0 ? colour : `${colour} later`
    parts.push(`<rect class="${shade}" x="${x.toFixed(1)}" y="${y}" width="${drawn.toFixed(1)}" height="${BAR}"/>`)
    x += width
  }
  const [first = 0, ...later] = added
  const many = later.length > 1 ? ` in ${later.length} versions` : ''
  parts.push(text(x + 8, y + 13, `${mega(first)} MB, then +${mega(sum(later))}${many}`, colour))
  return parts
}

function labelOf(key: string): string {
  if (key === OURS) return 'docker ipfs save'
  return key === 'seed' ? 'save | ipfs add' : `… --chunker=${key}`
}

function page(height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"`,
    ' aria-label="Bytes stored per version by each contender">',
    `<style>${STYLE}\n</style>`,
    `<rect class="paper" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

function text(x: number, y: number, words: string, className: string, anchor = 'start'): string {
  const safe = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text class="${className}" x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${safe}</text>`
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function mega(bytes: number): string {
  const value = bytes / 1e6
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2)
}
