import { setTimeout as sleep } from 'node:timers/promises'
import { type BlockSource, type FileRef, MAX_WHOLE, type Range } from '../dag/block-source.ts'
import type { CID } from '../dag/cid.ts'
import { hasCode } from '../errors.ts'
import type { Report } from '../events.ts'
import type { Blocks } from '../store/blocks.ts'
import type { Gateways } from '../store/gateways.ts'
import type { Bytes } from '../streams.ts'
import type { Reading } from './open-image.ts'

/** A node, and gateways beside it once it finds nobody. */
export interface NodeFirst extends BlockSource {
  /** Whether gateways are asked now. */
  readonly asksGateways: boolean
  readonly gateways: Gateways
  /** How long the node may look for something alone, in milliseconds. */
  readonly graceMs: number
}

export interface Both extends Reading {
  readonly blocks: Blocks
  readonly gateways: Gateways
  readonly report: Report
}

/** How long a node may look before gateways are asked. Another node is mostly found within some seconds, or not at all. */
const GRACE_MS = 5000

/** Reads from the node; from the moment on when no byte has come from it for some seconds, from gateways, and from the node what they lack. */
export function nodeFirst(root: CID, { blocks, gateways, report, timeoutMs }: Both): NodeFirst {
  const graceMs = Math.min(GRACE_MS, timeoutMs / 10)
  let asksGateways = false
  let lastByteAt = 0
  const announce = () => {
    if (!asksGateways)
      report({ type: 'step', text: `The node finds nobody who has ${root}: asking ${gateways.urls.join(', ')}` })
    asksGateways = true
  }

  /** Resolves when the node has brought nothing for too long. */
  const silence = async (signal: AbortSignal): Promise<undefined> => {
    const began = Date.now()
    for (;;) {
      const left = Math.max(began, lastByteAt) + graceMs - Date.now()
      if (left <= 0) return undefined
      await sleep(left, undefined, { signal })
    }
  }

  async function first<T>(
    read: (source: BlockSource, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    if (asksGateways) return gatewaysThenNode(read, signal)
    const stop = new AbortController()
    const limited = AbortSignal.any([signal, stop.signal])
    try {
      const fromNode = read(blocks, limited).then((value) => ({ value }))
      // What it throws is not lost: without an answer of the gateways it is asked again.
      const early = await Promise.race([fromNode.catch(() => undefined), silence(limited)])
      if (early !== undefined) return early.value
      signal.throwIfAborted()
      announce()
      const fromGateways = gatewaysThenNode(read, limited).then((value) => ({ value }))
      fromGateways.catch(() => undefined)
      return (await Promise.any([fromNode, fromGateways]).catch(() => fromGateways)).value
    } finally {
      stop.abort()
    }
  }

  async function gatewaysThenNode<T>(
    read: (source: BlockSource, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ) {
    try {
      return await read(gateways, signal)
    } catch (error) {
      if (signal.aborted || !hasCode(error, 'CONTENT_NOT_FOUND')) throw error
      return read(blocks, AbortSignal.any([signal, AbortSignal.timeout(graceMs)])).catch(() => {
        throw signal.aborted ? signal.reason : error
      })
    }
  }

  return {
    get asksGateways() {
      return asksGateways
    },
    gateways,
    graceMs,
    block: (cid, signal) => first((source, limited) => source.block(cid, limited), signal),
    async *cat(file: FileRef, signal: AbortSignal, range: Range = { offset: 0, length: MAX_WHOLE }): Bytes {
      yield* await first(async (source, limited) => {
        const parts: Uint8Array[] = []
        for await (const part of source.cat(file, limited, range)) {
          if (source === blocks) lastByteAt = Date.now()
          parts.push(part)
        }
        return parts
      }, signal)
    },
  }
}
