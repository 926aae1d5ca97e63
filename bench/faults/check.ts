/** What must hold after a fault, and after the same command without one. */
import { readdirSync } from 'node:fs'
import type { Finished } from '../../test/support/place.ts'
import { faultOfOutput, loads, writesName } from './commands.ts'
import { isOurs } from './engine-images.ts'
import type { Event, Fault, Step } from './plan.ts'
import { missingOf, namesInMfs, namesOnNode, pinsOnNode, published, strangeFolders } from './state.ts'
import { carName, type World } from './world.ts'

/** The columns of the table, in their order. */
export const COLUMNS = [
  'wrong images',
  'lost names',
  'half pins',
  'temp files',
  'images left',
  'processes left',
  'did not work afterwards',
  'bad words',
] as const
export type Column = (typeof COLUMNS)[number]

export interface Finding {
  readonly column: Column
  readonly text: string
}

/** What is found in one event. */
export class Findings {
  readonly faults: Finding[] = []
  /** What the guide says may stay behind. */
  readonly told: string[] = []

  add(column: Column, text: string | undefined): void {
    if (text !== undefined) this.faults.push({ column, text })
  }

  /** Something that stayed behind: a fault, or what the guide tells. */
  left(column: Column, text: string, isTold: boolean): void {
    if (isTold) this.told.push(text)
    else this.add(column, text)
  }
}

/** What was there before an event. */
export interface Before {
  readonly names: ReadonlyMap<string, string>
  readonly onEngine: ReadonlySet<string>
}

export async function lookBefore(world: World): Promise<Before> {
  const images = await world.images.list()
  return { names: await namesInMfs(world), onEngine: new Set(images.flatMap(({ names }) => names)) }
}

/** Dead processes clean nothing up. */
const KILLS_PLUGIN: readonly Fault[] = ['plugin killed']
const KILLS_NODE: readonly Fault[] = ['node killed', 'API cut', "node's disk full"]
const KILLS_ENGINE: readonly Fault[] = ['engine killed', 'containerd killed']

/** Exit codes and words; CIDs and files. */
export async function checkRuns(world: World, { fault, steps }: Event, runs: readonly Finished[], found: Findings) {
  for (const [at, step] of steps.entries()) {
    const run = runs[at] as Finished
    const what = `${step.command} ${step.image}: exit code ${run.exitCode}: ${run.stderr.trim().slice(0, 300)}`
    found.add('wrong images', await faultOfOutput(world, step, run))
    if (run.exitCode === 70) found.add('bad words', what)
    const isOrderly = run.exitCode === 0 || /^(ERROR|WARNING): /m.test(run.stderr)
    const mayBeMute = fault === 'plugin killed' || fault === 'cancelled' || fault === 'engine killed'
    if (!isOrderly && !mayBeMute) found.add('bad words', what)
    if (run.exitCode !== 0 && MUST_WORK.includes(fault)) found.add('did not work afterwards', `meanwhile: ${what}`)
    if (run.exitCode !== 0 && fault === 'two at once' && !isRace(step, steps, run)) {
      found.add('did not work afterwards', `meanwhile: ${what}`)
    }
    if (run.exitCode === 0 && (step.command === 'save' || step.command === 'push') && steps.length === 1) {
      const verified = await world.engine.ipfs(
        world.node,
        'verify',
        '--timeout',
        '5s',
        world.roots.get(step.image) ?? '',
      )
      if (verified.exitCode !== 0) found.add('wrong images', `${step.image} was saved, but: ${verified.stderr.trim()}`)
    }
  }
}

const MUST_WORK: readonly Fault[] = ['GC of the node', 'API slow', 'network slow']

/** Of two that get in each other's way, who comes too late may find no name. */
function isRace({ command }: Step, steps: readonly Step[], { exitCode }: Finished): boolean {
  const isOneImage = steps[0]?.image === steps[1]?.image
  return isOneImage && (command === 'rm' || command === 'publish') && exitCode === 4
}

