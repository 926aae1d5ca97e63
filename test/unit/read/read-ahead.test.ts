import { describe, expect, test } from 'bun:test'
import type { FileRef, Range } from '../../../src/dag/block-source.ts'
import { parseCid } from '../../../src/dag/cid.ts'
import type { ImageLayer } from '../../../src/read/layers.ts'
import { type LayerReader, readAhead, readInOrder, readPart } from '../../../src/read/read-ahead.ts'
import { type Bytes, collect } from '../../../src/streams.ts'
import { bulk, digest, GOLDEN_ROOTS } from '../../support/images.ts'
import { never } from '../../support/never.ts'

const MIB = 1024 * 1024
const BLOBS = [bulk(3 * MIB + 5, 'first'), Buffer.from('tiny'), bulk(9 * MIB, 'second')]
const LAYERS = BLOBS.map((bytes) => ({ digest: digest(bytes), size: bytes.length, tarSize: 0, diffId: '' }))
const IMAGE = { root: parseCid(GOLDEN_ROOTS.tiny) }

/** A node of these blobs that says what was asked of it; `answer` may change what it gives. */
class FakeNode {
  readonly asked: string[] = []
  open = 0
  mostOpen = 0
  answer: (blob: Buffer, range: Range) => Buffer = (blob, { offset, length }) => blob.subarray(offset, offset + length)
  before: (range: Range) => Promise<unknown> = async () => undefined

  async *#read(layer: ImageLayer, range: Range, signal: AbortSignal): Bytes {
    const at = LAYERS.findIndex(({ digest: name }) => name === layer.digest)
    this.asked.push(`${at} ${range.offset / MIB}`)
    this.open += 1
    this.mostOpen = Math.max(this.mostOpen, this.open)
    try {
      signal.throwIfAborted()
      const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      aborted.catch(() => undefined)
      await Promise.race([this.before(range), aborted])
      yield this.answer(BLOBS[at] as Buffer, range)
    } finally {
      this.open -= 1
    }
  }

  reader(
    options: {
      readonly from?: 'node' | 'arriving' | 'both' | 'gateways'
      readonly signal?: AbortSignal
      readonly timeoutMs?: number
    } = {},
  ): LayerReader {
    const { from = 'both', signal = new AbortController().signal, timeoutMs = 5000 } = options
    return readAhead(IMAGE, LAYERS, { read: (...asked) => this.#read(...asked), signal, timeoutMs, from })
  }

  part(at: number, range: Range, from: 'node' | 'both' | 'gateways', signal = new AbortController().signal): Bytes {
    const [layer, read] = [LAYERS[at] as ImageLayer, this.#read.bind(this)]
    return readPart(IMAGE, { ...range, layer }, { read, signal, timeoutMs: 50, from })
  }
}

async function all(reader: LayerReader): Promise<Buffer[]> {
  const got: Buffer[] = []
  for (const layer of LAYERS) got.push(Buffer.from(await collect(reader.blob(layer), 16 * MIB, 'a layer')))
  return got
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('layers read ahead', () => {
  test('are as they were, whatever answer comes first', async () => {
    const node = new FakeNode()
    node.before = ({ offset }) => Bun.sleep(offset === 0 ? 20 : 0)
    const got = await all(node.reader())
    expect(got.map((bytes, at) => bytes.equals(BLOBS[at] as Buffer))).toEqual([true, true, true])
    expect(node.asked).toHaveLength(4 + 1 + 9)
  })

  test('are asked for across layers at once, one at a time when all is at hand', async () => {
    const far = new FakeNode()
    far.before = () => Bun.sleep(5)
    await all(far.reader())
    expect(far.mostOpen).toBe(14)
    const local = new FakeNode()
    local.before = () => Bun.sleep(5)
    await all(local.reader({ from: 'node' }))
    expect(local.mostOpen).toBe(1)
  })

  test('are not asked for further than the window when nobody takes them', async () => {
    const node = new FakeNode()
    const [first] = LAYERS
    const stream = node
      .reader({ from: 'node' })
      .blob(first as (typeof LAYERS)[number])
      [Symbol.asyncIterator]()
    await stream.next()
    await Bun.sleep(50)
    expect(node.asked.length).toBeLessThanOrEqual(6)
    expect(node.open).toBe(0)
  })

  test('that are shorter than they should be are wrong, and not asked for for ever', async () => {
    const node = new FakeNode()
    node.answer = (blob, { offset, length }) => blob.subarray(0, 2 * MIB + 7).subarray(offset, offset + length)
    expect(await failure(all(node.reader()))).toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringContaining(`has ${2 * MIB + 7} bytes, but should have ${3 * MIB + 5}`),
    })
  })

  test('that have one other byte are wrong, and their last piece is kept back', async () => {
    const node = new FakeNode()
    node.answer = (blob, { offset, length }) => {
      const bytes = Buffer.from(blob.subarray(offset, offset + length))
      bytes[0] = (bytes[0] ?? 0) ^ 1
      return bytes
    }
    let got = 0
    const reading = (async () => {
      for await (const bytes of node.reader().blob(LAYERS[0] as (typeof LAYERS)[number])) got += bytes.length
    })()
    expect(await failure(reading)).toMatchObject({ code: 'INTEGRITY' })
    expect(got).toBe(3 * MIB)
  })

  test('fail with what the node says, once, though many wait for it', async () => {
    const node = new FakeNode()
    node.before = () => Promise.reject(new Error('node is gone'))
    expect(await failure(all(node.reader()))).toMatchObject({ message: 'node is gone' })
  })

  test('that do not come are not found', async () => {
    const node = new FakeNode()
    node.before = () => new Promise(() => undefined)
    expect(await failure(all(node.reader({ from: 'node', timeoutMs: 50 })))).toMatchObject({
      code: 'CONTENT_NOT_FOUND',
    })
    await Bun.sleep(5)
    expect(node.open).toBe(0)
  })

  test('that arrive are waited for, as long as who gets them does', async () => {
    const node = new FakeNode()
    node.before = () => Bun.sleep(200)
    expect((await all(node.reader({ from: 'arriving', timeoutMs: 50 }))).map(digest)).toEqual(BLOBS.map(digest))
  })

  test('end with the reader, and with the signal', async () => {
    const node = new FakeNode()
    node.before = () => new Promise(() => undefined)
    const reader = node.reader()
    const reading = failure(all(reader))
    await Bun.sleep(5)
    reader.close()
    expect(await reading).toBeDefined()
    expect(node.open).toBe(0)

    const stop = new AbortController()
    const other = failure(all(node.reader({ signal: stop.signal })))
    stop.abort(new Error('cancelled'))
    expect(await other).toMatchObject({ message: 'cancelled' })
  })
})

describe('a part of a layer', () => {
  const range = { offset: MIB + 7, length: 7 * MIB }

  test.each([
    ['node', 1],
    ['both', 7],
    ['gateways', 1],
  ] as const)('is read from %s, in so many requests: %p', async (from, requests) => {
    const node = new FakeNode()
    const bytes = Buffer.from(await collect(node.part(2, range, from), 10 * MIB, 'a part'))
    expect(bytes.equals(BLOBS[2]?.subarray(MIB + 7, 8 * MIB + 7) ?? Buffer.alloc(0))).toBe(true)
    expect(node.asked).toHaveLength(requests)
  })

  test('ends where the layer is shorter than it should be', async () => {
    const node = new FakeNode()
    node.answer = (blob, { offset, length }) => blob.subarray(offset, offset + length - 1)
    expect((await collect(node.part(2, range, 'both'), 10 * MIB, 'a part')).length).toBe(MIB - 1)
  })

  test('is asked for no more when nobody reads it', async () => {
    const node = new FakeNode()
    for await (const _ of node.part(2, { offset: 0, length: 9 * MIB }, 'gateways')) break
    expect(node.asked.length).toBeLessThanOrEqual(2)
    await Bun.sleep(0)
    expect(node.open).toBe(0)
  })

  test('that does not come from a node is not found', async () => {
    const node = new FakeNode()
    node.before = () => Promise.withResolvers<void>().promise
    await expect(collect(node.part(1, { offset: 1, length: 2 }, 'node'), MIB, 'a part')).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
    })
  })
})

