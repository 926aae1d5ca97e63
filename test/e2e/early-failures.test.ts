import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { archiveOci, bulk, contentsOf, imageOf, noise, type TestImage } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

/** The only one here whose daemon ends when it breaks off inside a zstd layer: see bench/early-failures.ts. */
const FRAGILE = 'docker26'
const NAMES = [...new Set([...ENGINES, FRAGILE])]
const real = useReal({ engines: NAMES, nodes: ['node'] })

const file = (path: string, size: number) => ({ path, body: bulk(size, path) })
const BASE = tarOf([file('base', 100_000)])
const REST = Array.from({ length: 10 }, (_, at) => file(`rest/${at}`, 1_000_000))
/** What classic stores refuse at the second file, and containerd stores take. */
const DOUBLED = tarOf([file('a', 1), file('a', 2), ...REST])

/** Layers that an engine breaks off, and what it says of them. */
const BROKEN: Readonly<Record<string, TestImage>> = {
  'is no tar': imageOf([noise(200_000, 'no tar')]),
  'stops being a tar': imageOf([Buffer.concat([BASE.subarray(0, -1024), noise(600_000, 'x')])]),
  'stops being a tar above another': imageOf([BASE, Buffer.concat([BASE.subarray(0, -1024), noise(600_000, 'y')])]),
}

/** Layers that begin with the name of a file, and as something packed does. */
const LIKE_PACKED = ['BZh9', '\x1f\x8b\x08', '\xfd7zXZ', '(\xb5/\xfd', 'P*M\x18abcd']

/** A number of layers, each of one small file. */
const deep = (count: number) => imageOf(Array.from({ length: count }, (_, at) => tarOf([file(`f${at}`, 1)])))

async function save(image: TestImage): Promise<string> {
  const path = `${real.place.folder}/image.tar`
  await Bun.write(path, archiveOci(image, 'plain'))
  const saved = await real.place.run('docker', ['-H', 'unix:///nowhere.sock', 'ipfs', 'save', '-q', '-i', path], {
    env: { DOCKER_IPFS_API: real.node().api },
  })
  expect(saved).toMatchObject({ exitCode: 0, stderr: '' })
  return saved.stdout.trim()
}

describe.each(NAMES)('%s lives on', (name) => {
  const engine = () => real.engine(name)
  const load = (...args: string[]) => engine().ipfs(real.node(), 'load', '-q', ...args)
  let pid = 0

  beforeEach(async () => {
    await engine().clear()
    pid = engine().pid
  })
  afterEach(async () => {
    expect(await engine().docker('version', '--format', '{{.Server.Os}}')).toBe('linux')
    expect(engine().pid).toBe(pid)
  })

  test('after a load of more layers than its store takes, of which it is sent nothing', async () => {
    const root = await save(deep(126))
    if (engine().isContainerd) {
      expect(await load(root)).toMatchObject({ exitCode: 0 })
      return
    }
    const refused = await real.leavingNothing(() => load(root))
    expect(refused).toMatchObject({
      exitCode: 1,
      stderr:
        "ERROR: the image has 126 layers, and the engine's image store takes at most 125\n" +
        'Use an engine with the containerd image store, or an image that was built with fewer layers.\n',
    })
  })

  test('after a load of as many layers as a classic store takes', async () => {
    const image = deep(125)
    expect(await load('--tag', 'deep:1', await save(image))).toMatchObject({ exitCode: 0 })
    expect(await engine().contents('deep:1')).toEqual(contentsOf(image))
  })

  test.each(Object.entries(BROKEN))('after loads of a layer that %s', async (_, image) => {
    const root = await save(image)
    for (let round = 0; round < 3; round += 1) {
      const failed = await real.leavingNothing(() => load('--no-pin', root))
      expect(failed.exitCode).toBe(engine().isContainerd && failed.stderr.includes('could not unpack') ? 5 : 1)
      expect(failed.stderr.split('\n')[0]).toMatch(
        /^ERROR: the (Docker engine answered|engine could not).*invalid tar header/,
      )
    }
  })

  test('after loads of a layer with one file twice, above one that it has', async () => {
    expect(await load(await save(imageOf([BASE])))).toMatchObject({ exitCode: 0 })
    const root = await save(imageOf([BASE, DOUBLED]))
    for (let round = 0; round < 3; round += 1) {
      const { exitCode, stderr } = await load('--no-pin', root)
      if (engine().isContainerd) expect(exitCode).toBe(0)
      else {
        expect(exitCode).toBe(1)
        expect(stderr).toContain('duplicates of file paths not supported')
      }
    }
  })

  test('after loads that are cancelled, each a bit later', async () => {
    const root = await save(imageOf([BASE, tarOf(REST)]))
    for (let ms = 0; ms <= 600; ms += 100) {
      const running = engine().startIpfs(real.node(), ['load', '-q', '--no-pin', root])
      await running.plugin()
      await Promise.race([Bun.sleep(ms), running.finished])
      try {
        running.signalAll('SIGINT')
      } catch {
        // It is loaded already.
      }
      await running.finished
    }
  })

  test('and has a layer whose first file has a name like the beginning of something packed', async () => {
    const image = imageOf(LIKE_PACKED.map((path) => tarOf([file(path, 70_000), file(`${path} too`, 1)])))
    expect(await load('--tag', 'like:1', await save(image))).toMatchObject({ exitCode: 0, stderr: '' })
    // Not what `docker save` has: there it looks packed again.
    const layers = await engine().docker('image', 'inspect', '--format', '{{json .RootFS.Layers}}', 'like:1')
    expect(JSON.parse(layers)).toEqual(image.diffIds)
  })
})
