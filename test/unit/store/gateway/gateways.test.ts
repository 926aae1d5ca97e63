import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { CID } from '../../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { writeDirectory, writeFile } from '../../../../src/format/files.ts'
import { writeImageDag } from '../../../../src/format/image-dag.ts'
import { writeLayer } from '../../../../src/format/layer.ts'
import { createGateways } from '../../../../src/store/gateway/gateways.ts'
import { retryAfter } from '../../../../src/store/gateway/request.ts'
import { collect } from '../../../../src/streams.ts'
import { startGateway, type TestGateway } from '../../../support/gateway.ts'
import { digest, GOLDEN, noise } from '../../../support/images.ts'
import { MemorySink } from '../../../support/memory-sink.ts'
import { trustless } from '../../../support/trustless.ts'

const BYTES = Buffer.concat([noise(1_500_000, 'gateway'), Buffer.alloc(2_000_000), noise(500_000, 'end')])
const signal = new AbortController().signal
const sink = new MemorySink()
let root: CID
let change: (right: Buffer) => Buffer = (right) => right
let server: TestGateway

beforeAll(async () => {
  const file = await writeFile(BYTES, sink)
  root = (await writeDirectory(new Map([['file', file]]), sink)).cid
  server = await startGateway(trustless(sink.blocks), (right) => ({ ...right, body: change(right.body) }))
})
afterAll(() => server.close())

function read(offset: number, length: number): Promise<Uint8Array> {
  const gateways = createGateways({ urls: [server.url], timeoutMs: 2000, warn: () => undefined })
  return collect(gateways.cat({ root, path: ['file'] }, signal, { offset, length }), BYTES.length, 'the file')
}

describe('a file read from a gateway', () => {
  test.each([
    [0, BYTES.length],
    [1_048_575, 2],
    [3_999_999, 1],
    [1_000_000, 3_000_000],
  ])('has the bytes from %p, %p of them', async (offset, length) => {
    change = (right) => right
    expect(Buffer.from(await read(offset, length)).equals(BYTES.subarray(offset, offset + length))).toBe(true)
  })

  test('has nothing in a range of no bytes, for which nobody is asked', async () => {
    const before = server.asked.length
    expect(await read(7, 0)).toHaveLength(0)
    expect(server.asked).toHaveLength(before)
  })

  test('is right, or not there, whatever the gateway makes of its answers', async () => {
    let right = 0
    const spot = fc.double({ min: 0, max: 1, noNaN: true })
    const way = fc.constantFrom('flip', 'cut', 'drop', 'repeat', 'insert' as const)
    await fc.assert(
      fc.asyncProperty(spot, way, fc.uint8Array({ minLength: 1, maxLength: 300 }), async (where, how, bytes) => {
        change = (body) => mutated(body, Math.floor(where * body.length), how, bytes)
        const got = await read(0, BYTES.length).catch((error: unknown) => error)
        if (got instanceof Uint8Array) {
          right += 1
          expect(Buffer.from(got).equals(BYTES)).toBe(true)
        } else {
          expect(got).toBeInstanceOf(DockerIpfsError)
          expect(['INTEGRITY', 'CONTENT_NOT_FOUND']).toContain((got as DockerIpfsError).code)
        }
      }),
      // The example changes nothing, so that one at least is right.
      { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 60), examples: [[1, 'flip', new Uint8Array(1)]] },
    )
    expect(right).toBeGreaterThan(0)
  }, 600_000)
})

test('what leads to files is at hand once it was given, and their leaves are not', async () => {
  change = (right) => right
  const gateways = createGateways({ urls: [server.url], timeoutMs: 2000, warn: () => undefined })
  expect(await gateways.ownBlock(root, signal)).toBeUndefined()
  const bytes = await gateways.block(root, signal)
  expect(Buffer.from((await gateways.ownBlock(root, signal)) ?? []).equals(bytes)).toBe(true)
  const [leaf] = sink.links(sink.links(root)[0]?.Hash ?? root)
  expect(await gateways.hasBlock(leaf?.Hash ?? root, signal)).toBe(true)
  expect(await gateways.ownBlock(leaf?.Hash ?? root, signal)).toBeUndefined()
})

test('a document that came with the root is not asked for again, by whatever name', async () => {
  change = (right) => right
  const { config, layers } = GOLDEN.tiny()
  const written = await Promise.all(layers.map((layer) => writeLayer(once(layer), sink)))
  const image = (await writeImageDag(config, written, sink)).root.cid
  const gateways = createGateways({ urls: [server.url], timeoutMs: 2000, warn: () => undefined })
  await gateways.block(image, signal)
  const before = server.asked.length
  const blob = { root: image, path: ['blobs', 'sha256', digest(config).slice(7)], digest: digest(config) }
  const got = await collect(gateways.cat(blob, signal), 10_000, 'the config')
  expect(Buffer.from(got).equals(config)).toBe(true)
  const part = await collect(gateways.cat(blob, signal, { offset: 3, length: 4 }), 10_000, 'a part of it')
  expect(Buffer.from(part).equals(config.subarray(3, 7))).toBe(true)
  expect(server.asked.length).toBe(before)
})

async function* once(bytes: Uint8Array) {
  yield bytes
}

function mutated(body: Buffer, at: number, how: string, bytes: Uint8Array): Buffer {
  const [before, after] = [body.subarray(0, at), body.subarray(at)]
  if (how === 'cut') return before
  if (how === 'drop') return Buffer.concat([before, after.subarray(bytes.length)])
  if (how === 'repeat') return Buffer.concat([before, after.subarray(0, 5000), after])
  if (how === 'insert') return Buffer.concat([before, bytes, after])
  const flipped = Buffer.from(body)
  if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ 4
  return flipped
}

test.each([
  ['120', 120_000],
  ['0', 0],
  ['Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
  ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
  ['soon', undefined],
  [null, undefined],
])('Retry-After: %p is %p milliseconds', (text, milliseconds) => {
  expect(retryAfter(text, Date.parse('2026-11-24T12:00:00Z'))).toBe(milliseconds as number)
})