describe('layers read in order', () => {
  const blocks = (bytes: (at: number) => Buffer) => ({
    block: () => Promise.reject(new Error('only files are read')),
    async *cat({ digest: name }: FileRef) {
      const at = LAYERS.findIndex((layer) => layer.digest === name)
      for (let from = 0; from < bytes(at).length; from += MIB) yield bytes(at).subarray(from, from + MIB)
    },
  })
  const signal = new AbortController().signal

  test('are as they were', async () => {
    const reader = readInOrder(IMAGE, { blocks: blocks((at) => BLOBS[at] as Buffer), signal, timeoutMs: 5000 })
    expect((await all(reader)).map(digest)).toEqual(BLOBS.map(digest))
    reader.close()
  })

  test('that are others are wrong', async () => {
    const reader = readInOrder(IMAGE, { blocks: blocks(() => bulk(3 * MIB + 5, 'other')), signal, timeoutMs: 5000 })
    expect(await failure(all(reader))).toMatchObject({ code: 'INTEGRITY' })
  })

  test('end when they are closed, and when nothing comes', async () => {
    async function* cat(_: FileRef, limited: AbortSignal) {
      yield await never(limited)
    }
    const block = () => Promise.reject(new Error('only files are read'))
    const open = (timeoutMs: number) => readInOrder(IMAGE, { blocks: { block, cat }, signal, timeoutMs })
    expect(await failure(all(open(50)))).toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    const reader = open(60_000)
    const reading = failure(all(reader))
    reader.close()
    expect(await reading).toMatchObject({ name: 'AbortError' })
  })
})
