import { describe, expect, test } from 'bun:test'
import { parseCid } from '../../../src/dag/cid.ts'
import type { ImageSource } from '../../../src/read/open-image.ts'
import { type LayerReader, readAhead } from '../../../src/read/read-ahead.ts'
import type { Node, Range } from '../../../src/store/kubo/node.ts'
import { type Bytes, collect } from '../../../src/streams.ts'
import { bulk, digest, GOLDEN_ROOTS } from '../../support/images.ts'

const MIB = 1024 * 1024
const BLOBS = [bulk(3 * MIB + 5, 'first'), Buffer.from('tiny'), bulk(9 * MIB, 'second')]
const LAYERS = BLOBS.map((bytes) => ({ digest: digest(bytes), size: bytes.length, tarSize: 0, diffId: '' }))
const IMAGE = { root: parseCid(GOLDEN_ROOTS.tiny), layers: LAYERS } as unknown as ImageSource

/** A node of these blobs that says what was asked of it; `answer` may change what it gives. */
class FakeNode {
  readonly asked: string[] = []
  open = 0
  mostOpen = 0
  answer: (blob: Buffer, range: Range) => Buffer = (blob, { offset, length }) => blob.subarray(offset, offset + length)
  before: (range: Range) => Promise<unknown> = async () => undefined

  async *cat(path: string, signal: AbortSignal, range: Range): Bytes {
    const at = LAYERS.findIndex((layer) => path.endsWith(layer.digest.slice(7)))
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
    return readAhead(IMAGE, LAYERS, { node: this as unknown as Node, signal, timeoutMs, from })
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
