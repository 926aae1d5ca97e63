import { hasCode, messageOf } from '../errors.ts'
import { type Answer, refusal } from './answers.ts'
import type { RepositoryRef } from './registry.ts'

const MOST = 1000

/**
 * Blobs that were broken off since their bytes were wrong. A client takes that for a bad connection, and docker comes four times more in
 * 76 s; but what it has got is wrong already. So for a while it is told why, with the one code that ends its tries and whose words alone it shows.
 */
export class WrongBlobs {
  readonly #forMs: number
  readonly #known = new Map<string, { readonly until: number; readonly message: string }>()

  constructor(forMs: number) {
    this.#forMs = forMs
  }

  /** Something went wrong while a blob was sent. */
  note(repository: RepositoryRef, digest: string, error: unknown): void {
    if (!hasCode(error, 'INTEGRITY')) return
    const key = keyOf(repository, digest)
    this.#known.delete(key)
    this.#known.set(key, { until: performance.now() + this.#forMs, message: messageOf(error) })
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest)
  }

  /** Undefined where nothing went wrong lately. */
  refusalOf(repository: RepositoryRef, digest: string): Answer | undefined {
    const key = keyOf(repository, digest)
    const known = this.#known.get(key)
    if (known === undefined) return undefined
    if (performance.now() < known.until) return refusal('UNSUPPORTED', known.message, { status: 403 })
    this.#known.delete(key)
    return undefined
  }
}

function keyOf({ path, namespace }: RepositoryRef, digest: string): string {
  return `${namespace ?? ''} ${path} ${digest}`
}
