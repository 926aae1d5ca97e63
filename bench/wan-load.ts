/**
 * Loads through a node that has nothing, joined over a long way to the one that has the images: the seed pipeline with an empty
 * engine, then docker-ipfs with an empty engine, and with the version before it there.
 *
 *     bun bench/wan-load.ts [--series a] [--engine docker26] [--latency 25] [--rounds 3]
 *
 * `--latency`: milliseconds in one direction. Needs the archives of the series: `npm run bench -- --prepare` makes them.
 */
import { parseArgs } from 'node:util'
import { Toxiproxy, type Way } from '../test/support/toxiproxy.ts'
import { CONTENDERS, type Contender, type Image, OURS, SEED, type Where } from './contenders.ts'
import { measure } from './measure.ts'
import {
  buildPlugin,
  emptyEngine,
  type RunningNode,
  removeEngine,
  removeNode,
  repoSize,
  startEngine,
  startNode,
} from './places.ts'
import { archiveOf, nameOf, pickSeries, type Version } from './series.ts'
import { run, say } from './shell.ts'

const { values: flags } = parseArgs({
  options: {
    engine: { type: 'string', default: 'docker26' },
    series: { type: 'string', default: 'a' },
    latency: { type: 'string', default: '25' },
    rounds: { type: 'string', default: '3' },
  },
})
const [series] = pickSeries(flags.series)
if (series === undefined) throw new Error('no such series')
const versions = series.versions.slice(0, 2) as [Version, Version]
const [seed, ours] = [SEED, OURS].map((key) => CONTENDERS.find((one) => one.key === key)) as [Contender, Contender]

const dockerConfig = await buildPlugin()
const ipfs = await run(['scripts/kubo'])
const toxiproxy = await Toxiproxy.start(await run(['scripts/toxiproxy']))
const engine = await startEngine(flags.engine)
const far = await startNode('wan-far', true)
const seconds = { seed: [] as number[], cold: [] as number[], next: [] as number[] }
try {
  const swarm = (await identity(far)).Addresses?.find((address) => address.includes('/ip4/127.0.0.1/tcp/')) ?? ''
  const way = await toxiproxy.way('far', Number(swarm.split('/')[4]))
  await way.trouble({ latency: Number(flags.latency) })
  const saved = await saveAll()
  for (let round = 1; round <= Number(flags.rounds); round += 1) {
    const fromSeed = await joined(way)
    await emptyEngine(engine)
    seconds.seed.push(await load(seed, saved.seed, fromSeed, 'seed, cold'))
    const fresh = await joined(way)
    await emptyEngine(engine)
    seconds.cold.push(await load(ours, saved.first, fresh, 'docker-ipfs, cold'))
    seconds.next.push(await load(ours, saved.second, fresh, 'docker-ipfs, next version'))
  }
  const [base, cold, next] = [median(seconds.seed), median(seconds.cold), median(seconds.next)]
  console.log(
    `series ${series.key} on ${flags.engine}, ${2 * Number(flags.latency)} ms round trip, medians of ${flags.rounds}: seed ${base.toFixed(1)} s, ` +
      `docker-ipfs cold ${cold.toFixed(1)} s (${(cold / base).toFixed(3)} times), next version ${next.toFixed(1)} s (${(next / base).toFixed(3)} times)`,
  )
} finally {
  await toxiproxy.stop()
  await removeNode('wan-near')
  await removeNode('wan-far')
  await removeEngine(flags.engine)
}

/** Puts both versions on the far node, and the first as the seed pipeline does. */
async function saveAll(): Promise<{ seed: string; first: string; second: string }> {
  const cids: string[] = []
  const images: Image[] = []
  await emptyEngine(engine)
  for (const version of versions) {
    const said = await engine.docker(
      'load',
      '--quiet',
      '--input',
      archiveOf(series as NonNullable<typeof series>, version),
    )
    const name = nameOf(series as NonNullable<typeof series>, version)
    await engine.docker('tag', /Loaded image: (.+)/.exec(said)?.[1] ?? '', name)
    images.push({ name, id: await engine.docker('image', 'inspect', '-f', '{{.Id}}', name) })
  }
  for (const image of images) cids.push((await measure(ours.save(image, where(far)), watched(far))).output)
  const { output } = await measure(seed.save(images[0] as Image, where(far)), watched(far))
  return { seed: output, first: cids[0] ?? '', second: cids[1] ?? '' }
}

/** A node with nothing in it, joined to the far one over the long way. */
async function joined(way: Way): Promise<RunningNode> {
  const near = await startNode('wan-near', true)
  await rpc(near, `swarm/connect?arg=/ip4/127.0.0.1/tcp/${way.port}/p2p/${(await identity(far)).ID}`)
  return near
}

async function load(contender: Contender, cid: string, near: RunningNode, what: string): Promise<number> {
  const before = { repo: await repoSize(near), got: await fetched(near) }
  const { cost } = await measure(contender.load(cid, '', where(near)), watched(near))
  const stored = (await repoSize(near)).bytes - before.repo.bytes
  const got = (await fetched(near)) - before.got
  const ratio = `${(got / 1e6).toFixed(2)} MB fetched for ${(stored / 1e6).toFixed(2)} MB stored: ${(got / stored).toFixed(3)} times`
  say(`${what}: ${cost.wall.toFixed(2)} s, ${ratio}, ${(cost.clientMemory / 1e6).toFixed(0)} MB of memory`)
  return cost.wall
}

/** Bytes of blocks that came from the network. */
async function fetched(node: RunningNode): Promise<number> {
  return ((await rpc(node, 'bitswap/stat')) as { DataReceived: number }).DataReceived
}

function identity(node: RunningNode): Promise<{ ID?: string; Addresses?: string[] }> {
  return rpc(node, 'id')
}

async function rpc<T>(node: RunningNode, path: string): Promise<T> {
  const port = /\/tcp\/(\d+)$/.exec(node.api)?.[1]
  const answer = await fetch(`http://127.0.0.1:${port}/api/v0/${path}`, { method: 'POST' })
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
  return (await answer.json()) as T
}

function where(node: RunningNode): Where {
  return { docker: `docker -H ${engine.host}`, ipfs: `${ipfs} --api ${node.api}`, api: node.api }
}

function watched(node: RunningNode) {
  return { engine, nodePid: node.pid, dockerConfig }
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
