import type { ProgressEvent } from '../../src/events.ts'
import { readArchive } from '../../src/image/archive.ts'
import type { ImageInput } from '../../src/image/input.ts'
import { archiveInput } from '../../src/save/inputs/archive.ts'
import { engineInput } from '../../src/save/inputs/engine.ts'
import { save } from '../../src/save/save.ts'
import { type NodeTargetOptions, nodeTarget } from '../../src/save/targets/node.ts'
import type { MemoryEngine } from './memory/engine.ts'
import type { MemoryNode } from './memory/node.ts'

/** Saves to a node in memory, as the command does; keeps what is told. */
export class Saving {
  readonly node: MemoryNode
  readonly events: ProgressEvent[] = []
  readonly cancel = new AbortController()

  constructor(node: MemoryNode) {
    this.node = node
  }

  get parts() {
    const report = (event: ProgressEvent) => void this.events.push(event)
    return { ...this.node.ports, report, signal: this.cancel.signal }
  }

  /** Saves an image of an engine; gives its root. */
  async image(engine: MemoryEngine, name: string, more: Partial<NodeTargetOptions> = {}): Promise<string> {
    const input = engineInput(name, { engine, signal: this.cancel.signal })
    const [result] = await save(input, nodeTarget({ ...this.parts, ...more }), { platform: more.platform })
    return result?.root ?? ''
  }

  /** Saves the images of an archive; gives their roots. */
  async archive(bytes: Buffer, more: Partial<NodeTargetOptions> = {}, again = true): Promise<string[]> {
    const target = nodeTarget({ ...this.parts, ...more })
    const results = await save(archiveInput(fileOf(bytes, again)), target, { platform: more.platform })
    return results.map(({ root }) => root)
  }

  /** What was told as words, in order. */
  get words(): string[] {
    return this.events.flatMap((event) => ('text' in event ? [event.text] : []))
  }

  /** How often a layer was told so. */
  count(status: string): number {
    return this.events.filter((event) => event.type === 'layer-done' && event.status === status).length
  }
}

/** An archive at hand, as an input that can be read again or, like a pipe, once. */
export function fileOf(bytes: Buffer, again = true): ImageInput {
  let reads = 0
  return {
    name: 'images.tar',
    again,
    entries() {
      reads += 1
      if (!again && reads > 1) throw new Error('a pipe was read twice')
      return readArchive(once(bytes))
    },
  }
}

async function* once(bytes: Buffer) {
  yield bytes
}
