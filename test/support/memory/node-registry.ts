import type { Client, Registry, RepositoryRef } from '../../../src/distribution/registry.ts'
import type { ProgressEvent } from '../../../src/events.ts'
import { createNodeRegistry, type NodeRegistryOptions } from '../../../src/registry/node-registry.ts'
import { type Bytes, collect } from '../../../src/streams.ts'
import type { MemoryNode } from './node.ts'

export const MODERN: Client = { agent: 'containerd/2.1.9', accepts: [] }
export const OLD: Client = { agent: 'docker/20.10.24+dfsg1 go/go1.19.8', accepts: [] }
const LARGEST = 64 * 1024 * 1024

/** `nginx`, or with what stands behind `?ns=`. */
export function repository(path: string, namespace?: string): RepositoryRef {
  return { path, namespace }
}

/** The registry of a node in memory, and what it tells. Nothing waits long for what nobody has. */
export function registryOf(node: MemoryNode, more: Partial<NodeRegistryOptions> = {}) {
  const stop = new AbortController()
  const warnings: string[] = []
  const report = (event: ProgressEvent) => {
    if (event.type === 'warning') warnings.push(event.text)
  }
  const registry = createNodeRegistry({ ...node.ports, report, signal: stop.signal, timeoutMs: 300, ...more })
  return { registry, warnings, stop, reads: new Reads(registry) }
}

/** What a client does, with a signal that nobody aborts. */
class Reads {
  readonly #registry: Registry
  readonly #signal = new AbortController().signal

  constructor(registry: Registry) {
    this.#registry = registry
  }

  manifest(path: string, reference: string, client = MODERN, namespace?: string) {
    return this.#registry.manifest(repository(path, namespace), reference, client, this.#signal)
  }

  blob(path: string, digest: string, client = MODERN) {
    return this.#registry.blob(repository(path), digest, client, this.#signal)
  }

  /** All bytes of a blob, or a part of them. */
  async bytes(path: string, digest: string, client = MODERN, range?: { offset: number; length: number }) {
    const blob = await this.blob(path, digest, client)
    if (blob === undefined) return undefined
    return all(blob.read(range ?? { offset: 0, length: blob.size }, this.#signal))
  }
}

export async function all(bytes: Bytes): Promise<Buffer> {
  return Buffer.from(await collect(bytes, LARGEST, 'a blob'))
}
