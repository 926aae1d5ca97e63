/** What each command needs beforehand, how it is called, and what it must have done when it says that it worked. */
import { createReadStream, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { matches } from '../../src/dag/blocks.ts'
import { carBlocks } from '../../src/dag/car.ts'
import type { Finished } from '../../test/support/place.ts'
import type { ImageName } from './images.ts'
import type { Command, Event, Fault, Step } from './plan.ts'
import { missingOf, namesInMfs } from './state.ts'
import { carName, mustWork, type World } from './world.ts'

const READS_ENGINE: readonly Command[] = ['save', 'save -o', 'push']
const LOADS: readonly Command[] = ['load', 'load -i', 'pull']
const NEEDS_NAME: readonly Command[] = ['publish', 'rm']

/** Whether the image must come over the network, or may. */
function mustFetch(fault: Fault): boolean {
  return fault.startsWith('network') || fault === "node's disk full"
}

/** Brings the engine and the node to where the commands begin. */
export async function prepare(world: World, event: Event): Promise<void> {
  const { engine, images, node } = world
  const [gc = 0, forget = 0, clear = 0, saved = 0] = event.chances
  for (const { command, image } of event.steps) {
    if (READS_ENGINE.includes(command)) await images.give(image)
    if (NEEDS_NAME.includes(command)) await keepOnNode(world, image)
  }
  const touched = event.steps.filter(({ command }) => !NEEDS_NAME.includes(command)).map(({ image }) => image)
  const keeps = event.steps.some(({ command }) => NEEDS_NAME.includes(command)) && saved < 0.7
  const isKnown = !mustFetch(event.fault) && (keeps || forget < 0.3)
  const there = await namesInMfs(world)
  for (const image of new Set(touched)) {
    if (isKnown) await keepOnNode(world, image)
    else if (there.has(image)) mustWork(await engine.ipfs(node, 'rm', image))
  }
  if (mustFetch(event.fault) || gc < 0.5) await collect(world)
  // Publications keep images that were removed: the next one does not.
  const roots = [...new Set(touched)].map((image) => world.roots.get(image) ?? '')
  if (mustFetch(event.fault) && (await missingOf(world, roots)).length === 0) {
    mustWork(await engine.ipfs(node, 'publish', '-q', '--timeout', '10s'))
    await collect(world)
  }
  // At last: to have an image on the node, the engine may have been given it. What another step saves has to be there.
  const isRead = event.steps.some(({ command }) => READS_ENGINE.includes(command))
  for (const { command, image } of event.steps) {
    if (LOADS.includes(command)) await (clear < 0.5 && !isRead ? images.clear() : images.remove(image))
    rmSync(outputOf(world, image), { force: true })
  }
}

async function collect({ node }: World): Promise<void> {
  // Killed after a GC, and before its folders were written down, Kubo never starts again.
  await node.rpc('files/flush?arg=/')
  await node.rpc('repo/gc')
}

async function keepOnNode(world: World, image: ImageName): Promise<void> {
  if ((await namesInMfs(world)).get(image) === world.roots.get(image)) return
  await world.images.give(image)
  mustWork(await world.engine.ipfs(world.node, 'save', '-q', image))
}

export function outputOf({ out }: World, image: ImageName): string {
  return join(out, carName(image))
}

/** `fault`: with one of the network a load does not wait for long. */
export function argumentsOf(world: World, { command, image }: Step, fault: Fault | undefined): string[] {
  const waits = ['--timeout', fault === 'network cut' || fault === 'API cut' ? '4s' : '30s']
  switch (command) {
    case 'save':
      return ['save', '-q', image]
    case 'save -o':
      return ['save', '-q', '-o', outputOf(world, image), image]
    case 'load':
      return ['load', '-q', ...waits, '--tag', image, world.roots.get(image) ?? '']
    case 'load -i':
      return ['load', '-q', '--tag', image, '-i', join(world.cars, carName(image))]
    case 'push':
      return ['push', '-q', '--timeout', '5s', image]
    case 'publish':
      return ['publish', '-q', '--timeout', '10s', image]
    case 'pull':
      return ['pull', '-q', ...waits, `${world.farKey}/${image}`]
    case 'rm':
      return ['rm', image]
  }
}

/** What is wrong with what a command printed or wrote, whether it worked or not. */
export async function faultOfOutput(world: World, step: Step, run: Finished): Promise<string | undefined> {
  const { command, image } = step
  const root = world.roots.get(image)
  const printed = run.stdout.match(/\bbafy[a-z2-7]{20,}/g) ?? []
  const wrong = printed.find((cid) => cid !== root)
  if (wrong !== undefined) return `${command} of ${image} printed ${wrong} and not ${root}`
  if (run.exitCode === 0 && (command === 'save' || command === 'push') && printed.length === 0) {
    return `${command} of ${image} printed no CID`
  }
  if (command !== 'save -o') return undefined
  const file = outputOf(world, image)
  if (!existsSync(file)) return run.exitCode === 0 ? `${command} of ${image} wrote no file` : undefined
  const [is, must] = await Promise.all([blocksOf(file), blocksOf(join(world.cars, carName(image)))])
  return is === must ? undefined : `the CAR file of ${image} is not whole`
}

/** The CIDs of its blocks, in order: a save writes them as the engine has its layers. Those of wrong blocks are left out. */
async function blocksOf(file: string): Promise<string> {
  const cids: string[] = []
  try {
    for await (const block of carBlocks(createReadStream(file))) if (matches(block)) cids.push(block.cid.toString())
  } catch {
    return 'cut off'
  }
  return cids.sort().join(' ')
}

/** Whether it changes what the node has under a name. */
export function writesName({ command }: Step): boolean {
  return ['save', 'push', 'load', 'pull', 'rm'].includes(command)
}

export function loads({ command }: Step): boolean {
  return LOADS.includes(command)
}
