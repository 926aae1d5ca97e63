/**
 * Loads from an HTTP gateway at the end of a long way, with no node: against the plain download of image.tar from the same gateway and
 * `docker load`, one after the other and in a pipe. Then once from a gateway that cuts each connection after 20 MB.
 *
 *     bun bench/gateway.ts [--series a] [--engine docker26] [--latency 25] [--rounds 3]
 *
 * `--latency`: milliseconds in one direction. Needs the archives of the series: `npm run bench -- --prepare` makes them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cuts, startGateway } from '../test/support/gateway.ts'
import { Toxiproxy } from '../test/support/toxiproxy.ts'
import { measure } from './measure.ts'
import { buildPlugin, emptyEngine, removeEngine, removeNode, startEngine, startNode } from './places.ts'
import { archiveOf, pickSeries } from './series.ts'
import { run, say } from './shell.ts'

const CUT = 20_000_000

const { values: flags } = parseArgs({
  options: {
    engine: { type: 'string', default: 'docker26' },
    series: { type: 'string', default: 'a' },
    latency: { type: 'string', default: '25' },
    rounds: { type: 'string', default: '3' },
  },
})
const [series] = pickSeries(flags.series)
const [version] = series?.versions ?? []
if (series === undefined || version === undefined) throw new Error('no such series')

const dockerConfig = await buildPlugin()
const toxiproxy = await Toxiproxy.start(await run(['scripts/toxiproxy']))
const engine = await startEngine(flags.engine)
const node = await startNode('gateway', true)
const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-bench-'))
const watched = { engine, nodePid: node.pid, dockerConfig }
const docker = `docker -H ${engine.host}`
try {
  const way = await toxiproxy.way('gateway', Number(new URL(node.gateway).port))
  await way.trouble({ latency: Number(flags.latency) })
  const far = `http://127.0.0.1:${way.port}`
  const save = `docker ipfs save --quiet --api ${node.api} -i ${archiveOf(series, version)}`
  const { output: cid } = await measure(save, watched)
  const load = (gateway: string) => `${docker} ipfs load --quiet --api /ip4/127.0.0.1/tcp/1 --gateway ${gateway} ${cid}`
  const tar = `${far}/ipfs/${cid}/image.tar`
  const ways = {
    'curl, then docker load': `curl -sSfo ${folder}/image.tar ${tar} && ${docker} load -q -i ${folder}/image.tar`,
    'curl | docker load': `curl -sSf ${tar} | ${docker} load -q`,
    'docker ipfs load --gateway': load(far),
  }

  const seconds = new Map<string, number[]>()
  const ids = new Set<string>()
  for (let round = 1; round <= Number(flags.rounds); round += 1) {
    for (const [name, line] of Object.entries(ways)) {
      await emptyEngine(engine)
      const before = await way.bytes()
      const { cost, output } = await measure(line, watched)
      const bytes = (await way.bytes()).download - before.download
      ids.add(/sha256:[0-9a-f]{64}/.exec(output)?.[0] ?? output)
      seconds.set(name, [...(seconds.get(name) ?? []), cost.wall])
      say(
        `${name}: ${cost.wall.toFixed(2)} s, ${(bytes / 1e6).toFixed(1)} MB; CPU seconds: client ${cost.clientCpu.toFixed(1)}, node ` +
          `${cost.nodeCpu.toFixed(1)}, engine ${cost.engineCpu.toFixed(1)}; ${(cost.clientMemory / 1e6).toFixed(0)} MB of memory`,
      )
    }
  }
  const [sequence = 0, pipe = 0, ours = 0] = Object.keys(ways).map((name) => median(seconds.get(name) ?? []))
  console.log(
    `series ${series.key} on ${flags.engine}, ${2 * Number(flags.latency)} ms round trip, medians of ${flags.rounds}: curl, then docker load ` +
      `${sequence.toFixed(2)} s; curl | docker load ${pipe.toFixed(2)} s; docker ipfs load --gateway ${ours.toFixed(2)} s, ` +
      `${(ours / sequence).toFixed(3)} and ${(ours / pipe).toFixed(3)} times`,
  )

  const cutter = await startGateway(far, cuts(CUT))
  await emptyEngine(engine)
  const { cost, output } = await measure(load(cutter.url), watched)
  cutter.close()
  ids.add(/sha256:[0-9a-f]{64}/.exec(output)?.[0] ?? output)
  console.log(`cut every ${CUT / 1e6} MB: ${cost.wall.toFixed(2)} s, ${cutter.asked.length} requests`)
  if (ids.size !== 1) throw new Error(`not one image: ${[...ids].join(', ')}`)
} finally {
  rmSync(folder, { recursive: true })
  await toxiproxy.stop()
  await removeNode('gateway')
  await removeEngine(flags.engine)
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
