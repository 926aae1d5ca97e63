import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blockKey } from '../../../../src/dag/blocks.ts'
import { carHeader } from '../../../../src/dag/car.ts'
import { type CID, parseCid } from '../../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { load } from '../../../../src/load/load.ts'
import { openCarSource } from '../../../../src/load/sources/cars.ts'
import { createCar } from '../../../../src/store/car/car-writer.ts'
import { errorOf } from '../../../support/error-of.ts'
import { digest, imageOf, twoLayers } from '../../../support/images.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'
import { writeOn } from '../../../support/memory/keep-image.ts'
import { ENGINES, loading } from '../../../support/memory/loading.ts'
import { MemoryNode } from '../../../support/memory/node.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-load-cars-'))
afterAll(() => rmSync(folder, { recursive: true }))
const path = (name: string) => join(folder, name)

const IMAGE = twoLayers()
const BASE = imageOf(IMAGE.layers.slice(0, 1))

/** Writes what a node has into a CAR file, but for what another has, which the file says. */
async function writeCar(name: string, root: CID, node: MemoryNode, without?: { node: MemoryNode; root: CID }) {
  const known = new Set([...(without?.node.blocks.blocks.keys() ?? [])].map((cid) => blockKey(parseCid(cid))))
  const car = await createCar({ path: path(name), known, since: without?.root })
  for (const [cid, bytes] of node.blocks.blocks) await car.put({ cid: parseCid(cid), bytes })
  await car.finish(root)
  await car.close()
}

const [whole, base] = [new MemoryNode(), new MemoryNode()]
const { root } = await writeOn(whole, IMAGE)
const before = await writeOn(base, BASE)
await writeCar('whole.car', root, whole)
await writeCar('base.car', before.root, base)
await writeCar('delta.car', root, whole, { node: base, root: before.root })

const gone = () => Promise.reject(new DockerIpfsError('NODE_UNREACHABLE', 'nobody is there'))

/** Loads from files; no node answers where none is given. */
async function run(names: readonly string[], reference?: string, node?: MemoryNode, engine = new MemoryEngine()) {
  const { options, told } = loading(node, engine)
  const blocks = node?.blocks ?? { block: gone }
  async function* piped() {
    yield readFileSync(path('whole.car'))
  }
  const all = { ...options, blocks, piped, tag: 'app:1' }
  const paths = names.map((name) => (name === '-' ? name : path(name)))
  const source = await openCarSource(paths, reference, all)
  const loaded = await load(source, all).finally(() => source.close())
  return { loaded, engine, told }
}

describe('CAR files', () => {
  test.each(ENGINES)('are loaded into %s with no node at all, and nothing is kept', async (_, kind) => {
    const { loaded, engine, told } = await run(['whole.car'], undefined, undefined, new MemoryEngine(kind))
    expect(loaded).toMatchObject({ configDigest: digest(IMAGE.config), tag: 'app:1' })
    expect(await engine.inspect('app:1')).toMatchObject({ id: loaded.imageId, layers: IMAGE.diffIds })
    expect(told.events.map((event) => (event.type === 'step' ? event.text : event.type)).slice(0, 3)).toEqual([
      `Checking ${path('whole.car')}`,
      `Looking for ${root}`,
      'Loading',
    ])
    expect(told.sources).toBeUndefined()
    expect(told.warnings).toEqual([])
  })

  test('are read from the standard input too', async () => {
    const { engine, told } = await run(['-'])
    expect(engine.stored.size).toBe(1)
    expect(told.steps[0]).toBe('Checking the standard input')
  })

  test('that hold what another image lacks are loaded with that one, in any order', async () => {
    expect((await run(['delta.car', 'base.car'])).loaded.configDigest).toBe(digest(IMAGE.config))
    const other = await run(['base.car', 'delta.car'], root.toString())
    expect(other.loaded.configDigest).toBe(digest(IMAGE.config))
    expect((await run(['base.car', 'delta.car'])).loaded.configDigest).toBe(digest(BASE.config))
  })

  test('that hold what another image lacks are loaded where the node has that one', async () => {
    const node = new MemoryNode()
    await writeOn(node, BASE)
    const { loaded } = await run(['delta.car'], undefined, node)
    expect(loaded.configDigest).toBe(digest(IMAGE.config))
    // It is not kept: it may be a file of somebody else's.
    expect(node.pins.names.size).toBe(0)
  })

  test.each([
    ['that nobody has', new MemoryNode()],
    ['and no node answers', undefined],
  ])('that hold what another image lacks, %s, say which', async (_, node) => {
    await expect(run(['delta.car'], undefined, node)).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: expect.stringMatching(
        new RegExp(`^${path('delta.car')} holds only what ${before.root} lacks, and the node does not have that image`),
      ),
      hint: expect.stringContaining(before.root.toString()),
    })
  })

  test('that lack a block of an image say so, and nothing is loaded', async () => {
    await expect(run(['base.car'], root.toString())).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: `${path('base.car')} lacks the block ${root} of ${root}, and so does the node`,
    })
  })

  test('whose blocks the node has otherwise are wrong, and that is said', async () => {
    const node = new MemoryNode()
    node.blocks.blocks.set(root.toString(), Buffer.from('something else'))
    await expect(run(['base.car'], root.toString(), node)).rejects.toMatchObject({ code: 'INTEGRITY' })
  })

  test('without one root must be told which', async () => {
    writeFileSync(path('none.car'), carHeader([]))
    writeFileSync(path('two.car'), carHeader([root, before.root]))
    for (const [name, count] of [
      ['none.car', 0],
      ['two.car', 2],
    ] as const) {
      await expect(run([name])).rejects.toMatchObject({
        code: 'NOT_AN_IMAGE',
        message: `${path(name)} names ${count} roots`,
        hint: 'Say which: docker ipfs load -i FILE CID',
      })
    }
    await expect(run(['whole.car'], 'no CID')).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
  })

  test('that are none, or not there, are told by name', async () => {
    writeFileSync(path('text.car'), 'not a CAR at all')
    await expect(run(['text.car'])).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
    await expect(run(['missing.car'])).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: expect.stringContaining('missing.car'),
    })
    await expect(run(['whole.car', 'missing.car'])).rejects.toMatchObject({ code: 'FILE_FAILED' })
  })

  test('end with the signal, while they are checked and while a block is looked for', async () => {
    const stop = new AbortController()
    const cancelled = new DockerIpfsError('CANCELLED', 'cancelled', { signal: 2 })
    const { options } = loading(new MemoryNode(), new MemoryEngine(), 60_000)
    const all = { ...options, signal: stop.signal, piped: () => stuck() }
    const opening = openCarSource(['-'], undefined, all)
    const source = await openCarSource([path('delta.car')], undefined, all)
    const loads = load(source, all).finally(() => source.close())
    stop.abort(cancelled)
    expect(await Promise.all([opening, loads].map(errorOf))).toEqual([cancelled, cancelled])
  })
})

async function* stuck(): AsyncGenerator<Uint8Array> {
  await new Promise(() => undefined)
}
