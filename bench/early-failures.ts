/**
 * Loads that fail early, each kind many times, and whether the engine's daemon lives on. Engines 23 to 27 with a classic store
 * end when they break off inside a zstd layer; no load of ours may make them. One line for each kind and each answer.
 *
 *     bun bench/early-failures.ts [--engine docker26] [--rounds 50] [--seed 1] [--only depth,…] [--plugin FILE]
 *
 * Kinds: depth, config, broken, doubled, present, full, inodes, cancelled, together and names; and pipe, which is
 * `docker load` of image.tar, without the plugin. `--plugin` takes another build. Needs root, for small disks.
 */
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { archiveOci, bulk, imageOf, type TestImage } from '../test/support/images.ts'
import { type Entry, tarOf } from '../test/support/tar.ts'
import { buildPlugin, installBuild, RUN_HOME, removeEngine, removeNode, startEngine, startNode } from './places.ts'
import { run } from './shell.ts'

const KINDS = [
  'depth',
  'config',
  'broken',
  'doubled',
  'present',
  'full',
  'inodes',
  'cancelled',
  'together',
  'names',
] as const
const { values: flags } = parseArgs({
  options: {
    engine: { type: 'string', default: 'docker26' },
    rounds: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: KINDS.join() },
    plugin: { type: 'string' },
  },
})

const MB = 1024 * 1024
/** The engine's disk for "full": one step of its image has room, not all of it. */
const SMALL_DISK = '60M'
/** And the files that it may have, for "full" and for "inodes", where there are enough for the archive of all layers. */
const INODES: Readonly<Record<string, number>> = { full: 32_768, inodes: 500 }
/** After this time a dying daemon is dead, in milliseconds. */
const SETTLE_MS = 200

const DISK = join(RUN_HOME, 'disk')
const SMALL = join(RUN_HOME, 'small')
const DATA = join(RUN_HOME, 'engines', flags.engine, 'data')

interface Answer {
  readonly code: number
  readonly line: string
}

const config = flags.plugin === undefined ? await buildPlugin() : installBuild(flags.plugin)
const node = await startNode('early', true)
let engine = await startEngine(flags.engine)
let deaths = 0
try {
  const roots = await saveImages()
  for (const kind of flags.only.split(',')) {
    const all = () => rounds(kind, roots)
    const inodes = INODES[kind]
    await (inodes === undefined ? all() : onSmallDisk(inodes, all))
  }
} finally {
  await removeNode('early')
  await removeEngine(flags.engine)
}
process.exitCode = deaths === 0 ? 0 : 1

function file(path: string, size: number): Entry {
  return { path, body: bulk(size, path) }
}

function images(): Record<string, TestImage> {
  const layer = (name: string, size: number) => tarOf([file(name, size)])
  const lower = [layer('lower', 17 * MB), layer('middle', 17 * MB)]
  // What an engine refuses when it reads the file of that name for the second time, with much behind.
  const rest = Array.from({ length: 20 }, (_, at) => file(`rest/${at}`, MB))
  const doubled = tarOf([file('a', 1), file('a', 2), ...rest])
  const broken = Buffer.concat([layer('a', MB).subarray(0, -1024), Buffer.alloc(512, 'x'), bulk(10 * MB, 'rest')])
  const good = imageOf([...lower, layer('upper', 4 * MB)])
  const odd = { ...JSON.parse(good.config.toString()), config: { Env: 'a string' } }
  return {
    deep: imageOf(Array.from({ length: 126 }, (_, at) => layer(`f${at}`, 1))),
    inodes: imageOf(Array.from({ length: 120 }, (_, at) => layer(`g${at}`, 1))),
    lower: imageOf(lower),
    good,
    config: { ...good, config: Buffer.from(JSON.stringify(odd)) },
    doubled: imageOf([doubled]),
    present: imageOf([...lower, doubled]),
    broken: imageOf([broken]),
    // Small as it is sent, and large when it is unpacked.
    loose: imageOf([
      tarOf(
        Array.from({ length: 80 }, (_, at) => ({
          path: `${at}`,
          body: Buffer.concat([bulk(MB / 16, `${at}`), Buffer.alloc(MB)]),
        })),
      ),
    ]),
    large: imageOf([20, 25, 30].map((size) => layer(`large ${size}`, size * MB))),
  }
}

/** Gives the node all images, and gives their root CIDs. */
async function saveImages(): Promise<ReadonlyMap<string, string>> {
  const roots = new Map<string, string>()
  const archive = join(RUN_HOME, 'early.tar')
  for (const [name, image] of Object.entries(images())) {
    await Bun.write(archive, archiveOci(image, 'plain'))
    roots.set(name, await run(['docker', 'ipfs', 'save', '-q', '-i', archive], { env: env() }))
  }
  await Bun.file(archive).delete()
  return roots
}

