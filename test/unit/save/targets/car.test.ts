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
import { archive20, digest, GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../../../support/images.ts'
import { forPlatform, Layout } from '../../../support/layouts.ts'
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

test('what fails or is cancelled leaves the file that was there, and nothing beside it', async () => {
  const place = mkdtempSync(join(folder, 'kept-'))
  const path = join(place, 'x.car')
  await Bun.write(path, 'kept')
  const large = archive20(GOLDEN.large())
  const cut = archiveInput(fileOf(large.subarray(0, 4_000_000)))
  await expect(save(cut, target({ path }), {})).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  const user = new AbortController()
  const reason = new Error('cancelled')
  // By then all of it has been read.
  const report = (event: ProgressEvent) => event.type === 'layer-waits' && user.abort(reason)
  const saving = save(archiveInput(fileOf(large)), target({ path, signal: user.signal, report }), {})
  expect(await saving.catch((error: unknown) => error)).toBe(reason)
  expect(readdirSync(place)).toEqual(['x.car'])
  expect(await Bun.file(path).text()).toBe('kept')
})

test('a file is the same, byte for byte, from a file, a pipe and an engine', async () => {
  const engine = new MemoryEngine({ version: '20.10.24', containerdStore: false })
  engine.add(GOLDEN.strange(), 'app:1')
  const archive = archive20(GOLDEN.strange())
  const inputs = [
    archiveInput(fileOf(archive)),
    archiveInput(fileOf(archive, false)),
    engineInput('app:1', { engine, signal: never }),
  ]
  const path = join(folder, 'same.car')
  const files = new Set<string>()
  for (const input of inputs) {
    await save(input, target({ path }), {})
    files.add(digest(await Bun.file(path).bytes()))
  }
  expect(files.size).toBe(1)
})

test('one platform of several is the image of that platform alone; what is missing is told', async () => {
  const layout = new Layout()
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } })
  const arm64 = layout.image(forPlatform(GOLDEN.tiny(), 'arm64'), platform('arm64'))
  const index = layout.index([layout.image(GOLDEN.strange(), platform('amd64')), arm64])
  layout.remove(arm64)
  const archive = layout.tar([index], [])
  const events: ProgressEvent[] = []
  const path = join(folder, 'platform.car')
  const found = { id: index.digest, layers: GOLDEN.strange().diffIds, names: [] }
  const engine = Object.assign(new MemoryEngine(), { inspect: async () => found, save: () => fileBytes(archive) })
  for (const input of [archiveInput(fileOf(archive)), engineInput('app:1', { engine, signal: never })]) {
    events.length = 0
    expect((await save(input, target({ path }, events), {})).root).toBe(GOLDEN_ROOTS.strange)
    expect(events).toContainEqual({
      type: 'step',
      text: 'Left out, since the archive does not have them: linux/arm64',
    })
    events.length = 0
    expect((await save(input, target({ path }, events), { platform: 'linux/amd64' })).root).toBe(GOLDEN_ROOTS.strange)
    expect(events.filter(({ type }) => type === 'step')).toHaveLength(1)
  }
})

async function* fileBytes(bytes: Buffer) {
  yield bytes
}
