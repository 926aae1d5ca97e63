import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { rawBlock } from '../../../src/dag/blocks.ts'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type DagNode, leafNode, writeDirectory } from '../../../src/format/files.ts'
import { writeImageDag } from '../../../src/format/image-dag.ts'
import { writeLayer } from '../../../src/format/layer.ts'
import { load as loadImage } from '../../../src/load/load.ts'
import { openCarSource } from '../../../src/load/sources/cars.ts'
import { createCar } from '../../../src/store/car/car-writer.ts'
import type { Bytes } from '../../../src/streams.ts'
import { digest, imageOf, noise } from '../../support/images.ts'
import { MemoryEngine } from '../../support/memory/engine.ts'
import { MemorySink } from '../../support/memory-sink.ts'
import { tarOf } from '../../support/tar.ts'

/** More runs where somebody has the time: PROPERTY_RUNS=10000. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 150)

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-mutated-'))
afterAll(() => rmSync(folder, { recursive: true }))
const path = (name: string) => join(folder, name)
const signal = new AbortController().signal

const IMAGE = imageOf(['one', 'two'].map((name) => tarOf([{ path: name, body: noise(900, name) }])))
const sink = new MemorySink()
const layers = await Promise.all(IMAGE.layers.map((tar) => writeLayer(once(tar), sink)))
const { root } = await writeImageDag(IMAGE.config, layers, sink)
const bytes = await car(root.cid, sink, 'whole.car')

/** Engines before 23 are sent plain tars. */
const anyEngine = fc.constantFrom('26.1.5', '20.10.24').map((version) => () => {
  return new MemoryEngine({ version, containerdStore: false })
})

/** What comes of loading a CAR: an error of ours and an empty engine, or one image. */
async function load(file: Uint8Array, engine: MemoryEngine): Promise<DockerIpfsError | undefined> {
  writeFileSync(path('bad.car'), file)
  const block = (cid: CID) => Promise.reject(new DockerIpfsError('CONTENT_NOT_FOUND', `nobody has ${cid}`))
  const options = {
    engine,
    blocks: { block },
    routing: { meet: async () => undefined },
    piped: () => once(new Uint8Array(0)),
    report: () => undefined,
    signal,
    timeoutMs: 2000,
  }
  try {
    const source = await openCarSource([path('bad.car')], undefined, options)
    await loadImage(source, options).finally(() => source.close())
    expect(engine.stored.size).toBe(1)
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(DockerIpfsError)
    expect((error as DockerIpfsError).message).not.toBe('')
    expect([...engine.stored.keys()]).toEqual([])
    return error as DockerIpfsError
  }
}

/** The images of an engine: their IDs and layers. */
const imagesOf = ({ stored }: MemoryEngine) => [...stored].map(([id, { image }]) => [id, image.diffIds] as const)
const RIGHT = [[digest(IMAGE.config), IMAGE.diffIds]] as const

describe('a CAR file', () => {
  test('as it was written loads the image', async () => {
    for (const version of ['26.1.5', '20.10.24']) {
      const engine = new MemoryEngine({ version, containerdStore: false })
      expect(await load(bytes, engine)).toBeUndefined()
      expect(imagesOf(engine)).toEqual([...RIGHT])
    }
  })

  test('with bytes changed, taken out or put in is an error, and nothing is loaded, or the right image', async () => {
    const edit = fc.record({
      at: fc.nat(bytes.length - 1),
      take: fc.nat(300),
      put: fc.uint8Array({ maxLength: 300 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), anyEngine, async (edits, make) => {
        let bad: Uint8Array = bytes
        for (const { at, take, put } of edits) bad = Buffer.concat([bad.subarray(0, at), put, bad.subarray(at + take)])
        const engine = make()
        if ((await load(bad, engine)) === undefined) expect(imagesOf(engine)).toEqual([...RIGHT])
      }),
      { numRuns: RUNS },
    )
  }, 3_600_000)

  test('that is cut anywhere is an error, and nothing is loaded', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), anyEngine, async (length, make) => {
        expect(await load(bytes.subarray(0, length), make())).toBeInstanceOf(DockerIpfsError)
      }),
      { numRuns: RUNS },
    )
  }, 3_600_000)
})

