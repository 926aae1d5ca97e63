import { setTimeout as sleep } from 'node:timers/promises'
import type { Range, RangeSource } from '../dag/block-source.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import type { Gateways } from '../gateway/gateways.ts'
import type { Node } from '../kubo/node.ts'
import type { Bytes } from '../streams.ts'
import type { Report } from './events.ts'
import type { Reading } from './image-source.ts'

/** A node, and gateways beside it once it finds nobody. */
export interface NodeFirst extends RangeSource {
  /** Whether gateways are asked now. */
  readonly asksGateways: boolean
  readonly gateways: Gateways
  /** How long the node may look for something alone, in milliseconds. */
  readonly graceMs: number
}

export interface Both extends Reading {
  readonly node: Node
  readonly gateways: Gateways
  readonly report: Report
}

/** How long a node may look before gateways are asked. Another node is mostly found within some seconds, or not at all. */
const GRACE_MS = 5000
/** Bytes of a file that is read without a range, at most: a document. */
const MAX_WHOLE = 16 * 1024 * 1024

/** Reads from the node; from the moment on when no byte has come from it for some seconds, from gateways, and from the node what they lack. */
export function nodeFirst(root: CID, { node, gateways, report, timeoutMs }: Both): NodeFirst {
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
    read: (source: RangeSource, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    if (asksGateways) return gatewaysThenNode(read, signal)
    const stop = new AbortController()
    const limited = AbortSignal.any([signal, stop.signal])
    try {
      const fromNode = read(node, limited).then((value) => ({ value }))
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
    read: (source: RangeSource, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ) {
    try {
      return await read(gateways, signal)
    } catch (error) {
      if (signal.aborted || !(error instanceof DockerIpfsError && error.code === 'CONTENT_NOT_FOUND')) throw error
      return read(node, AbortSignal.any([signal, AbortSignal.timeout(graceMs)])).catch(() => {
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
    async *cat(path: string, signal: AbortSignal, range: Range = { offset: 0, length: MAX_WHOLE }): Bytes {
      yield* await first(async (source, limited) => {
        const parts: Uint8Array[] = []
        for await (const part of source.cat(path, limited, range)) {
          if (source === node) lastByteAt = Date.now()
          parts.push(part)
        }
        return parts
      }, signal)
    },
  }
}
