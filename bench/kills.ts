/**
 * kill -9 of the plugin, at moments that are spread over the length of a command that is left alone: in first saves, of images
 * whose blocks are all new, and in publications, every second of which is the first of its key. Afterwards what must hold is
 * looked at, the same command is run once more, and a prune must leave nothing. One table in Markdown; findings above it.
 *
 *     bun bench/kills.ts [--engine docker26] [--saves 30] [--publishes 20] [--megabytes 100] [--seed 1]
 *
 * Needs `npm run build`.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bulk, imageOf, type TestImage } from '../test/support/images.ts'
import { tarOf } from '../test/support/tar.ts'
import { RUN_HOME } from './places.ts'

const { values: flags } = parseArgs({
  options: {
    engine: { type: 'string', default: 'docker26' },
    saves: { type: 'string', default: '30' },
    publishes: { type: 'string', default: '20' },
    megabytes: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
  },
})
// Of the scripts that start engines and nodes; read when they are loaded.
const RUN = join(RUN_HOME, `kills-${flags.engine}`)
process.env['DOCKER_IPFS_RUN'] = RUN

const { Engine } = await import('../test/support/engine.ts')
const { KuboNode } = await import('../test/support/kubo-node.ts')
const { Place } = await import('../test/support/place.ts')
const { script } = await import('../test/support/scripts.ts')
const { archive20, archiveOci, contentsOf } = await import('../test/support/images.ts')
const { leftAfterGc, missingOf, namesOnNode, pinsOnNode, strangeFolders } = await import('./faults/state.ts')
const { mustWork } = await import('./faults/world.ts')

/** Commands that are left alone, whose length is measured. */
const MEASURED = 3
/** All is done, and there is nobody to tell of it. */
const NOT_ANNOUNCED = 6

const COLUMNS = [
  'killed in it',
  'ended before',
  'wrong images',
  'half in ls',
  'half pins',
  'pins without a name',
  'other CID afterwards',
  'left by prune',
  'temp files',
  'processes left',
] as const
type Column = (typeof COLUMNS)[number]

