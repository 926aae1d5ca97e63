import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type ExportedFile, exportsIn, filesBeingPacked } from '../../../../src/engine/docker/export-folder.ts'
import { type Deferred, deferred } from '../../../../src/streams.ts'

let folder: string
let packed: Deferred<void>
let stop: AbortController
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'packing-'))
  packed = deferred()
  stop = new AbortController()
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Writes as an engine does. */
function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  appendFileSync(join(folder, path), text)
}

const files = (before: readonly string[] = []) =>
  filesBeingPacked({
    folder,
    before: new Set(before),
    packed: packed.promise,
    isLayer: (path) => path.endsWith('layer.tar'),
    signal: stop.signal,
  })

async function textOf({ body }: ExportedFile): Promise<string> {
  let text = ''
  for await (const bytes of body) text += Buffer.from(bytes).toString()
  return text
}

const NAME = 'docker-export-123'

describe('the files of an export', () => {
  test('come while they are written: layers as they grow, then the others, manifest.json at the end', async () => {
    const reading = files(['docker-export-1'])
    write('docker-export-1/x/layer.tar', 'somebody else')
    const first = reading.next()
    await Bun.sleep(20)
    write(`${NAME}/b/VERSION`, '1.0')
    write(`${NAME}/b/layer.tar`, 'begin')
    const layer = (await first).value as ExportedFile
    expect(layer).toMatchObject({ path: 'b/layer.tar', size: undefined })
    const body = layer.body[Symbol.asyncIterator]()
    expect(Buffer.from((await body.next()).value ?? []).toString()).toBe('begin')

    const rest = body.next()
    await Bun.sleep(20)
    write(`${NAME}/b/layer.tar`, ' end')
    expect(Buffer.from((await rest).value ?? []).toString()).toBe(' end')
    const end = body.next()
    await Bun.sleep(20)
    write(`${NAME}/a/layer.tar`, 'two')
    expect((await end).done).toBe(true)

    const second = (await reading.next()).value as ExportedFile
    expect(second.path).toBe('a/layer.tar')
    const whole = textOf(second)
    symlinkSync('b/layer.tar', join(folder, NAME, 'link.tar'))
    write(`${NAME}/a/json`, '{}')
    write(`${NAME}/manifest.json`, '[]')
    write(`${NAME}/z.json`, '{"z":1}')
    packed.resolve()
    expect(await whole).toBe('two')

    const others: unknown[] = []
    for await (const file of reading) others.push([file.path, file.size, file.linkTarget, await textOf(file)])
    expect(others).toEqual([
      ['a/json', 2, undefined, '{}'],
      ['b/VERSION', 3, undefined, '1.0'],
      ['link.tar', 0, 'b/layer.tar', ''],
      ['z.json', 7, undefined, '{"z":1}'],
      ['manifest.json', 2, undefined, '[]'],
    ])
  })

  test('that need not be read are not waited for', async () => {
    write(`${NAME}/a/layer.tar`, 'one')
    const reading = files()
    expect((await reading.next()).value).toMatchObject({ path: 'a/layer.tar' })
    packed.resolve()
    expect((await reading.next()).done).toBe(true)
  })

  test('are none where no export is seen until the engine answers, or it fails', async () => {
    const reading = files([NAME])
    write(`${NAME}/a/layer.tar`, 'there before')
    write('other-456/a/layer.tar', 'something else')
    const first = reading.next()
    packed.reject(new Error('no such image'))
    expect((await first).done).toBe(true)
  })

  test('are not waited for when all is cancelled', async () => {
    const waiting = files().next()
    write(`${NAME}/a/layer.tar`, 'one')
    const { value } = await waiting
    const reading = textOf(value as ExportedFile)
    const [other] = [files([NAME]).next()]
    stop.abort(new Error('cancelled'))
    for (const one of await Promise.allSettled([reading, other])) expect(one.status).toBe('rejected')
  })

  test('that are gone, or links to elsewhere, are no files of it', async () => {
    write(`${NAME}/a/layer.tar`, 'one')
    const reading = files()
    const { value } = await reading.next()
    rmSync(join(folder, NAME, 'a', 'layer.tar'))
    writeFileSync(join(folder, 'secret'), 'secret')
    symlinkSync(join(folder, 'secret'), join(folder, NAME, 'a', 'layer.tar'))
    expect(textOf(value as ExportedFile)).rejects.toMatchObject({ code: 'ELOOP', syscall: 'open' })
    rmSync(join(folder, NAME), { recursive: true })
    packed.resolve()
    expect(reading.next()).rejects.toMatchObject({ code: 'ENOENT' })
    await Bun.sleep(20)
  })
})

test('an engine whose folder cannot be read has no exports to see', () => {
  expect(exportsIn(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'ENOENT' })
})
