import { setTimeout as sleep } from 'node:timers/promises'
import { type BlockSource, type FileRef, MAX_WHOLE, type Range } from '../dag/block-source.ts'
import type { CID } from '../dag/cid.ts'
import { hasCode } from '../errors.ts'
import type { Report } from '../events.ts'
import type { Gateways } from '../store/gateways.ts'
import type { Bytes } from '../streams.ts'
import { within } from '../time.ts'

export interface NodeFirstOptions {
  /** The node's. */
  readonly blocks: BlockSource
  readonly gateways: Gateways
  readonly report: Report
  /** Of the whole, in milliseconds: the node has a part of it for itself. */
  readonly timeoutMs: number
}

/** How long a node may look before gateways are asked. Another node is mostly found within some seconds, or not at all. */
const GRACE_MS = 5000

type Read<T> = (source: BlockSource, signal: AbortSignal) => Promise<T>

/**
 * A node, and gateways beside it once it finds nobody: from the moment on when no byte has come from it for some seconds, what is read comes from
 * gateways, and from the node what they lack.
 */
export class NodeFirst implements BlockSource {
  /** How long the node may look for something alone, in milliseconds. */
  readonly graceMs: number
  readonly #root: CID
  readonly #options: NodeFirstOptions
  #asksGateways = false
  #lastByteAt = 0

  /** @param root of the image that is read */
  constructor(root: CID, options: NodeFirstOptions) {
    this.graceMs = Math.min(GRACE_MS, options.timeoutMs / 10)
    this.#root = root
    this.#options = options
  }

  /** Whether gateways are asked now. */
  get asksGateways(): boolean {
    return this.#asksGateways
  }

  block(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    return this.#first((source, limited) => source.block(cid, limited), signal)
  }

  async *cat(file: FileRef, signal: AbortSignal, range: Range = { offset: 0, length: MAX_WHOLE }): Bytes {
    yield* await this.#first(async (source, limited) => {
      const parts: Uint8Array[] = []
      for await (const part of source.cat(file, limited, range)) {
        if (source === this.#options.blocks) this.#lastByteAt = Date.now()
        parts.push(part)
      }
      return parts
    }, signal)
  }

  async #first<T>(read: Read<T>, signal: AbortSignal): Promise<T> {
    if (this.#asksGateways) return this.#gatewaysThenNode(read, signal)
    const stop = new AbortController()
    const limited = AbortSignal.any([signal, stop.signal])
    try {
      const fromNode = read(this.#options.blocks, limited).then((value) => ({ value }))
      // What it throws is not lost: without an answer of the gateways it is asked again.
      const early = await Promise.race([fromNode.catch(() => undefined), this.#silence(limited)])
      if (early !== undefined) return early.value
      signal.throwIfAborted()
      this.#announce()
      const fromGateways = this.#gatewaysThenNode(read, limited).then((value) => ({ value }))
      fromGateways.catch(() => undefined)
      return (await Promise.any([fromNode, fromGateways]).catch(() => fromGateways)).value
    } finally {
      stop.abort()
    }
  }

  async #gatewaysThenNode<T>(read: Read<T>, signal: AbortSignal): Promise<T> {
    const { blocks, gateways } = this.#options
    try {
      return await read(gateways, signal)
    } catch (error) {
      if (signal.aborted || !hasCode(error, 'CONTENT_NOT_FOUND')) throw error
      return within(this.graceMs, signal, (limited) => read(blocks, limited)).catch(() => {
        throw signal.aborted ? signal.reason : error
      })
    }
  }

  /** Resolves when the node has brought nothing for too long. */
  async #silence(signal: AbortSignal): Promise<undefined> {
    const began = Date.now()
    for (;;) {
      const left = Math.max(began, this.#lastByteAt) + this.graceMs - Date.now()
      if (left <= 0) return undefined
      await sleep(left, undefined, { signal })
    }
  }

  #announce(): void {
    if (this.#asksGateways) return
    this.#asksGateways = true
    const { gateways, report } = this.#options
    report({ type: 'step', text: `The node finds nobody who has ${this.#root}: asking ${gateways.urls.join(', ')}` })
  }
}
