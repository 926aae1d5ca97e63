/**
 * A catalogue of many images: how long `ls` takes there, and whether a save is slower than with few.
 *
 *     bun bench/names.ts [--images 1000] [--tags 5] [--rounds 9] [--engine docker26]
 *
 * Two nodes, one with 10 images and one with many. Saves of a new version of an image of 2 MB go to both in turn.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { archiveOci, digest, imageOf, noise } from '../test/support/images.ts'
import { type Entry, tarOf } from '../test/support/tar.ts'
import { buildPlugin, RUN_HOME, type RunningNode, removeEngine, removeNode, startEngine, startNode } from './places.ts'
import { run, say } from './shell.ts'

const { values: flags } = parseArgs({
  options: {
    images: { type: 'string', default: '1000' },
    tags: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '9' },
    engine: { type: 'string', default: 'docker26' },
  },
})

const FEW = 10
const dockerConfig = await buildPlugin()
const engine = await startEngine(flags.engine)
const [few, many] = [await startNode('names-few', true), await startNode('names-many', true)]
try {
  for (const [node, images] of [
    [few, FEW],
    [many, Number(flags.images)],
  ] as const) {
    await fill(node, images)
  }
  const listing: number[] = []
  for (let round = 0; round <= Number(flags.rounds); round++) listing.push((await ipfs(many, 'ls', '-q')).seconds)
  const { lines } = await ipfs(many, 'ls')
  const times = [listing.slice(1), [] as number[], [] as number[]]
  for (let round = 0; round <= Number(flags.rounds); round++) {
    for (const [at, node] of [few, many].entries()) {
      const name = await give(`${round}-${at}`)
      const { seconds } = await ipfs(node, 'save', '--quiet', name)
      // The first is for warming up.
      if (round > 0) times[at + 1]?.push(seconds)
    }
  }
  const [ls = 0, saveFew = 0, saveMany = 0] = times.map(median)
  console.log(`ls of ${lines - 1} names: ${ls.toFixed(2)} s`)
  console.log(
    `save with ${FEW} images ${saveFew.toFixed(2)} s, with ${flags.images} ${saveMany.toFixed(2)} s: ratio ${(saveMany / saveFew).toFixed(2)}`,
  )
} finally {
  await Promise.all([removeNode('names-few'), removeNode('names-many')])
  await removeEngine(flags.engine)
}

/** Saves so many images, each with its tags, from one archive. */
async function fill(node: RunningNode, images: number): Promise<void> {
  const base = tarOf([{ path: 'base', body: noise(2000, 'base') }])
  const files = new Map<string, Entry>()
  const add = (bytes: Buffer) => {
    const path = `blobs/${digest(bytes).slice(7)}`
    files.set(path, { path, body: bytes })
    return path
  }
  const manifest = Array.from({ length: images }, (_, at) => {
    const image = imageOf([base, tarOf([{ path: 'app', body: noise(1000, `app ${at}`) }])])
    const RepoTags = Array.from({ length: Number(flags.tags) }, (_, tag) => `team/app-${at}:${tag}`)
    return { Config: add(image.config), RepoTags, Layers: image.layers.map(add) }
  })
  const file = join(RUN_HOME, 'names.tar')
  await Bun.write(
    file,
    tarOf([...files.values(), { path: 'manifest.json', body: Buffer.from(JSON.stringify(manifest)) }]),
  )
  const { seconds } = await ipfs(node, 'save', '--quiet', '-i', file)
  say(`${images} images saved in ${seconds.toFixed(0)} s`)
  await Bun.file(file).delete()
}

/** Gives the engine a new version of an image. */
async function give(version: string): Promise<string> {
  const layers = [noise(1_000_000, 'first'), noise(1_000_000, version)]
  const image = imageOf(layers.map((body) => tarOf([{ path: 'file', body }])))
  const file = join(RUN_HOME, 'names.tar')
  await Bun.write(file, archiveOci(image, 'plain'))
  const said = await engine.docker('image', 'load', '--input', file)
  const name = `team/new:${version}`
  await engine.docker('image', 'tag', /sha256:[0-9a-f]{64}/.exec(said)?.[0] ?? '', name)
  return name
}

async function ipfs(node: RunningNode, ...args: string[]): Promise<{ seconds: number; lines: number }> {
  const began = performance.now()
  const text = await run(['docker', '-H', engine.host, 'ipfs', ...args], {
    env: { DOCKER_CONFIG: dockerConfig, DOCKER_IPFS_API: node.api },
  })
  return { seconds: (performance.now() - began) / 1000, lines: text.split('\n').length }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
