/**
 * The benchmark: every contender in turn, several rounds.
 *
 *     npm run bench -- [--engine docker20|docker26|docker26-ctr] [--series a,b] [--rounds 3] [--contenders seed,docker-ipfs]
 *     npm run bench -- --before FILE [...]       an earlier build of the plugin as one more contender
 *     npm run bench -- --prepare                 only builds the image series (some 15 minutes, once)
 *
 * Writes bench/results/<date>-<engine>.json and .md. It needs root, as private engines do, and some 20 GB of disk; see scripts/own-disk.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fileLevelBound } from './bound.ts'
import { earlierBuild } from './contenders.ts'
import { readLayers } from './layers.ts'
import { buildPlugin, installBuild, removeEngine, startEngine } from './places.ts'
import { prepare } from './prepare.ts'
import { describeMachine, describeSoftware, type Results, type SeriesFacts } from './results.ts'
import { pickContenders, playRound } from './rounds.ts'
import { archiveOf, pickSeries, type Series } from './series.ts'
import { ROOT, run, say } from './shell.ts'
import { markdown } from './table.ts'

const { values: flags } = parseArgs({
  options: {
    engine: { type: 'string', default: 'docker26' },
    series: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    contenders: { type: 'string' },
    before: { type: 'string' },
    prepare: { type: 'boolean', default: false },
    output: { type: 'string', default: join(ROOT, 'bench', 'results') },
  },
})
const series = pickSeries(flags.series)
await prepare(series)
if (!flags.prepare) await bench()

async function bench(): Promise<void> {
  const contenders = pickContenders(flags.contenders)
  if (flags.before !== undefined) contenders.push(earlierBuild(installBuild(flags.before)))
  const dockerConfig = await buildPlugin()
  const ipfs = await run(['scripts/kubo'])
  const facts = series.map(describeSeries)
  const engine = await startEngine(flags.engine)
  try {
    const results: Results = {
      date: new Date().toISOString().slice(0, 10),
      engine: flags.engine,
      rounds: Number(flags.rounds),
      machine: await describeMachine(),
      software: await describeSoftware(engine.docker),
      contenders: contenders.map(({ key, title }) => ({ key, title })),
      series: facts,
      samples: [],
    }
    const add = (sample: Results['samples'][number]) => results.samples.push(sample)
    for (let round = 1; round <= results.rounds; round += 1) {
      for (const one of series) {
        await playRound({ engine, contenders, dockerConfig, ipfs, add }, one, round)
        await write(results)
      }
    }
  } finally {
    await removeEngine(flags.engine)
  }
}

function describeSeries(one: Series): SeriesFacts {
  const layers = one.versions.map((version) => readLayers(archiveOf(one, version)))
  return {
    key: one.key,
    title: one.title,
    versions: one.versions.map((version) => version.name),
    layerBytes: layers.map((list) => list.reduce((sum, layer) => sum + layer.bytes.length, 0)),
    bound: fileLevelBound(layers),
  }
}

/** After every series, so that a run that breaks leaves what it has. */
async function write(results: Results): Promise<void> {
  const path = join(flags.output, `${results.date}-${results.engine}`)
  mkdirSync(flags.output, { recursive: true })
  writeFileSync(`${path}.json`, `${JSON.stringify(results, null, 2)}\n`)
  await run(['node_modules/.bin/biome', 'format', '--write', `${path}.json`], { mayFail: true })
  writeFileSync(`${path}.md`, markdown(results))
  say(`${path}.md`)
}
