/** What happens in each event: the same for a seed, whichever events ran before. */
import { createHash } from 'node:crypto'
import { type ImageName, LARGE, SMALL } from './images.ts'

export const COMMANDS = ['save', 'save -o', 'load', 'load -i', 'push', 'publish', 'pull', 'rm'] as const
export type Command = (typeof COMMANDS)[number]

const ON_ENGINE: readonly Command[] = ['save', 'save -o', 'load', 'load -i', 'push', 'pull']
const ON_NODE: readonly Command[] = ['save', 'load', 'push', 'publish', 'pull', 'rm']
const ON_NETWORK: readonly Command[] = ['load', 'pull']

/** Each fault with the commands that can meet it. */
export const FAULTS = {
  'plugin killed': COMMANDS,
  cancelled: COMMANDS,
  'node killed': ON_NODE,
  'engine killed': ON_ENGINE,
  'containerd killed': ON_ENGINE,
  "node's disk full": [...ON_NODE, 'save -o'],
  "engine's disk full": ON_ENGINE,
  'API cut': ON_NODE,
  'API slow': ON_NODE,
  'network cut': ON_NETWORK,
  'network slow': ON_NETWORK,
  'GC of the node': ON_NODE,
  'prune of the engine': ON_ENGINE,
  'two at once': [],
} as const satisfies Record<string, readonly Command[]>
export type Fault = keyof typeof FAULTS

/** Two commands at once, and whether they are given one image or two that share layers. */
const PAIRS: readonly (readonly [Command, Command, 'one' | 'two'])[] = [
  ['save', 'save', 'one'],
  ['save', 'save', 'two'],
  ['save', 'rm', 'one'],
  ['load', 'rm', 'one'],
  ['load', 'load', 'one'],
  ['load', 'load', 'two'],
  ['load -i', 'load -i', 'one'],
  ['load', 'load -i', 'two'],
  ['pull', 'pull', 'one'],
  ['pull', 'save', 'two'],
  ['push', 'rm', 'two'],
  ['rm', 'rm', 'two'],
  ['rm', 'rm', 'one'],
  ['publish', 'publish', 'two'],
  ['publish', 'rm', 'one'],
  ['save -o', 'save -o', 'one'],
]

export interface Step {
  readonly command: Command
  readonly image: ImageName
}

export interface Event {
  readonly number: number
  readonly fault: Fault
  /** More than one: at the same time. */
  readonly steps: readonly Step[]
  /** When the fault comes, as a part of the time that the command mostly takes. */
  readonly moment: number
  /** For what varies beside that, 0 to 1. */
  readonly chances: readonly number[]
}

/** How the first steps are met that are more often worth a large image: where the middle of a transfer counts. */
const LARGE_SHARE = 0.2

export function eventOf(seed: number, number: number): Event {
  const random = randomOf(`${seed} ${number}`)
  const fault = pick(Object.keys(FAULTS) as Fault[], random())
  const images = random() < LARGE_SHARE ? LARGE : SMALL
  const image = pick(images, random())
  const other = images[(images.indexOf(image as never) + 1) % images.length] ?? image
  const steps = stepsOf(fault, image, other, random())
  return { number, fault, steps, moment: random(), chances: Array.from({ length: 6 }, random) }
}

function stepsOf(fault: Fault, image: ImageName, other: ImageName, chance: number): Step[] {
  if (fault !== 'two at once') return [{ command: pick(FAULTS[fault], chance), image }]
  const [first, second, images] = pick(PAIRS, chance)
  return [
    { command: first, image },
    { command: second, image: images === 'one' ? image : other },
  ]
}

function pick<T>(list: readonly T[], chance: number): T {
  return list[Math.floor(chance * list.length)] as T
}

function randomOf(seed: string): () => number {
  let count = 0
  return () => {
    count += 1
    return createHash('sha256').update(`${seed} ${count}`).digest().readUInt32BE(0) / 2 ** 32
  }
}
