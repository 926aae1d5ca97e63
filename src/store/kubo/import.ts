import { randomUUID } from 'node:crypto'
import { type Block, blockKey } from '../../dag/blocks.ts'
import { carHeader, carSection } from '../../dag/car.ts'
import type { CID } from '../../dag/cid.ts'
import { DockerIpfsError } from '../../errors.ts'
import { parsedObject } from '../../json.ts'
import { deferred } from '../../streams.ts'
import type { Imported, ImportSession } from '../blocks.ts'
import type { Endpoint } from './endpoint.ts'
import { call, nodeError, nodeFailed } from './rpc.ts'

/** Bytes that may wait to be sent before `put` makes its caller wait. */
const QUEUE_BYTES = 4 * 1024 * 1024
/** Bytes that are handed to the socket at once, about. */
const SEND_BYTES = 256 * 1024

/**
 * Opens an import. Its body is two CAR files in one multipart message: the blocks without a root, then a CAR with nothing but
 * the root. Kubo holds its GC lock until it has pinned the roots of both, so GC can take none of the blocks in between, and a
 * request that breaks off has named no root and pins nothing. Blocks of `known` (keys of `blockKey`) are not sent; until it is there,
 * `put` makes its caller wait. `pinAlso` is told the roots once the node has pinned them.
 */
export function openImport(
  endpoint: Endpoint,
  signal: AbortSignal,
  known: Promise<ReadonlySet<string>> = Promise.resolve(new Set()),
  pinAlso: (root: CID) => Promise<void> = async () => undefined,
): ImportSession {
  const boundary = `docker-ipfs-${randomUUID()}`
  const breakOff = new AbortController()
  const anySignal = AbortSignal.any([signal, breakOff.signal])
  const queue = new SendQueue()
  const over = new AbortController()
  const end = (reason: unknown) => {
    queue.fail(reason)
    over.abort(reason)
  }
  const sent = { blocks: 0, bytes: 0 }
  const seen = new Set<string>()
  let skipped = 0
  queue.push(part(boundary, 'blocks.car'))
  queue.push(carHeader([]))

  const answer = call(endpoint, {
    path: 'dag/import?pin-roots=true&stats=true&allow-big-block=true',
    body: { type: `multipart/form-data; boundary=${boundary}`, bytes: queue.stream },
    signal: anySignal,
  })
    .then(async (response) => {
      const text = await response.text()
      // Who still has blocks to send by now must not wait for room.
      end(new DockerIpfsError('NODE_FAILED', 'the IPFS node ended the upload early', { cause: new Error(text) }))
      return text
    })
    .catch((error: unknown) => {
      const failure = nodeError(error, endpoint, signal)
      end(failure)
      throw failure
    })
  answer.catch(() => undefined)

  return {
    sent,
    over: over.signal,
    get skipped() {
      return skipped
    },
    async put(block: Block): Promise<void> {
      const key = blockKey(block.cid)
      if (seen.has(key)) return
      seen.add(key)
      if ((await known).has(key)) {
        skipped += 1
        return
      }
      sent.blocks += 1
      sent.bytes += block.bytes.length
      for (const bytes of carSection(block)) queue.push(bytes)
      await queue.room()
    },
    async finish(...roots: CID[]): Promise<Imported> {
      queue.push(Buffer.from('\r\n'))
      queue.push(part(boundary, 'root.car'))
      queue.push(carHeader(roots))
      // No line end behind it: else Kubo's reader may stop before the body ends, and then never hears that we hung up. A pin
      // that waits for a lost block would keep its GC lock until the node is restarted.
      queue.push(Buffer.from(`\r\n--${boundary}--`))
      queue.close()
      const imported = readAnswer(await answer, roots, sent)
      for (const root of roots) await pinAlso(root)
      return imported
    },
    async abort(reason: unknown): Promise<void> {
      queue.fail(reason)
      breakOff.abort(reason)
      await answer.catch(() => undefined)
    },
  }
}

function part(boundary: string, name: string): Uint8Array {
  return Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: application/vnd.ipld.car\r\n\r\n`,
  )
}

/** Reads the answer lines and holds them against what was sent: a stream that ends early looks like success otherwise. */
function readAnswer(text: string, roots: readonly CID[], sent: { blocks: number; bytes: number }): Imported {
  const pinned = new Set<string | undefined>()
  let stats: Imported | undefined
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const value = parseLine(line)
    if (value.Message !== undefined) throw nodeFailed(value.Message, new Error(line))
    if (value.Root?.PinErrorMsg) throw nodeFailed(value.Root.PinErrorMsg, new Error(line))
    pinned.add(value.Root?.Cid?.['/'])
    if (value.Stats) stats = { blocks: value.Stats.BlockCount ?? 0, bytes: value.Stats.BlockBytesCount ?? 0 }
  }
  const isPinned = roots.every((root) => pinned.has(root.toString()))
  if (!isPinned || stats === undefined || stats.blocks !== sent.blocks || stats.bytes !== sent.bytes) {
    throw new DockerIpfsError('NODE_FAILED', 'the IPFS node did not confirm that it has the whole image', {
      cause: new Error(`sent ${JSON.stringify(sent)}, answer: ${text.trim()}`),
    })
  }
  return stats
}

interface AnswerLine {
  readonly Root?: { readonly Cid?: { readonly '/'?: string }; readonly PinErrorMsg?: string }
  readonly Stats?: { readonly BlockCount?: number; readonly BlockBytesCount?: number }
  readonly Message?: string
}

/** A line that cannot be read confirms nothing. */
function parseLine(line: string): AnswerLine {
  return parsedObject(line) ?? {}
}

/** Bytes on their way into a request body: `room` waits while too many of them are queued. */
class SendQueue {
  readonly stream: ReadableStream<Uint8Array>
  #parts: Uint8Array[] = []
  #size = 0
  #closed = false
  #failure: { readonly reason: unknown } | undefined
  #wake = deferred<void>()
  #drained = deferred<void>()

  constructor() {
    this.stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          while (this.#size === 0 && !this.#closed && !this.#failure) await this.#wake.promise
          if (this.#failure) return controller.error(this.#failure.reason)
          if (this.#size === 0) return controller.close()
          controller.enqueue(this.#take())
        },
        // No `cancel`: when the request ends early, its answer says why, and fails the queue.
      },
      { highWaterMark: 0 },
    )
  }

  push(bytes: Uint8Array): void {
    this.#parts.push(bytes)
    this.#size += bytes.length
    this.#wake.resolve()
    this.#wake = deferred()
  }

  async room(): Promise<void> {
    while (this.#size > QUEUE_BYTES && !this.#failure) await this.#drained.promise
    if (this.#failure) throw this.#failure.reason
  }

  close(): void {
    this.#closed = true
    this.#wake.resolve()
  }

  fail(reason: unknown): void {
    this.#failure ??= { reason }
    this.#wake.resolve()
    this.#drained.resolve()
  }

  /** The next bytes in one piece: sent one by one, small blocks would cost a call to the kernel each. */
  #take(): Uint8Array {
    let count = 0
    let size = 0
    while (count < this.#parts.length && size < SEND_BYTES) {
      size += (this.#parts[count] as Uint8Array).length
      count += 1
    }
    const parts = this.#parts.splice(0, count)
    this.#size -= size
    this.#drained.resolve()
    this.#drained = deferred()
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, size)
  }
}
