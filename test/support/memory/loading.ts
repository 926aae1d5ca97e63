import type { CID } from '../../../src/dag/cid.ts'
import type { ProgressEvent } from '../../../src/events.ts'
import { type LoadOptions, load } from '../../../src/load/load.ts'
import { type NodeSourceOptions, nodeSource } from '../../../src/load/sources/node.ts'
import { MemoryEngine } from './engine.ts'
import { MemoryNode } from './node.ts'

/** Engines of each kind: stores differ, and what they take. */
export const ENGINES = [
  ['a classic store before 23', { version: '20.10.24', containerdStore: false }],
  ['a classic store before 28', { version: '26.1.5', containerdStore: false }],
  ['a classic store', { version: '28.5.2', containerdStore: false }],
  ['a containerd store before 28', { version: '26.1.5', containerdStore: true }],
  ['a containerd store', { version: '28.5.2', containerdStore: true }],
] as const

type More = Partial<LoadOptions & Pick<NodeSourceOptions, 'noPin'>>

/** What a use case tells of its progress. */
export class Told {
  readonly events: ProgressEvent[] = []
  readonly report = (event: ProgressEvent): void => void this.events.push(event)

  get steps(): string[] {
    return this.events.flatMap((event) => (event.type === 'step' ? [event.text] : []))
  }

  get warnings(): string[] {
    return this.events.flatMap((event) => (event.type === 'warning' ? [event.text] : []))
  }

  /** Where it says that the bytes were, at the end. */
  get sources() {
    const last = this.events.at(-1)
    return last?.type === 'sources' ? last : undefined
  }
}

/** A node and an engine, and what a load between them is given. Nothing waits long for what nobody has. */
export function loading(node = new MemoryNode(), engine = new MemoryEngine(), timeoutMs = 300) {
  const told = new Told()
  const options = { ...node.ports, engine, report: told.report, signal: new AbortController().signal, timeoutMs }
  return {
    engine,
    options,
    told,
    /** Loads from the node. */
    run: (root: CID, more: More = {}) => load(nodeSource(root, { ...options, ...more }), { ...options, ...more }),
  }
}
