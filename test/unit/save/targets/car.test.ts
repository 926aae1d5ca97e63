import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCid } from '../../../../src/dag/cid.ts'
import type { ProgressEvent } from '../../../../src/events.ts'
import { archiveInput } from '../../../../src/save/inputs/archive.ts'
import { engineInput } from '../../../../src/save/inputs/engine.ts'
import { save } from '../../../../src/save/save.ts'
import { type CarTargetOptions, carTarget } from '../../../../src/save/targets/car.ts'
import { openCar } from '../../../../src/store/car/car-reader.ts'
import { collect } from '../../../../src/streams.ts'
import { archive20, GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../../../support/images.ts'
import { Layout } from '../../../support/layouts.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { fileOf, Saving } from '../../../support/saving.ts'
import { tarOf } from '../../../support/tar.ts'

const never = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-save-'))
afterAll(() => rmSync(folder, { recursive: true }))

function target(more: Partial<CarTargetOptions>, events: ProgressEvent[] = []) {
  const report = (event: ProgressEvent) => void events.push(event)
  return carTarget({ blocks: new MemoryNode().blocks, report, signal: never, timeoutMs: 50, ...more })
}

test('a file has the image and its root, and all blocks that a node would have', async () => {
  const path = join(folder, 'strange.car')
  const result = await save(archiveInput(fileOf(archive20(GOLDEN.strange()))), target({ path }), {})
  expect(result).toMatchObject({ root: GOLDEN_ROOTS.strange, skipped: 0 })
  const car = await openCar(path, never)
  const saving = new Saving(new MemoryNode())
  await saving.archive(archive20(GOLDEN.strange()))
  const root = parseCid(GOLDEN_ROOTS.strange)
  expect(car.roots.map(String)).toEqual([GOLDEN_ROOTS.strange])
  let blocks = 1
  const walk = async (cid = root): Promise<void> => {
    expect(await car.block(cid)).toBeDefined()
    for (const { Hash } of saving.node.blocks.links(cid)) {
      blocks += 1
      if (Hash.code !== 0x55) await walk(Hash)
      else expect(await car.block(Hash)).toBeDefined()
    }
  }
  await walk()
  expect(blocks).toBeGreaterThan(10)
  await car.close()
})

test('an image of the engine goes to who takes the bytes', async () => {
  const engine = new MemoryEngine()
  engine.add(GOLDEN.tiny(), 'app:1')
  // What is read there may be another image, and would stay in the file.
  engine.pack = () => Promise.reject(new Error('read where it is packed'))
  let size = 0
  const send: CarTargetOptions['send'] = async (bytes) => {
    size = (await collect(bytes, 1e6, 'the file')).length
  }
  const events: ProgressEvent[] = []
  const result = await save(engineInput('app:1', { engine, signal: never }), target({ send }, events), {})
  expect(result.root).toBe(GOLDEN_ROOTS.tiny)
  expect(size).toBeGreaterThan(result.bytes)
  expect(events[0]).toEqual({ type: 'step', text: 'Saving app:1' })
})

describe('with --since', () => {
  const base = tarOf([{ path: 'base', body: noise(200_000, 'base') }])
  const image = (text: string) => imageOf([base, tarOf([{ path: 'app', body: Buffer.from(text) }])])

  test('only what that image lacks is written', async () => {
    const saving = new Saving(new MemoryNode())
    const [since = ''] = await saving.archive(archive20(image('one')))
    const { blocks } = saving.node
    const input = () => archiveInput(fileOf(archive20(image('two'))))
    const whole = await save(input(), target({ path: join(folder, 'whole.car') }), {})
    const delta = await save(input(), target({ path: join(folder, 'delta.car'), since, blocks }), {})
    expect(delta.root).toBe(whole.root)
    expect(delta.skipped).toBeGreaterThan(0)
    expect(delta.bytes).toBeLessThan(whole.bytes / 5)
    const car = await openCar(join(folder, 'delta.car'), never)
    expect(String(car.since)).toBe(since)
    await car.close()
  })

  test('an image that nobody has is given up in time, and no file is left', async () => {
    const path = join(folder, 'never.car')
    const saving = save(archiveInput(fileOf(archive20(image('two')))), target({ path, since: GOLDEN_ROOTS.tiny }), {})
    await expect(saving).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: `no node gave ${GOLDEN_ROOTS.tiny} within 0 s`,
    })
    expect(existsSync(path)).toBe(false)
  })
})

test('an archive of several images is refused, and leaves nothing', async () => {
  const layout = new Layout()
  const named = (name: string) => ({ annotations: { 'io.containerd.image.name': name } })
  const archive = layout.tar([
    layout.image(GOLDEN.tiny(), named('a:1')),
    layout.image(imageOf([tarOf([{ path: 'b' }])]), named('b:1')),
  ])
  const empty = mkdtempSync(join(folder, 'several-'))
  const saving = save(archiveInput(fileOf(archive)), target({ path: join(empty, 'x.car') }), {})
  await expect(saving).rejects.toMatchObject({
    code: 'ARCHIVE_INVALID',
    message: 'images.tar holds 2 images, and a CAR file takes one',
  })
  expect(readdirSync(empty)).toEqual([])
})

test('a folder that is not there is told before anything is read', async () => {
  const path = join(folder, 'nowhere', 'x.car')
  const saving = save(archiveInput(fileOf(Buffer.alloc(0))), target({ path }), {})
  await expect(saving).rejects.toMatchObject({ code: 'FILE_FAILED' })
})
