import { beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { archive20, archiveOci, contentsOf, digest, GOLDEN, imageOf, noise, type TestImage } from '../support/images.ts'
import { Layout } from '../support/layouts.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
const path = (name: string) => `${real.place.folder}/${name}`
beforeEach(() => Promise.all(ENGINES.map((name) => real.engine(name).clear())))

/** No engine is needed: this one is nowhere. */
async function saveArchive(bytes: Uint8Array) {
  await Bun.write(path('odd.tar'), bytes)
  return real.place.run('docker', ['-H', 'unix:///nowhere.sock', 'ipfs', 'save', '-q', '-i', path('odd.tar')], {
    env: { DOCKER_IPFS_API: node().api },
  })
}

async function saved(bytes: Uint8Array): Promise<string> {
  const { exitCode, stdout, stderr } = await saveArchive(bytes)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return stdout.trimEnd()
}

/** The tiny golden image with another config. */
function configured(change: (config: Record<string, unknown>) => Record<string, unknown>): TestImage {
  const image = GOLDEN.tiny()
  const config = JSON.parse(image.config.toString()) as Record<string, unknown>
  return { ...image, config: Buffer.from(JSON.stringify(change(config))) }
}

const OLD_CONFIG = {
  container: 'f'.repeat(64),
  container_config: { Cmd: ['/bin/sh', '-c', '#(nop) CMD ["sh"]'], Image: '', Volumes: null },
  docker_version: '1.6.2',
  id: 'e'.repeat(64),
  parent: 'd'.repeat(64),
  Size: 12,
}

describe.each(ENGINES)('%s', (name) => {
  const engine = () => real.engine(name)

  test.each([
    ['without history', configured(({ history, ...rest }) => rest)],
    [
      'with what Docker wrote ten years ago',
      configured((config) => ({ ...config, ...OLD_CONFIG, history: emptySteps(config['history']) })),
    ],
  ])('saves and loads an image %s', async (_, image) => {
    const id = await engine().give(image)
    const root = await engine().save(node(), id)
    expect(root).toBe(await saved(archive20(image)))
    await engine().clear()
    expect(await engine().ipfs(node(), 'load', '-q', '--tag', 'odd:1', root)).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().contents('odd:1')).toEqual(contentsOf(image))
    expect(await engine().save(node(), 'odd:1')).toBe(root)
  })

  test('is spared an image of Windows, and a layer that is no tar', async () => {
    for (const [archive, words] of [
      [windows('present'), 'ERROR: the image is for windows, the engine runs linux\n'],
      [archiveOci(imageOf([noise(3000, 'no tar')]), 'plain'), 'ERROR: '],
    ] as const) {
      const root = await saved(archive)
      const refused = await real.leavingNothing(() => engine().ipfs(node(), 'load', '-q', root))
      expect(refused.exitCode).toBeGreaterThan(0)
      expect(refused).toMatchObject({ stdout: '', stderr: expect.stringMatching(new RegExp(`^${words}`)) })
    }
  })
})

describe.each(ENGINES.filter((name) => name.endsWith('-ctr')))('%s', (name) => {
  const engine = () => real.engine(name)

  test('saves and loads an image without layers', async () => {
    const image = imageOf([])
    const root = await engine().save(node(), await engine().give(image))
    expect(root).toBe(await saved(archiveOci(image, 'plain')))
    await engine().clear()
    expect(await engine().ipfs(node(), 'load', '-q', '--tag', 'none:1', root)).toMatchObject({
      exitCode: 0,
      stderr: '',
    })
    expect(await engine().contents('none:1')).toEqual({ config: digest(image.config), diffIds: [] })
  })
})

test('a layer that is to be had from elsewhere is saved where it is there, and else an error', async () => {
  expect(await saved(windows('present'))).toMatch(/^bafybei/)
  const { exitCode, stdout, stderr } = await real.leavingNothing(() => saveArchive(windows('absent')))
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr).toMatch(/^ERROR: the archive does not hold the foreign layer blobs\/sha256\/[0-9a-f]{64}\n/)
})

function emptySteps(history: unknown): object[] {
  const step = { created: '2015-04-01T00:00:00Z', author: 'Somebody', created_by: '/bin/sh -c #(nop) ENV A=1' }
  return [{ ...step, empty_layer: true }, ...(history as object[]), { ...step, empty_layer: true }]
}

/** An image of Windows: a base layer that registries do not give away, and one on top. */
function windows(base: 'present' | 'absent'): Buffer {
  const attributes = { 'MSWINDOWS.fileattr': '32', 'MSWINDOWS.rawsd': 'AQAAgBQAAAAkAAAA', mtime: '1600000000.1234567' }
  const file = (path: string) => ({ path, body: noise(2000, path), pax: attributes })
  const image = imageOf([
    tarOf([{ path: 'Files', type: '5' }, file('Files/License.txt'), file('Hives/System_Delta')]),
    tarOf([file('Files/app.exe')]),
  ])
  const config = { ...(JSON.parse(image.config.toString()) as object), os: 'windows', 'os.version': '10.0.20348.1' }
  const layout = new Layout()
  const foreign = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
  const descriptor = layout.image({ ...image, config: Buffer.from(JSON.stringify(config)) }, {}, foreign)
  const manifest = JSON.parse(String(layout.blobs.get(`blobs/sha256/${descriptor.digest.slice(7)}`))) as {
    layers: [{ digest: string }]
  }
  if (base === 'absent') layout.remove(manifest.layers[0])
  return layout.tar([descriptor])
}
