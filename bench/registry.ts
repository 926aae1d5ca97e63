/**
 * What saves and loads through a registry of their own save, on each engine: beside docker's own way, and beside an earlier build.
 *
 *     bun bench/registry.ts [--engines docker20,docker26,docker26-ctr,docker28,docker28-ctr] [--rounds 3] [--before FILE] [ARCHIVE ARCHIVE]
 *
 * The archives are of two releases of which the last, small layer differs, as `docker save` gives them with their names; those of series d unless
 * said. What is measured of one round stands side by side, so that ratios count on a machine that others use too.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  buildPlugin,
  emptyEngine,
  installBuild,
  type RunningEngine,
  removeEngine,
  removeNode,
  startEngine,
  startNode,
} from './places.ts'
import { archiveOf, pickSeries } from './series.ts'
import { run, say } from './shell.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engines: { type: 'string', default: 'docker20,docker26,docker26-ctr,docker28,docker28-ctr' },
    rounds: { type: 'string', default: '3' },
    before: { type: 'string' },
  },
})
const [series] = pickSeries('d')
const [first = '', next = ''] =
  positionals.length === 2
    ? positionals
    : (series?.versions ?? []).map((version) => archiveOf(series as never, version))
const ours = await buildPlugin()
const before = flags.before === undefined ? undefined : installBuild(flags.before)
const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-bench-'))
const ipfs = await run(['scripts/kubo'])

/** Seconds of each round, by what was done. */
type Seconds = Map<string, number[]>

try {
  const rows = ['| engine | what | seconds | of | ratio |', '|---|---|--:|---|--:|']
  for (const name of flags.engines.split(',')) rows.push(...(await measureEngine(name)))
  console.log(rows.join('\n'))
} finally {
  rmSync(folder, { recursive: true })
}

async function measureEngine(name: string): Promise<string[]> {
  const engine = await startEngine(name)
  const seconds: Seconds = new Map()
  try {
    for (let round = 1; round <= Number(flags.rounds); round += 1) {
      await measureSaves(engine, seconds)
      await measureLoads(engine, seconds)
      say(`${name}: round ${round}`)
    }
  } finally {
    await removeEngine(name)
    await removeNode('registry')
  }
  const ratios: readonly (readonly [string, string])[] = [
    ['first save', 'docker save | ipfs add'],
    ['next save', 'docker save of the next'],
    ['cold load', 'docker load'],
    ['next load', before === undefined ? 'docker load of the next' : 'next load before'],
    ['load again', ''],
  ]
  return ratios.map(([what, of]) => {
    const [own, other] = [what, of].map((key) => median(seconds.get(key) ?? []))
    const ratio = other === undefined || Number.isNaN(other) ? '' : ((own ?? 0) / other).toFixed(2)
    return `| ${name} | ${what} | ${own?.toFixed(2)} | ${of} | ${ratio} |`
  })
}

/** On nodes that are empty; then the next release, whose base the node has, and the engine from us where it is to know our digests. */
async function measureSaves(engine: RunningEngine, seconds: Seconds): Promise<void> {
  const docker = `docker -H ${engine.host}`
  await emptyEngine(engine)
  const name = await loaded(engine, first)
  const plain = await startNode('registry', true)
  await timed(seconds, 'docker save | ipfs add', `${docker} save ${name} | ${ipfs} --api ${plain.api} add -Q`)
  const { api } = await startNode('registry', true)
  const cid = await timed(seconds, 'first save', `${docker} ipfs save -q --api ${api} ${name}`)
  if (!engine.name.endsWith('-ctr')) {
    await emptyEngine(engine)
    await ipfsOn(docker, `load -q --api ${api} --tag ${name} ${cid}`)
  }
  const release = await loaded(engine, next)
  await timed(seconds, 'docker save of the next', `${docker} save ${release} >/dev/null`)
  await timed(seconds, 'next save', `${docker} ipfs save -q --api ${api} ${release}`)
}

/** From the node that has both releases by now. */
async function measureLoads(engine: RunningEngine, seconds: Seconds): Promise<void> {
  const docker = `docker -H ${engine.host}`
  const { api } = await startNode('registry', false)
  const [one, two] = await Promise.all(
    [first, next].map((archive) => ipfsOn(docker, `save -q --api ${api} -i ${archive}`)),
  )
  // Engines before 23 read no zstd.
  const archive = join(folder, 'image.tar')
  if (engine.name !== 'docker20') await run([ipfs, '--api', api, 'cat', `${one}/image.tar`], { stdout: archive })
  await emptyEngine(engine)
  await timed(seconds, 'docker load', `${docker} load -q -i ${engine.name === 'docker20' ? first : archive}`)
  await timed(seconds, 'docker load of the next', `${docker} load -q -i ${next}`)
  if (before !== undefined) {
    await emptyEngine(engine)
    await ipfsOn(docker, `load -q --api ${api} ${one}`, before)
    await timed(seconds, 'next load before', `${docker} ipfs load -q --api ${api} ${two}`, before)
  }
  await emptyEngine(engine)
  await timed(seconds, 'cold load', `${docker} ipfs load -q --api ${api} ${one}`)
  await timed(seconds, 'next load', `${docker} ipfs load -q --api ${api} ${two}`)
  await timed(seconds, 'load again', `${docker} ipfs load -q --api ${api} ${two}`)
}

/** Loads an archive, and gives the name that it has. */
async function loaded({ docker }: RunningEngine, archive: string): Promise<string> {
  const said = await docker('load', '-q', '-i', archive)
  const name = /^Loaded image: (\S+)$/m.exec(said)?.[1]
  if (name === undefined) throw new Error(`${archive} has no name: ${said}`)
  return name
}

function ipfsOn(docker: string, words: string, config = ours): Promise<string> {
  return run(['bash', '-c', `${docker} ipfs ${words}`], { env: { DOCKER_CONFIG: config } })
}

async function timed(seconds: Seconds, what: string, line: string, config = ours): Promise<string> {
  await run(['sync'])
  const began = performance.now()
  const output = await run(['bash', '-c', `set -o pipefail; ${line}`], { env: { DOCKER_CONFIG: config } })
  const wall = (performance.now() - began) / 1000
  say(`${what}: ${wall.toFixed(2)} s`)
  seconds.set(what, [...(seconds.get(what) ?? []), wall])
  return output
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}
