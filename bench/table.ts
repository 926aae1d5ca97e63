/** The results as Markdown tables: medians, and ratios to the seed pipeline. */
import { FLOOR, SEED } from './contenders.ts'
import { type Medians, medians, type Results, type SeriesFacts } from './results.ts'

export function markdown(results: Results): string {
  const rows = medians(results.samples)
  return [
    `# Benchmark ${results.date}, ${results.engine}`,
    '',
    `Medians of ${results.rounds} round(s); in each round every contender in turn. Written by \`npm run bench\`.`,
    'MB = 10^6 bytes. CPU: seconds of client + node + engine. Memory: the largest process of the client / all of its processes. "×" is the ratio',
    'to the seed pipeline, `docker save | ipfs add -Q`.',
    '',
    ...facts({ ...results.machine, ...results.software }),
    '',
    ...results.series.flatMap((series) => {
      const own = rows.filter((row) => row.series === series.key)
      return own.length === 0 ? [] : section(series, own)
    }),
  ].join('\n')
}

function facts(pairs: Readonly<Record<string, string | number>>): string[] {
  return ['| | |', '|---|---|', ...Object.entries(pairs).map(([name, value]) => `| ${name} | ${value} |`)]
}

function section(series: SeriesFacts, rows: readonly Medians[]): string[] {
  const saves = rows.filter((row) => row.step === 'save')
  return [
    `## Series ${series.key}: ${series.title}`,
    '',
    ...bytesTable(series, saves),
    '',
    '| save | version | MB added | × | blocks | wall s | × | CPU s | × | memory MB |',
    '|---|---|--:|--:|--:|--:|--:|--:|--:|--:|',
    ...saves.map((row) => saveRow(row, rivalOf(row, rows))),
    '',
    '| load | version | wall s | × | CPU s | × | memory MB |',
    '|---|---|--:|--:|--:|--:|--:|',
    ...rows.filter((row) => row.step !== 'save').map((row) => loadRow(row, rivalOf(row, rows))),
    '',
  ]
}

/** MB that each version adds, a line per contender, and beside them what storing every file once would cost. */
function bytesTable(series: SeriesFacts, saves: readonly Medians[]): string[] {
  const keys = [...new Set(saves.map((row) => row.contender))].filter((key) => key !== FLOOR)
  const line = (label: string, values: readonly number[]) =>
    `| ${[label, ...values.map(mega), mega(sum(values.slice(1)))].join(' | ')} |`
  return [
    `| MB added | ${series.versions.join(' | ')} | all after v1 |`,
    `|---|${'--:|'.repeat(series.versions.length + 1)}`,
    ...keys.map((key) =>
      line(
        key,
        series.versions.map((name) => find(saves, key, name)?.addedBytes ?? 0),
      ),
    ),
    line(
      'bound: files once, zlib',
      series.bound.map((one) => one.compressed),
    ),
    line(
      'bound: files once, raw',
      series.bound.map((one) => one.raw),
    ),
  ]
}

function saveRow(row: Medians, seed: Medians | undefined): string {
  const bytes =
    row.contender === FLOOR
      ? ['', '', '']
      : [mega(row.addedBytes), ratio(row.addedBytes, seed?.addedBytes), String(row.addedBlocks)]
  return `| ${[row.contender, row.version, ...bytes, ...times(row, seed)].join(' | ')} |`
}

function loadRow(row: Medians, seed: Medians | undefined): string {
  const state = row.step === 'load-cold' ? `${row.version}, empty engine` : `${row.version}, previous version there`
  return `| ${[row.contender, state, ...times(row, seed)].join(' | ')} |`
}

function times(row: Medians, seed: Medians | undefined): string[] {
  const parts = [row.clientCpu, row.nodeCpu, row.engineCpu]
  return [
    row.wall.toFixed(2),
    ratio(row.wall, seed?.wall),
    `${parts.map((seconds) => seconds.toFixed(1)).join(' + ')} = ${cpu(row).toFixed(1)}`,
    ratio(cpu(row), seed === undefined ? undefined : cpu(seed)),
    `${(row.clientMemory / 1e6).toFixed(0)} / ${(row.clientMemoryTogether / 1e6).toFixed(0)}`,
  ]
}

function cpu(row: Medians): number {
  return row.clientCpu + row.nodeCpu + row.engineCpu
}

function rivalOf(row: Medians, rows: readonly Medians[]): Medians | undefined {
  return rows.find((other) => other.contender === SEED && other.step === row.step && other.version === row.version)
}

function find(rows: readonly Medians[], contender: string, version: string): Medians | undefined {
  return rows.find((row) => row.contender === contender && row.version === version)
}

function ratio(value: number, reference: number | undefined): string {
  return reference === undefined || reference === 0 ? '' : (value / reference).toPrecision(3)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(2)
}
