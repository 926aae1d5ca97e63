/**
 * Every engine, and what else writes archives: the same image must be one CID, and come back from it everywhere.
 *
 *     bun bench/matrix.ts [--engines "docker20 docker29-ctr"] [--images busybox,multi] [--output docs/engines.md]
 *
 * Each image is made on one engine; each other engine gets it once by `docker save` and `docker load`, once from IPFS, and once by
 * `docker load` of the image.tar that IPFS has, and saves it again each time. Some 10 minutes, as root; Docker 29 is built once.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Engine } from '../test/support/engine.ts'
import { Real, removeEngines } from '../test/support/real.ts'
import { script } from '../test/support/scripts.ts'
import { buildEverywhere } from './matrix-build.ts'
import { IMAGES, type MatrixImage } from './matrix-images.ts'
import { type Built, type Cell, matrixMarkdown, type Row } from './matrix-table.ts'
import { configOf, TOOLS } from './matrix-tools.ts'
import { say } from './shell.ts'

const all = (await script('engine', 'list')).trim().split('\n')
const { values: flags } = parseArgs({
  options: {
    engines: { type: 'string', default: all.join(' ') },
    images: { type: 'string', default: '' },
    output: { type: 'string', default: 'docs/engines.md' },
  },
})
const engines = flags.engines.split(' ')
const images = IMAGES.filter(({ name }) => flags.images.split(',').some((part) => name.includes(part)))

const real = new Real()
const path = (name: string) => `${real.place.folder}/${name}`
let wrong = 0
try {
  await play()
} finally {
  await real.close()
  await removeEngines()
}
process.exitCode = wrong === 0 ? 0 : 1

async function play(): Promise<void> {
  await real.startNode('matrix')
  const names = new Set([...engines, ...images.map(({ origin }) => origin)])
  await Promise.all([...names].map((name) => real.startEngine(name)))
  const version = (name: string) => real.engine(name).docker('version', '-f', '{{.Server.Version}}')
  const versions = await Promise.all(engines.map(async (name) => [name, await version(name)] as const))
  const built: Built[] = []
  for (const name of engines.filter((engine) => real.engine(engine).isContainerd)) {
    built.push({ engine: name, outcome: await check(`buildx on ${name}`, () => build(real.engine(name))) })
  }
  const rows: Row[] = []
  for (const image of images) {
    rows.push(await playImage(image))
    // After every image, so that a run that breaks leaves what it has.
    const tools = TOOLS.map(({ title }) => title)
    writeFileSync(flags.output, matrixMarkdown({ versions: new Map(versions), tools, rows, built }))
  }
  say(flags.output)
}

/** What an image is: from the engine where it was made. */
interface Truth {
  readonly archive: string
  readonly name: string
  readonly contents: Awaited<ReturnType<Engine['contents']>>
  /** The CID of all its platforms, and of linux/amd64 alone; the same where it has one. */
  readonly root: string
  readonly alone: string
}

async function playImage(image: MatrixImage): Promise<Row> {
  const origin = real.engine(image.origin)
  await origin.clear()
  await image.make(origin, real.place.folder)
  const archive = path('carried.tar')
  await origin.docker('image', 'save', '-o', archive, image.name)
  const contents = await origin.contents(image.name)
  const root = await origin.save(real.node(), image.name)
  const alone = await saveArchive(archive, '--platform', 'linux/amd64')
  const truth = { archive, name: image.name, contents, root, alone }
  say(`${image.title}: ${root}`)
  const cells: Cell[] = []
  for (const name of engines) cells.push(await playEngine(real.engine(name), truth))
  // Of the last engine: an OCI layout, where the last is not 20.10.
  const tools: string[] = []
  for (const tool of TOOLS) {
    tools.push(
      await check(`${tool.title}, ${image.title}`, async () => {
        const made = await tool.write(path('saved.tar'), real.place.folder)
        const cid = await saveArchive(made)
        if (cid !== alone && cid !== root && configOf(made) !== contents.config) return 'another config'
        return expectOne(cid, [root, alone])
      }),
    )
  }
  return { title: image.title, origin: image.origin, root, alone, layers: contents.diffIds.length, cells, tools }
}

async function playEngine(engine: Engine, { archive, name, contents, root, alone }: Truth): Promise<Cell> {
  const what = (step: string) => `${engine.name}, ${name}, ${step}`
  const saved = engine.isContainerd ? root : alone
  const carried = await check(what('docker save, docker load, save'), async () => {
    await engine.clear()
    await engine.docker('image', 'load', '-i', archive)
    expectOne(await engine.save(real.node(), name), [saved])
    await engine.docker('image', 'save', '-o', path('saved.tar'), name)
    return expectOne(await saveArchive(path('saved.tar')), [saved])
  })
  const loaded = await check(what('load'), async () => {
    await engine.clear()
    const load = await engine.ipfs(real.node(), 'load', '-q', '--tag', name, root)
    if (load.exitCode !== 0) throw new Error(load.stderr)
    return same(await engine.contents(name), contents)
  })
  const again = await check(what('save again'), async () => expectOne(await engine.save(real.node(), name), [alone]))
  const plain = await check(what('docker load of image.tar'), () => plainLoad(engine, { contents, root, saved }))
  return { carried, loaded, again, plain }
}

async function plainLoad(
  engine: Engine,
  { contents, root, saved }: { contents: Truth['contents']; root: string; saved: string },
): Promise<string> {
  await engine.clear()
  const ipfs = (await script('kubo')).trim()
  const command = `${ipfs} --api ${real.node().api} cat ${root}/image.tar | docker -H ${engine.host} load`
  const { exitCode, stdout, stderr } = await real.place.run('bash', ['-o', 'pipefail', '-c', command])
  const id = /sha256:[0-9a-f]{64}/.exec(stdout)?.[0]
  if (engine.isOld && exitCode !== 0 && (await engine.images()).length === 0) return 'reads no zstd'
  if (id === undefined) throw new Error(stdout + stderr)
  same(await engine.contents(id), contents)
  return expectOne(await engine.save(real.node(), id), [saved])
}

async function build(engine: Engine): Promise<string> {
  const { archives, name } = await buildEverywhere(engine, real)
  const root = await engine.save(real.node(), name)
  for (const archive of archives) expectOne(await saveArchive(archive), [root])
  return `\`${root}\``
}

/** Gives what the table says of a step: what the step itself says, or that it went right, or wrong. */
async function check(what: string, action: () => Promise<string>): Promise<string> {
  try {
    return await action()
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    wrong += 1
    say(`WRONG ${what}: ${text}`)
    return '**no**'
  }
}

function expectOne(cid: string, wanted: readonly string[]): string {
  if (!wanted.includes(cid)) throw new Error(`${cid}, and not ${wanted.join(' or ')}`)
  return 'yes'
}

function same(is: Truth['contents'], wanted: Truth['contents']): string {
  if (JSON.stringify(is) !== JSON.stringify(wanted))
    throw new Error(`${JSON.stringify(is)}, and not ${JSON.stringify(wanted)}`)
  return 'yes'
}

/** No engine is needed: this one is nowhere. */
async function saveArchive(file: string, ...args: string[]): Promise<string> {
  const command = ['-H', 'unix:///nowhere.sock', 'ipfs', 'save', '-q', '--no-cache', '-i', file, ...args]
  const env = { DOCKER_IPFS_API: real.node().api }
  const { exitCode, stdout, stderr } = await real.place.run('docker', command, { env })
  if (exitCode !== 0) throw new Error(stderr)
  return stdout.trimEnd()
}