async function rounds(kind: string, roots: ReadonlyMap<string, string>): Promise<void> {
  const random = numbersFrom(`${flags.seed} ${kind}`)
  const answers = new Map<string, number>()
  let died = 0
  for (let round = 0; round < Number(flags.rounds); round++) {
    if (round === 0 || !isAlive()) engine = await startEngine(flags.engine)
    await clear()
    for (const { code, line } of await play(kind, round, roots, random)) {
      const answer = `exit code ${code}: ${line}`
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
    }
    await Bun.sleep(SETTLE_MS)
    if (!isAlive()) died += 1
  }
  deaths += died
  console.log(`${flags.engine} ${kind}: ${flags.rounds} rounds, the daemon died in ${died}`)
  for (const [answer, count] of answers) console.log(`    ${count} times ${answer}`)
}

/** One round; gives what came of each load. */
async function play(
  kind: string,
  round: number,
  roots: ReadonlyMap<string, string>,
  random: () => number,
): Promise<Answer[]> {
  const root = (name: string) => roots.get(name) ?? ''
  if (kind === 'names')
    return [round % 2 === 0 ? await load(['no-such-image:1']) : await load(['--tag', 'Not/A Name', root('good')])]
  if (kind === 'together') return Promise.all([load([root('good')]), load([root('good')])])
  if (kind === 'cancelled') return [await load([root('good')], random() * 1500)]
  if (kind === 'pipe') return [await pipe(root('deep'))]
  if (kind === 'present') await load([root('lower')])
  const name = { depth: 'deep', full: round % 2 === 0 ? 'loose' : 'large' }[kind] ?? kind
  return [await load([root(name)])]
}

async function load(args: readonly string[], cancelAfter?: number): Promise<Answer> {
  const child = Bun.spawn(['docker', '-H', engine.host, 'ipfs', 'load', ...args], {
    env: env(),
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const cancel = cancelAfter === undefined ? undefined : setTimeout(() => child.kill('SIGINT'), cancelAfter)
  const [stderr, code] = await Promise.all([child.stderr.text(), child.exited])
  clearTimeout(cancel)
  return { code, line: errorIn(stderr) }
}

async function pipe(root: string): Promise<Answer> {
  const archive = join(RUN_HOME, 'image.tar')
  await Bun.write(archive, await fetch(`${node.gateway}/ipfs/${root}/image.tar`))
  const child = Bun.spawn(['docker', '-H', engine.host, 'load', '-q', '-i', archive], {
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const [stderr, code] = await Promise.all([child.stderr.text(), child.exited])
  return { code, line: stderr.split('\n')[0] ?? '' }
}

/** The line that says what went wrong, without what differs each time. */
function errorIn(stderr: string): string {
  const line = stderr.split('\n').find((each) => /^ERROR|^Cancelled/i.test(each)) ?? 'no error'
  return line.replaceAll(/[0-9a-f]{20,}/g, '…').replaceAll(/\d{6,}|\b[A-Z0-9]{26}\b/g, '…')
}

async function clear(): Promise<void> {
  const ids = (await engine.docker('image', 'ls', '--all', '--quiet')).split('\n').filter(Boolean)
  if (ids.length > 0) await run(['docker', '-H', engine.host, 'image', 'rm', '--force', ...ids], { mayFail: true })
}

/** A daemon that has died may be a zombie. */
function isAlive(): boolean {
  try {
    const pid = readFileSync(join(RUN_HOME, 'engines', flags.engine, 'pid'), 'utf8')
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** `scripts/engine` unmounts what it finds in the engine's folder: so the disk is outside. */
async function onSmallDisk(inodes: number, action: () => Promise<void>): Promise<void> {
  await removeEngine(flags.engine)
  await run(['truncate', '--size', SMALL_DISK, DISK])
  await run(['mkfs.ext4', '-q', '-F', '-N', `${inodes}`, DISK])
  mkdirSync(SMALL, { recursive: true })
  await run(['mount', '-o', 'loop', DISK, SMALL])
  try {
    mkdirSync(dirname(DATA), { recursive: true })
    symlinkSync(SMALL, DATA)
    await action()
  } finally {
    await removeEngine(flags.engine)
    await run(['umount', SMALL])
  }
}

function env(): Record<string, string> {
  return { ...(process.env as Record<string, string>), DOCKER_CONFIG: config, DOCKER_IPFS_API: node.api }
}

/** Numbers from 0 to 1, the same for the same seed. */
function numbersFrom(seed: string): () => number {
  let at = 0
  return () => bulk(4 * ++at, seed).readUInt32LE(4 * (at - 1)) / 2 ** 32
}