/** Names and pins. `isOver`: the same command has worked since. */
export async function checkNode(world: World, event: Event, before: Before, found: Findings, isOver: boolean) {
  const names = await (isOver ? namesInMfs(world) : namesOnNode(world))
  const touched = new Map(event.steps.filter(writesName).map((step) => [step.image as string, step]))
  for (const [name, cid] of before.names) {
    if (names.get(name) === cid) continue
    const isRm = event.steps.some(({ command, image }) => command === 'rm' && image === name)
    if (names.has(name) || !isRm) found.add('lost names', `${name} was ${cid}, is ${names.get(name)}`)
  }
  const brokenOff = KILLS_PLUGIN.includes(event.fault) || KILLS_NODE.includes(event.fault)
  for (const [name, cid] of names) {
    if (name.startsWith('<none>')) found.left('lost names', `${name} in the catalogue`, brokenOff)
    else if (cid !== world.roots.get(name as never)) found.add('lost names', `${name} is ${cid}`)
    else if (!before.names.has(name) && !touched.has(name)) found.add('lost names', `${name} was not there before`)
  }
  if (isOver && event.steps.length === 1) {
    for (const [name, { command }] of touched) {
      if (names.has(name) !== (command !== 'rm')) found.add('did not work afterwards', `${command} ${name}: names`)
    }
  }
  await checkPins(world, names, brokenOff, found)
}

async function checkPins(world: World, names: ReadonlyMap<string, string>, brokenOff: boolean, found: Findings) {
  const { recursive, direct } = await pinsOnNode(world)
  const listed = new Set(names.values())
  for (const cid of direct) found.add('half pins', `${cid} is pinned alone`)
  for (const [name, cid] of names) {
    if (!recursive.includes(cid))
      found.left('half pins', `${name} is not pinned`, name.startsWith('<none>') && brokenOff)
  }
  const known = new Set(world.roots.values())
  for (const cid of recursive.filter((pin) => !listed.has(pin))) {
    found.left('half pins', `${cid} is pinned and has no name`, brokenOff && known.has(cid))
  }
  const top = await world.node.names()
  for (const line of await missingOf(world, [...recursive, top, ...(await published(world))])) {
    found.add('half pins', `missing: ${line.trim()}`)
  }
  for (const path of await strangeFolders(world)) found.add('temp files', `MFS has ${path}`)
}

/** Images of the engine: the ones that were touched are whole or not there, and no others have come or gone. */
export async function checkEngine(world: World, event: Event, before: Before, found: Findings) {
  const images = await world.images.list()
  const there = new Set(images.flatMap(({ names }) => names))
  const loaded = new Set<string>(event.steps.filter(loads).map(({ image }) => image))
  for (const name of there) {
    if (!isOurs(name)) found.add('images left', `the engine has ${name}`)
    else if (loaded.has(name) || event.number % 20 === 0) found.add('wrong images', await world.images.faultOf(name))
  }
  if (event.fault !== 'prune of the engine') {
    for (const name of before.onEngine) if (!there.has(name)) found.add('lost names', `the engine has lost ${name}`)
  }
  const isTold = KILLS_PLUGIN.includes(event.fault) || KILLS_ENGINE.includes(event.fault)
  for (const { id } of images.filter(({ names }) => names.length === 0)) {
    const about = await world.engine
      .docker('image', 'inspect', '--format', '{{json .}}', id)
      .catch((error) => `${error}`)
    found.left('images left', `the engine has ${id} without a name: ${about.slice(0, 1500)}`, isTold)
  }
}

/** Files and processes of the plugin. */
export async function checkTraces(world: World, event: Event, found: Findings) {
  for (const process of await world.place.processesLeft(8000)) found.add('processes left', process)
  for (const file of world.place.filesLeft()) found.add('temp files', file)
  const outputs = event.steps.map(({ image }) => carName(image))
  for (const file of readdirSync(world.out).filter((name) => !outputs.includes(name))) {
    found.left('temp files', file, KILLS_PLUGIN.includes(event.fault))
  }
}
