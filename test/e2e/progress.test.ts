import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { archive20, archiveOci, GOLDEN, GOLDEN_ROOTS, imageOf, noise, type TestImage } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { relay } from '../support/relay.ts'
import { tarOf } from '../support/tar.ts'

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()

const layer = (name: string, megabytes: number) => tarOf([{ path: name, body: noise(megabytes << 20, name) }])
const TWO = imageOf([layer('lower', 1), layer('upper', 24)])
const [LOWER = Buffer.alloc(0)] = TWO.layers

/** Saves the images of an archive; gives what was told of layers, line by line. */
async function saveArchive(bytes: Buffer, args: readonly string[] = [], api = node().api) {
  const path = join(real.place.folder, 'images.tar')
  await Bun.write(path, bytes)
  const command = ['-H', 'unix:///nowhere.sock', 'ipfs', 'save', '--no-cache', '-i', path, ...args]
  return real.place.start('docker', command, { env: { DOCKER_IPFS_API: api } })
}

/** The same archive with one other byte in a layer. */
function damaged(archive: Buffer, tar: Buffer): Buffer {
  const bad = Buffer.from(archive)
  const at = bad.indexOf(tar.subarray(600, 700))
  bad[at] = (bad[at] ?? 0) ^ 1
  return bad
}

describe('of a save that fails no layer is said to be saved,', () => {
  const IS_SAVED = /Saved|"percent":100/

  test.each([
    ['of an old archive', archive20(TWO), 5],
    ['of an OCI layout', archiveOci(TWO, 'plain'), 5],
  ])('where a layer %s is damaged', async (_, archive, exitCode) => {
    for (const args of [[], ['--progress', 'json'], ['-o', join(real.place.folder, 'x.car')]]) {
      const run = await (await saveArchive(damaged(archive, LOWER), args)).finished
      expect(run).toMatchObject({ exitCode, stdout: '' })
      expect(run.stderr).not.toMatch(IS_SAVED)
    }
  })

  test('where the archive is cut short', async () => {
    const archive = archive20(TWO)
    const run = await (await saveArchive(archive.subarray(0, archive.length >> 1))).finished
    expect(run).toMatchObject({ exitCode: 1, stdout: '' })
    expect(run.stderr).not.toMatch(IS_SAVED)
  })

  test('where the node goes in the middle of it', async () => {
    const stall = { from: 'caller', after: 8 << 20 } as const
    const at = await relay({ port: 0 }, { port: node().port }, stall)
    const run = await saveArchive(archive20(TWO), ['--progress', 'json'], at.api)
    await at.reached
    at.cut()
    const { exitCode, stderr } = await run.finished
    at.close()
    expect(exitCode).toBe(3)
    // The lower one had gone out by then.
    expect(stderr).toMatch(/"text":"Sent","current":1050\d{3}/)
    expect(stderr).not.toMatch(IS_SAVED)
  })
})

describe.each(ENGINES)('a load into %s', (name) => {
  const engine = () => real.engine(name)
  const ids = GOLDEN.large().diffIds.map((diffId) => diffId.slice(7, 19))
  let root: string

  beforeAll(async () => {
    root = await engine().save(node(), await engine().give(GOLDEN.large() as TestImage))
  })
  beforeEach(() => engine().clear())

  test('says what is sent, what is unpacked with the figures that the engine gives, and last that it is loaded', async () => {
    expect(root).toBe(GOLDEN_ROOTS.large)
    const { exitCode, stderr } = await engine().ipfs(node(), 'load', '--progress', 'json', root)
    expect(exitCode).toBe(0)
    const events = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { id?: string; text: string; current?: number; total?: number })
    for (const id of ids) {
      const words = events.filter((event) => event.id === id).map(({ text }) => text)
      expect(words.indexOf('Sent')).toBeGreaterThan(0)
      expect(words.slice(-2)).toEqual(['Unpacked', 'Loaded'])
    }
    const figures = events.filter(({ text, total }) => text === 'Unpacking' && total !== undefined)
    expect(new Set(figures.map(({ id }) => id))).toEqual(new Set(engine().isContainerd ? [] : ids))
    // As it was sent, packed or not.
    for (const { id, total } of figures)
      expect(events.find((event) => event.id === id && event.text === 'Loaded')?.current).toBe(total)
  })
})
