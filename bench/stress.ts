/**
 * Saves that get in each other's way: while the node's GC runs in a loop, two of one image at once, and two of images that
 * share layers at once. Each round starts from an empty repository; afterwards each CID must be right and every block of it
 * on the node, also after one more GC.
 *
 *     bun bench/stress.ts [--rounds 20] [--engine docker26] [--only gc,same,shared]
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { archive20, archiveOci, bulk, imageOf } from '../test/support/images.ts'
import { tarOf } from '../test/support/tar.ts'
import { buildPlugin, RUN_HOME, type RunningNode, removeEngine, removeNode, startEngine, startNode } from './places.ts'
import { say } from './shell.ts'

const { values: flags } = parseArgs({
  options: {
    engine: { type: 'string', default: 'docker26' },
    rounds: { type: 'string', default: '20' },
    only: { type: 'string', default: 'gc,same,shared' },
  },
})

const BOTH = ['stress:a', 'stress:b'] as const
type Name = (typeof BOTH)[number]

interface Saved {
  readonly cid: string
  readonly ms: number
  readonly stderr: string
}

const dockerConfig = await buildPlugin()
const engine = await startEngine(flags.engine)
const node = await startNode('stress', true)
const wanted = new Map<Name, string>()
let wrong = 0
try {
  await giveImages()
  for (const name of BOTH) {
    await empty()
    wanted.set(name, (await save(name, '--no-cache')).cid)
  }
  for (const kind of flags.only.split(',')) await rounds(kind)
} finally {
  await removeNode('stress')
  await removeEngine(flags.engine)
}
process.exitCode = wrong === 0 ? 0 : 1

/** Two images of some 45 MB: 35 MB in two layers they share, and one each of its own. */
async function giveImages(): Promise<void> {
  const text = (from: number) => Array.from({ length: 400 }, (_, at) => `${from + at}: nothing to see here\n`).join('')
  const files = Array.from({ length: 1000 }, (_, at) => ({
    path: `usr/share/${at}`,
    body: Buffer.from(text(at * 400)),
  }))
  const shared = [
    tarOf([...files, { path: 'usr/lib/large', body: bulk(15_000_000, 'large') }]),
    tarOf([{ path: 'opt/data', body: bulk(8_000_000, 'data') }]),
  ]
  for (const name of BOTH) {
    const image = imageOf([...shared, tarOf([{ path: 'app', body: bulk(10_000_000, name) }])])
    const file = join(RUN_HOME, 'stress.tar')
    await Bun.write(file, flags.engine === 'docker20' ? archive20(image) : archiveOci(image, 'plain'))
    const said = await engine.docker('image', 'load', '--input', file)
    await engine.docker('image', 'tag', /sha256:[0-9a-f]{64}/.exec(said)?.[0] ?? '', name)
    await Bun.file(file).delete()
  }
}

async function rounds(kind: string): Promise<void> {
  const times: number[] = []
  let right = 0
  let warned = 0
  let collections = 0
  for (let round = 1; round <= Number(flags.rounds); round++) {
    await empty()
    try {
      const { saves, gcs } = await play(kind)
      collections += gcs
      times.push(...saves.map(({ ms }) => ms))
      const warnings = saves.flatMap(({ stderr }) => stderr.split('\n').filter((line) => line.includes('WARNING')))
      warned += warnings.length
      for (const line of warnings) say(`${kind} ${round}: ${line}`)
      right++
    } catch (error) {
      wrong++
      say(`${kind} ${round}: ${error instanceof Error ? error.message : error}`)
    }
  }
  times.sort((a, b) => a - b)
  const [median, slowest] = [times[times.length >> 1] ?? 0, times.at(-1) ?? 0].map((ms) => (ms / 1000).toFixed(2))
  const gc = collections > 0 ? `, ${collections} GCs meanwhile` : ''
  console.log(
    `${kind}: ${right} of ${flags.rounds} rounds right, ${warned} warnings; a save took ${median} s (median), ${slowest} s (most)${gc}`,
  )
}

/** One round; throws where something is not as it must be. */
async function play(kind: string): Promise<{ saves: Saved[]; gcs: number }> {
  const pair = (first: Name, second: Name) => Promise.all([save(first), save(second)])
  if (kind === 'same') return { saves: await checked(() => pair('stress:a', 'stress:a'), ['stress:a']), gcs: 0 }
  if (kind === 'shared') return { saves: await checked(() => pair('stress:a', 'stress:b'), BOTH), gcs: 0 }
  if (kind !== 'gc') throw new Error(`no kind "${kind}"; there are gc, same and shared`)
  const gc = collectInALoop()
  const saves = await checked(async () => [await save('stress:a'), await save('stress:b')], BOTH).finally(gc.stop)
  return { saves, gcs: await gc.stop() }
}

/** Saves, and then looks at what the node has of these images. */
async function checked(action: () => Promise<Saved[]>, names: readonly Name[]): Promise<Saved[]> {
  const saves = await action()
  const cids = names.map((name) => wanted.get(name) ?? '')
  for (const { cid } of saves) if (!cids.includes(cid)) throw new Error(`the CID ${cid} is wrong`)
  if (new Set(saves.map(({ cid }) => cid)).size !== names.length) throw new Error('two images have one CID')
  for (const cid of cids) await walk(cid)
  await rpc('repo/gc')
  for (const cid of cids) await walk(cid)
  // The catalogue is right where it answers, and it must answer where nobody was warned.
  const complete = saves.every(({ stderr }) => !stderr.includes('WARNING'))
  for (const name of complete ? names : []) {
    const again = await save(name)
    if (!again.stderr.includes('already saved')) throw new Error(`${name} is not in the catalogue: ${again.stderr}`)
  }
  return saves
}

function collectInALoop(): { stop: () => Promise<number> } {
  let over = false
  const loop = (async () => {
    let times = 0
    for (; !over; times++) await rpc('repo/gc')
    return times
  })()
  loop.catch(() => undefined)
  return {
    stop() {
      over = true
      return loop
    },
  }
}

async function save(name: Name, ...options: string[]): Promise<Saved> {
  const began = performance.now()
  const child = Bun.spawn(['docker', '-H', engine.host, 'ipfs', 'save', '--progress', 'plain', ...options, name], {
    env: { ...process.env, DOCKER_CONFIG: dockerConfig, DOCKER_IPFS_API: node.api },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`save ${name}: exit code ${code}: ${stderr}`)
  return { cid: stdout.trim(), ms: performance.now() - began, stderr }
}

/** Fails when a block of the DAG is missing. */
async function walk(root: string): Promise<void> {
  const text = await rpc(`refs?arg=${root}&recursive=true&unique=true&offline=true`)
  const bad = text.split('\n').find((line) => line !== '' && !line.includes('"Err":""'))
  if (bad !== undefined) throw new Error(`${root} is not whole: ${bad}`)
}

async function empty(): Promise<void> {
  const { Keys = {} } = JSON.parse(await rpc('pin/ls?type=recursive')) as { Keys?: object }
  for (const cid of Object.keys(Keys)) await rpc(`pin/rm?arg=${cid}`)
  await rpc('files/rm?arg=/docker-ipfs&recursive=true&force=true')
  await rpc('repo/gc')
}

async function rpc(path: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${portOf(node)}/api/v0/${path}`, { method: 'POST' })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${path}: ${text}`)
  return text
}

function portOf({ api }: RunningNode): string {
  return /\/tcp\/(\d+)$/.exec(api)?.[1] ?? ''
}
