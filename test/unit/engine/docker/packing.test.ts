import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beginPacking } from '../../../../src/engine/docker/packing.ts'
import { type Bytes, collect } from '../../../../src/streams.ts'
import { never } from '../../../support/never.ts'

const EXPORT = 'docker-export-1'
const signal = new AbortController().signal
const isLayer = (path: string) => path === 'x/layer.tar'

let folder: string
let calls: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'packing-'))
  calls = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** An engine that packs these files, and then sends two pieces. */
function packing(
  files: Readonly<Record<string, string>>,
  find: () => Promise<string | undefined> = async () => folder,
) {
  async function* save(limited: AbortSignal): Bytes {
    calls.push('asked for the archive')
    limited.addEventListener('abort', () => calls.push('stopped'))
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, EXPORT, path)), { recursive: true })
      writeFileSync(join(folder, EXPORT, path), text)
    }
    yield Buffer.from('first')
    yield Buffer.from('second')
  }
  const where = async () => {
    calls.push('asked for the folder')
    return find()
  }
  return beginPacking({ folder: where, save, signal })
}

test('an engine packs before anybody reads, and its folder is looked at before that', async () => {
  mkdirSync(join(folder, 'docker-export-0'))
  writeFileSync(join(folder, 'docker-export-0', 'manifest.json'), 'of somebody else')
  const { files, archive, stop } = await packing({ 'x/layer.tar': 'tar', 'manifest.json': '[]' })
  expect(calls).toEqual(['asked for the folder', 'asked for the archive'])
  const seen: string[] = []
  for await (const { path, body } of files?.(isLayer, signal) ?? []) {
    seen.push(`${path} ${await collect(body, 100, path)}`)
  }
  expect(seen).toEqual(['x/layer.tar tar', 'manifest.json []'])
  expect(String(await collect(archive, 100, 'the archive'))).toBe('firstsecond')
  expect(calls).not.toContain('stopped')
  stop()
  expect(calls).toContain('stopped')
})

test.each([
  ['an engine that packs nowhere', async () => undefined],
  ['a folder that is not here', async () => join(folder, 'nowhere')],
  ['an engine that does not say', () => Promise.reject(new Error('no answer'))],
])('the files of %s are not seen; its archive comes all the same', async (_, find) => {
  const { files, archive } = await packing({}, find)
  expect(files).toBeUndefined()
  expect(String(await collect(archive, 100, 'the archive'))).toBe('firstsecond')
})

test('a file that goes away is a fault of the engine', async () => {
  const { files } = await packing({ 'x/layer.tar': 'tar', 'manifest.json': '[]' })
  const failed = { code: 'ENGINE_FAILED', message: expect.stringContaining('ENOENT') }
  const entries = files?.(isLayer, signal)[Symbol.asyncIterator]()
  const layer = (await entries?.next())?.value
  rmSync(join(folder, EXPORT), { recursive: true })
  await expect(collect(layer?.body ?? nothing(), 100, 'the layer')).rejects.toMatchObject(failed)
  await expect(entries?.next()).rejects.toMatchObject(failed)
})

async function* nothing(): Bytes {}

test('who cancels hears why, and need not wait for the engine', async () => {
  const user = new AbortController()
  async function* save(): Bytes {
    yield await never(user.signal)
  }
  const { files } = await beginPacking({ folder: async () => folder, save, signal: user.signal })
  const waiting = files?.(isLayer, user.signal)[Symbol.asyncIterator]().next()
  const reason = new Error('cancelled')
  user.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})