const place = new Place()
const archives = join(RUN, 'archives')
const engine = new Engine(place, flags.engine, (await script('engine', 'start', flags.engine)).trim())
const node = new KuboNode('near', await script('node', 'start', 'near', '--fresh'))
const world = { engine, node }
let findings = 0
mkdirSync(archives, { recursive: true })
try {
  const rows = [await killSaves(Number(flags.saves)), await killPublishes(Number(flags.publishes))]
  const heads = ['command', 'engine', 'rounds', 'alone (s)', ...COLUMNS]
  const lines = [heads, ['---', '---', ...heads.slice(2).map(() => '--:')], ...rows]
  console.log(lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n'))
} finally {
  await script('node', 'rm', 'near')
  await script('engine', 'rm', flags.engine)
  place.remove()
  rmSync(archives, { recursive: true, force: true })
}
process.exitCode = findings === 0 ? 0 : 1

async function killSaves(rounds: number): Promise<string[]> {
  const table = new Table('save')
  const lengths: number[] = []
  for (let round = -MEASURED; round < rounds; round++) {
    const image = freshImage(round)
    const name = `kills:${round + MEASURED}`
    const golden = await give(image, name)
    if (round < 0) lengths.push(await alone(['save', '-q', name]))
    else {
      await killed(table, ['save', '-q', name], momentOf(round, rounds, middle(lengths)))
      await checkNode(table, new Map([[name, golden]]))
      // In every second round nothing else comes in between.
      if (round % 2 === 1) await checkPrune(table)
      const again = await engine.ipfs(node, 'save', '-q', name)
      table.must('other CID afterwards', again.exitCode === 0 && again.stdout === `${golden}\n`, says(again))
      await checkImage(table, golden, image)
    }
    mustWork(await engine.ipfs(node, 'rm', name))
    await checkPrune(table)
    await engine.clear()
  }
  return table.row(rounds, middle(lengths))
}

async function killPublishes(rounds: number): Promise<string[]> {
  const table = new Table('publish')
  // The first of a key takes longer.
  const lengths: [number[], number[]] = [[], []]
  const image = freshImage(rounds)
  const root = await give(image, 'kills:first')
  mustWork(await engine.ipfs(node, 'save', '-q', 'kills:first'))
  const names = new Map([['kills:first', root]])
  await alone(['publish', '-q'])
  for (let round = -2 * MEASURED; round < rounds; round++) {
    const name = `kills:${round + 2 * MEASURED}`
    mustWork(await engine.ipfs(node, 'tag', root, name))
    names.set(name, root)
    const command = ['publish', '-q']
    const isFirst = round % 2 === 0
    const alike = lengths[isFirst ? 0 : 1]
    if (isFirst) mustWork(await engine.ipfs(node, 'key', 'rm', 'docker-ipfs'))
    if (round < 0) alike.push(await alone(command))
    else {
      await killed(table, command, momentOf(round, rounds, middle(alike)))
      await checkNode(table, names)
      const again = await engine.ipfs(node, ...command)
      table.must('other CID afterwards', [0, NOT_ANNOUNCED].includes(again.exitCode), says(again))
      const found = await engine.ipfs(node, 'resolve', `${again.stdout.trim()}/${name}`)
      table.must('other CID afterwards', found.stdout.includes(root), says(found))
      await checkNode(table, names)
    }
    await checkPrune(table)
  }
  await checkImage(table, root, image)
  return table.row(rounds, Math.max(...lengths.map(middle)))
}

/** Nothing in it compresses, and no other has a block of it. */
function freshImage(round: number): TestImage {
  const bytes = (Number(flags.megabytes) * 1_000_000) / 10
  const layer = (files: number) =>
    Array.from({ length: files }, (_, at) => ({
      path: `${files}/${at}`,
      body: bulk(bytes, `${flags.seed} ${flags.engine} ${round} ${files} ${at}`),
    }))
  return imageOf([6, 3, 1].map((files) => tarOf(layer(files))))
}

/** Gives the engine an image and a name; gives the root CID that another way says, without engine and node. */
async function give(image: TestImage, name: string): Promise<string> {
  const id = await engine.give(image)
  await engine.docker('tag', id, name)
  const archive = join(archives, 'image.tar')
  await Bun.write(archive, engine.isOld ? archive20(image) : archiveOci(image, 'plain'))
  const car = join(archives, 'image.car')
  const root = mustWork(await engine.ipfs(node, 'save', '-q', '-o', car, '-i', archive)).trim()
  for (const file of [archive, car]) rmSync(file)
  return root
}

/** How long the plugin runs, in milliseconds. */
async function alone(command: readonly string[]): Promise<number> {
  const running = engine.startIpfs(node, command)
  await running.plugin()
  const began = performance.now()
  const run = await running.finished
  if (run.exitCode !== NOT_ANNOUNCED) mustWork(run)
  return performance.now() - began
}

async function killed(table: Table, command: readonly string[], moment: number): Promise<void> {
  const running = engine.startIpfs(node, command)
  const plugin = await running.plugin()
  const early = await Promise.race([Bun.sleep(moment), running.finished])
  if (early === undefined && plugin !== undefined) kill(plugin)
  const { exitCode, stdout } = await running.finished
  table.begin(`${command.join(' ')}, killed after ${Math.round(moment)} ms`)
  table.add(stdout === '' && exitCode !== 0 ? 'killed in it' : 'ended before')
  for (const process of await place.processesLeft(8000)) table.find('processes left', process)
  for (const file of place.filesLeft()) table.find('temp files', file)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

/** What the node has: names that may be there, each whole and pinned. A whole image without a name is counted alone. */
async function checkNode(table: Table, names: ReadonlyMap<string, string>): Promise<void> {
  const listed = await namesOnNode(world)
  const pins = await pinsOnNode(world)
  for (const [name, cid] of listed) {
    const isRight = names.get(name) === cid || (name === `<none> ${cid}` && [...names.values()].includes(cid))
    table.must('half in ls', isRight && pins.recursive.includes(cid), `ls has ${name} ${cid}`)
  }
  table.must('half pins', pins.direct.length === 0, `pinned alone: ${pins.direct.join()}`)
  for (const line of await missingOf(world, [...pins.recursive, await node.names()])) table.find('half pins', line)
  const rows = new Set([...listed].filter(([name]) => !name.startsWith('<none>')).map(([, cid]) => cid))
  for (const cid of pins.recursive.filter((pin) => !rows.has(pin))) {
    if ([...names.values()].includes(cid)) table.add('pins without a name')
    else table.find('half pins', `${cid} is pinned, and is none of the images`)
  }
  for (const path of await strangeFolders(world)) table.find('temp files', `MFS has ${path}`)
}

async function checkPrune(table: Table): Promise<void> {
  mustWork(await engine.ipfs(node, 'prune', '-f'))
  const left = await leftAfterGc(world)
  table.must('left by prune', left.length === 0, `${left.length} blocks, such as ${left[0]}`)
}

async function checkImage(table: Table, root: string, image: TestImage): Promise<void> {
  const verified = await engine.ipfs(node, 'verify', root)
  table.must('wrong images', verified.exitCode === 0, says(verified))
  await engine.clear()
  const loaded = await engine.ipfs(node, 'load', '-q', '--no-pin', root)
  table.must('wrong images', loaded.exitCode === 0, says(loaded))
  const [is, must] = [await engine.onlyContents(), contentsOf(image)]
  table.must('wrong images', Bun.deepEquals(is, must), `${JSON.stringify(is)} and not ${JSON.stringify(must)}`)
}

function says({ exitCode, stdout, stderr }: { exitCode: number; stdout: string; stderr: string }): string {
  return `exit code ${exitCode}: ${stdout.trim()} ${stderr.trim()}`
}

/** Milliseconds: one moment in each of as many parts of the length as there are rounds. */
function momentOf(round: number, rounds: number, length: number): number {
  const chance = bulk(4, `${flags.seed} moment ${round}`).readUInt32LE(0) / 2 ** 32
  return ((round + chance) / rounds) * length
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0
}

/** What was found in the rounds of one command. */
class Table {
  readonly #command: string
  readonly #counts = new Map<Column, number>()
  #what = ''

  constructor(command: string) {
    this.#command = command
  }

  begin(what: string): void {
    this.#what = what
  }

  add(column: Column): void {
    this.#counts.set(column, (this.#counts.get(column) ?? 0) + 1)
  }

  find(column: Column, text: string): void {
    this.add(column)
    findings += 1
    console.log(`${this.#what}: ${column}: ${text}`)
  }

  must(column: Column, holds: boolean, text: string): void {
    if (!holds) this.find(column, text)
  }

  row(rounds: number, length: number): string[] {
    const counts = COLUMNS.map((column) => `${this.#counts.get(column) ?? 0}`)
    return [this.#command, flags.engine, `${rounds}`, (length / 1000).toFixed(2), ...counts]
  }
}