describe('an image whose blocks are right', () => {
  const read = (name: string) => JSON.parse(sink.read(root.cid, name).toString()) as Record<string, unknown>
  const index = read('index.json') as { manifests: [{ digest: string; size: number }] }
  const manifest = read(`blobs/sha256/${index.manifests[0].digest.slice(7)}`)

  /** The image with documents that a changer has been at, each named by its true CID, digest and size if `honest`. */
  async function lying(change: (document: unknown) => unknown, honest: boolean): Promise<Uint8Array> {
    const changed = new MemorySink()
    for (const [cid, block] of sink.blocks) changed.blocks.set(cid, block)
    const put = async (value: unknown) => {
      const block = rawBlock(Buffer.from(JSON.stringify(value) ?? ''))
      await changed.put(block)
      return { node: leafNode(block), digest: digest(block.bytes), size: block.bytes.length }
    }
    const named = (to: unknown, { digest, size }: { digest: string; size: number }) =>
      typeof to === 'object' && to !== null && honest ? { ...to, digest, size } : to
    const config = await put(change(JSON.parse(IMAGE.config.toString())))
    const newManifest = change(manifest) as Record<string, unknown> | null
    const middle = await put(newManifest && { ...newManifest, config: named(newManifest['config'], config) })
    const [first] = index.manifests
    const top = await put(change({ ...index, manifests: [named(first, middle)] }))
    const directory = (entries: Record<string, DagNode>) => writeDirectory(new Map(Object.entries(entries)), changed)
    const blobs: [string, DagNode][] = [
      ...layers.map(({ blobDigest, blob }) => [blobDigest.slice(7), blob] as [string, DagNode]),
      [config.digest.slice(7), config.node],
      [middle.digest.slice(7), middle.node],
    ]
    const sha256 = await directory(Object.fromEntries(blobs.sort(([a], [b]) => (a < b ? -1 : 1))))
    const layout = await put({ imageLayoutVersion: '1.0.0' })
    const entries = { blobs: await directory({ sha256 }), 'index.json': top.node, 'oci-layout': layout.node }
    return car((await directory(entries)).cid, changed, 'lying.car')
  }

  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.nat(2 ** 53 - 1),
    fc.constantFrom(null, -1, 1e300, '', '9', 'sha256:', IMAGE.diffIds[0], layers[0]?.blobDigest, '../../x', [], {}),
  )

  test('and whose documents lie is an error, and nothing is loaded, or is what they say', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(60), value, fc.boolean(), anyEngine, async (seed, other, honest, make) => {
        let left = seed
        const change = (json: unknown): unknown => {
          left -= 1
          if (left === 0) return other
          if (Array.isArray(json)) return json.map(change)
          if (typeof json !== 'object' || json === null) return json
          return Object.fromEntries(Object.entries(json).map(([key, inner]) => [key, change(inner)]))
        }
        const engine = make()
        if ((await load(await lying(change, honest), engine)) !== undefined) return
        // Whatever the config says beside: the layers are those of the image.
        for (const [, diffIds] of imagesOf(engine)) {
          expect(diffIds.filter((diffId) => !IMAGE.diffIds.includes(diffId))).toEqual([])
        }
      }),
      { numRuns: RUNS },
    )
  }, 3_600_000)

  test('is loaded as it is when nobody has been at it', async () => {
    const engine = new MemoryEngine()
    expect(await load(await lying((document) => document, true), engine)).toBeUndefined()
    expect(engine.stored.size).toBe(1)
  })
})

async function car(cid: CID, { blocks }: MemorySink, name: string): Promise<Buffer> {
  const file = await createCar({ path: path(name) })
  for (const [text, block] of blocks) await file.put({ cid: parseCid(text), bytes: block })
  await file.finish(cid)
  await file.close()
  return readFileSync(path(name))
}

async function* once(piece: Uint8Array): Bytes {
  yield piece
}
