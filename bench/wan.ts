/**
 * A second version, saved to a node across a network: toxiproxy stands before the node with 20 ms of latency each way and
 * 50 Mbit/s. What is uploaded must be at most 1.3 times the bytes of the blocks that are new to the node.
 *
 *     bun bench/wan.ts [--series a] [--engine docker26] [--latency 20] [--mbit 50]
 *
 * Needs the archives of the series: `npm run bench -- --prepare` makes them.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../test/support/relay.ts'
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
import { archiveOf, nameOf, pickSeries } from './series.ts'
import { run } from './shell.ts'

const MOST = 1.3

const { values: flags } = parseArgs({
  options: {
    engine: { type: 'string', default: 'docker26' },
    series: { type: 'string', default: 'a' },
    latency: { type: 'string', default: '20' },
    mbit: { type: 'string', default: '50' },
  },
})
const [series] = pickSeries(flags.series)
const [first, second] = series?.versions ?? []
if (series === undefined || first === undefined || second === undefined) throw new Error('no such series')

const dockerConfig = await buildPlugin()
const toxiproxy = join(await run(['scripts/toxiproxy']), 'toxiproxy-server')
const engine = await startEngine(flags.engine)
const node = await startNode('wan', true)
const proxy = await startProxy(node)
try {
  await emptyEngine(engine)
  for (const version of [first, second]) {
    const said = await engine.docker('load', '--quiet', '--input', archiveOf(series, version))
    await engine.docker('tag', /Loaded image: (.+)/.exec(said)?.[1] ?? '', nameOf(series, version))
  }
  await save(nameOf(series, first), node.api)
  const before = await repoSize(node)
  const began = performance.now()
  const cid = await save(nameOf(series, second), proxy.api)
  const seconds = (performance.now() - began) / 1000
  const after = await repoSize(node)
  const { upload, download } = await proxy.bytes()
  await checkWhole(cid)

  const fresh = after.bytes - before.bytes
  const ratio = upload / fresh
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`
  console.log(
    `series ${series.key}, ${second.name} over ${flags.latency} ms and ${flags.mbit} Mbit/s: ${mb(upload)} uploaded (${mb(download)} back) ` +
      `for ${mb(fresh)} in ${after.blocks - before.blocks} new blocks: ${ratio.toFixed(3)} times, at most ${MOST}; ${seconds.toFixed(1)} s`,
  )
  if (ratio > MOST) process.exitCode = 1
} finally {
  await proxy.stop()
  await removeNode('wan')
  await removeEngine(flags.engine)
}

async function save(name: string, api: string): Promise<string> {
  const env = { DOCKER_CONFIG: dockerConfig, DOCKER_IPFS_API: api }
  return run(['docker', '-H', engine.host, 'ipfs', 'save', '-q', name], { env })
}

/** Every block must be on the node. */
async function checkWhole(root: string): Promise<void> {
  const port = /\/tcp\/(\d+)$/.exec(node.api)?.[1]
  const path = `refs?arg=${root}&recursive=true&unique=true&offline=true`
  const text = await (await fetch(`http://127.0.0.1:${port}/api/v0/${path}`, { method: 'POST' })).text()
  const bad = text.split('\n').find((line) => line !== '' && !line.includes('"Err":""'))
  if (bad !== undefined) throw new Error(`${root} is not whole: ${bad}`)
}

interface Proxy {
  readonly api: string
  /** Bytes that passed so far. */
  bytes(): Promise<{ readonly upload: number; readonly download: number }>
  stop(): Promise<void>
}

/** A slow way to a node. It also counts. */
async function startProxy({ api }: RunningNode): Promise<Proxy> {
  const [control, port] = [await freePort(), await freePort()]
  const server = Bun.spawn([toxiproxy, '-port', `${control}`, '-proxy-metrics'], { stdout: 'ignore', stderr: 'ignore' })
  const ask = async (path: string, body?: object) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const answer = await fetch(`http://127.0.0.1:${control}/${path}`, init)
    if (!answer.ok) throw new Error(`toxiproxy: ${await answer.text()}`)
    return answer.text()
  }
  for (let tries = 0; tries < 50 && !(await ask('version').catch(() => undefined)); tries += 1) await Bun.sleep(100)
  const upstream = `127.0.0.1:${/\/tcp\/(\d+)$/.exec(api)?.[1]}`
  await ask('proxies', { name: 'node', listen: `127.0.0.1:${port}`, upstream, enabled: true })
  const kilobytes = Math.round((Number(flags.mbit) * 1000) / 8)
  for (const stream of ['upstream', 'downstream']) {
    await ask('proxies/node/toxics', { type: 'bandwidth', stream, attributes: { rate: kilobytes } })
    await ask('proxies/node/toxics', { type: 'latency', stream, attributes: { latency: Number(flags.latency) } })
  }
  return {
    api: `/ip4/127.0.0.1/tcp/${port}`,
    async bytes() {
      const text = await ask('metrics')
      const count = (direction: string) =>
        [...text.matchAll(/^toxiproxy_proxy_received_bytes_total\{(.*)\} (\S+)$/gm)]
          .filter(([, labels = '']) => labels.includes(`direction="${direction}"`))
          .reduce((sum, [, , value]) => sum + Number(value), 0)
      const counted = { upload: count('upstream'), download: count('downstream') }
      if (counted.upload === 0) throw new Error(`toxiproxy counted nothing:\n${text}`)
      return counted
    },
    async stop() {
      server.kill()
      await server.exited
    },
  }
}
