import { afterAll, beforeAll, expect, setDefaultTimeout } from 'bun:test'
import { Engine } from './engine.ts'
import { KuboNode } from './kubo-node.ts'
import { Place } from './place.ts'
import { fail, script } from './scripts.ts'

export interface Needs {
  readonly engines?: readonly string[]
  readonly nodes?: readonly string[]
}

/** Starts engines and nodes for the tests of a file, without any content. Where one cannot start, the tests fail. */
export function useReal({ engines = [], nodes = [] }: Needs): Real {
  const real = new Real()
  setDefaultTimeout(120_000)
  beforeAll(async () => {
    await Promise.all([...engines.map((name) => real.startEngine(name)), ...nodes.map((name) => real.startNode(name))])
  })
  afterAll(() => real.close())
  return real
}

/** Engines that run, with what a run that was killed left in them thrown away. They stay for the next test file. */
const started = new Set<string>()

/** Ends the engines, and deletes what they had. `test/support/teardown.ts` calls it when all is over. */
export async function removeEngines(): Promise<void> {
  await Promise.all([...started].map((name) => script('engine', 'rm', name)))
  started.clear()
}

export class Real {
  readonly place = new Place()
  readonly #engines = new Map<string, Engine>()
  readonly #nodes = new Map<string, KuboNode>()

  engine(name: string): Engine {
    return this.#engines.get(name) ?? fail(`engine ${name} is not started`)
  }

  /** The only node, or the one of this name. */
  node(name = [...this.#nodes.keys()][0] ?? ''): KuboNode {
    return this.#nodes.get(name) ?? fail(`node ${name} is not started`)
  }

  async startEngine(name: string): Promise<Engine> {
    if (!started.has(name)) await script('engine', 'rm', name)
    started.add(name)
    const engine = new Engine(this.place, name, (await script('engine', 'start', name)).trim())
    this.#engines.set(name, engine)
    await engine.docker('container', 'prune', '--force')
    await engine.clear()
    return engine
  }

  async startNode(name: string): Promise<KuboNode> {
    const node = new KuboNode(name, await script('node', 'start', name, '--fresh'))
    this.#nodes.set(name, node)
    return node
  }

  /** Does something that must leave no trace: no process, no file, no pin, and the images that were there. */
  async leavingNothing<T>(action: () => Promise<T>): Promise<T> {
    // What came before may still be ending.
    const before = await this.traces(2000)
    expect(before).toMatchObject({ processes: [], files: [] })
    const result = await action()
    expect(await this.traces()).toEqual(before)
    return result
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes.keys()].map((name) => script('node', 'rm', name)))
    this.place.remove()
  }

  /** All that a command may leave behind: compare it from before and after. */
  async traces(graceMs = 0): Promise<Traces> {
    const processes = await this.place.processesLeft(graceMs)
    const list = async <T extends { readonly name: string }, R>(of: Iterable<T>, get: (item: T) => Promise<R>) =>
      Object.fromEntries(await Promise.all([...of].map(async (item) => [item.name, await get(item)] as const)))
    return {
      processes,
      files: this.place.filesLeft(),
      pins: await list(this.#nodes.values(), (node) => node.pins()),
      names: await list(this.#nodes.values(), (node) => node.names()),
      images: await list(this.#engines.values(), (engine) => engine.images()),
    }
  }
}

export interface Traces {
  readonly processes: readonly string[]
  readonly files: readonly string[]
  /** By node: CIDs. */
  readonly pins: Readonly<Record<string, readonly string[]>>
  /** By node: the CID of its folder of names. */
  readonly names: Readonly<Record<string, string>>
  /** By engine: ID and name. */
  readonly images: Readonly<Record<string, readonly string[]>>
}
