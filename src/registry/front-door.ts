import type { Registry } from '../distribution/registry.ts'
import { createNodeRegistry, type NodeRegistryOptions } from './node-registry.ts'
import { createPushedRegistry } from './originals.ts'
import type { WriterOptions } from './write/options.ts'
import { createRegistryWriter } from './write/writer.ts'

export type FrontDoorOptions = Omit<NodeRegistryOptions, 'pushed' | 'writer'> & Omit<WriterOptions, 'pushed' | 'read'>

/** The images of a node as a registry that can be pushed to: what was pushed comes back as it was. */
export function createFrontDoor(options: FrontDoorOptions): Registry {
  const pushed = createPushedRegistry(options)
  const read = createNodeRegistry({ ...options, pushed })
  return {
    manifest: (...asked) => read.manifest(...asked),
    blob: (...asked) => read.blob(...asked),
    tags: (...asked) => read.tags(...asked),
    repositories: (...asked) => read.repositories(...asked),
    referrers: (...asked) => read.referrers(...asked),
    writer: createRegistryWriter({ ...options, pushed, read }),
  }
}
