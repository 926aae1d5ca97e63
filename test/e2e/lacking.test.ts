import { beforeAll, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { imageOf, noise } from '../support/images.ts'
import { forPlatform, Layout } from '../support/layouts.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

const CONTAINERD = ENGINES.filter((name) => name.endsWith('-ctr'))
const real = useReal({ engines: CONTAINERD, nodes: ['node'] })
const own = (text: string) => imageOf([tarOf([{ path: 'own', body: noise(20_000, text) }])])
const AGAIN = 'Pull or load the image again; or save a platform of it that the engine has whole, with --platform.\n'

type Lacked = 'layer' | 'config' | 'manifest'

/** An image for two platforms, or for one; a part of what is for amd64 is not in the archive. */
function archiveOf(name: string, lacked: Lacked, isOne: boolean) {
  const layout = new Layout()
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } })
  const manifest = layout.image(own(name), platform('amd64'))
  const arm = layout.image(forPlatform(own(`${name}-arm`), 'arm64'), platform('arm64'))
  const annotations = { 'io.containerd.image.name': `docker.io/library/${name}:1` }
  const top = isOne ? { ...manifest, annotations } : layout.index([manifest, arm], { annotations })
  const text = layout.blobs.get(`blobs/sha256/${manifest.digest.slice(7)}`)?.toString() ?? ''
  const { config, layers } = JSON.parse(text) as { config: { digest: string }; layers: { digest: string }[] }
  const blobs = { manifest, config, layer: layers[0] ?? config }
  layout.remove(blobs[lacked])
  const digests = { manifest: manifest.digest, config: config.digest, layer: blobs.layer.digest }
  return { bytes: layout.tar([top]), digests }
}

describe.each(CONTAINERD)('%s, which lacks a part of an image that it has,', (engineName) => {
  const engine = () => real.engine(engineName)
  const save = (...args: string[]) => engine().ipfs(real.node(), 'save', '-q', ...args)

  /** Loads it; docker may complain, and keeps it. Docker 26.1 may not list it then. */
  async function give(name: string, lacked: Lacked, isOne: boolean) {
    const { bytes, digests } = archiveOf(name, lacked, isOne)
    const file = `${real.place.folder}/${engineName}-${name}.tar`
    await Bun.write(file, bytes)
    await real.place.run('docker', ['-H', engine().host, 'image', 'load', '-i', file])
    return digests
  }

  beforeAll(() => engine().clear())

  test.each([
    ['lone-layer', 'layer', true],
    ['layer', 'layer', false],
    ['config', 'config', false],
  ] as const)('is told so for %s, with the digests', async (name, lacked, isOne) => {
    const { config, layer } = await give(name, lacked, isOne)
    const run = await real.leavingNothing(() => save(`${name}:1`))
    expect(run).toMatchObject({ exitCode: 1, stdout: '' })
    const text = `the Docker engine lacks a part of its own image: the config ${config} or layer ${layer}`
    expect(run.stderr).toBe(`ERROR: ${text}\n${AGAIN}`)
  })

  test('is told so for a manifest, with the digest', async () => {
    const { manifest } = await give('manifest', 'manifest', false)
    const run = await save('manifest:1')
    expect(run).toMatchObject({ exitCode: 1, stdout: '' })
    expect(run.stderr).toBe(`ERROR: the Docker engine lacks ${manifest} of its own image\n${AGAIN}`)
  })

  test('gives the platform that it has whole', async () => {
    await give('other', 'layer', false)
    const run = await save('--platform', 'linux/arm64', 'other:1')
    expect(run).toMatchObject({ exitCode: 0, stderr: '', stdout: expect.stringMatching(/^bafybei[a-z2-7]{52}\n$/) })
    expect((await save('--platform', 'linux/amd64', 'other:1')).exitCode).toBe(4)
  })
})
