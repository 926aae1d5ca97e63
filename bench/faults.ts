/**
 * A campaign of faults: in each event a command of ours meets one fault at a random moment, and afterwards what must hold
 * is looked at, and the same command is run without a fault. Engine and nodes are real, and on small disks of their own.
 *
 *     bun bench/faults.ts [--engine docker26] [--events 250] [--seed 1] [--results FILE] [--only FIRST[,…]]
 *
 * Needs root, and `npm run build`. A result is a line of JSON in FILE. Started again with the same seed, it goes on with the
 * events that have none. `--only` runs the events of these numbers once more. With `--table FILE…` it prints the
 * table of results that are there.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Result } from './faults/event.ts'
import { RUN_HOME } from './places.ts'
import { say } from './shell.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engine: { type: 'string', default: 'docker26' },
    events: { type: 'string', default: '250' },
    seed: { type: 'string', default: '1' },
    results: { type: 'string' },
    only: { type: 'string' },
    table: { type: 'boolean', default: false },
  },
})
const file = flags.results ?? `faults-${flags.engine}-${flags.seed}.jsonl`
// Of the scripts that start engines and nodes; read when they are loaded.
process.env['DOCKER_IPFS_RUN'] = join(RUN_HOME, `faults-${flags.engine}`)

if (!flags.table) {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const { campaign } = await import('./faults/campaign.ts')
  const done = new Set(flags.only === undefined ? resultsIn([file]).map(({ number }) => number) : [])
  const numbers = flags.only?.split(',').map(Number) ?? Array.from({ length: Number(flags.events) }, (_, at) => at + 1)
  await campaign({
    engineName: flags.engine,
    seed: Number(flags.seed),
    numbers: numbers.filter((number) => !done.has(number)),
    signal: stop.signal,
    onResult(result) {
      appendFileSync(file, `${JSON.stringify(result)}\n`)
      for (const { column, text } of result.findings) {
        say(`${result.number} ${result.commands.join(' + ')}, ${result.fault}: ${column}: ${text}`)
      }
    },
  })
}
const { tableOf } = await import('./faults/table.ts')
const results = resultsIn(flags.table ? positionals : [file])
console.log(tableOf(results))
process.exitCode = results.some(({ findings }) => findings.length > 0) ? 1 : 0

/** Of an event that ran more than once the last one. */
function resultsIn(files: readonly string[]): Result[] {
  return files.filter(existsSync).flatMap((name) => {
    const lines = readFileSync(name, 'utf8').split('\n').filter(Boolean)
    const all = lines.map((line) => JSON.parse(line) as Result)
    return [...new Map(all.map((result) => [result.number, result])).values()]
  })
}
