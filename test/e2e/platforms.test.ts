import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { contentsOf, digest, GOLDEN, GOLDEN_ROOTS, imageOf } from '../support/images.ts'
import { ATTESTATION, forPlatform, Layout } from '../support/layouts.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
const path = (name: string) => `${real.place.folder}/${name}`
const amd64 = GOLDEN.strange()
const arm64 = forPlatform(GOLDEN.tiny(), 'arm64')
const CONTAINERD = ENGINES.filter((name) => name.endsWith('-ctr'))

function save(...args: string[]) {
  return real.place.run('docker', ['-H', 'unix:///nowhere.sock', 'ipfs', 'save', '-q', ...args], {
    env: { DOCKER_IPFS_API: node().api },
  })
}

let both = ''
let armAlone = ''
beforeAll(async () => {
  const layout = new Layout()
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } })
  const index = layout.index(
    [
      layout.image(amd64, platform('amd64')),
      layout.image(arm64, platform('arm64')),
      layout.image(GOLDEN.tiny(), ATTESTATION),
    ],
    { annotations: { 'io.containerd.image.name': 'docker.io/team/multi:1' } },
  )
  await Bun.write(path('multi.tar'), layout.tar([index]))
  both = (await save('-i', path('multi.tar'))).stdout.trim()
  const alone = new Layout()
  await Bun.write(path('arm.tar'), alone.tar([alone.image(arm64)]))
  armAlone = (await save('-i', path('arm.tar'))).stdout.trim()
  expect(new Set([both, armAlone, GOLDEN_ROOTS.strange]).size).toBe(3)
})

test('one platform of several has the CID of that platform alone', async () => {
  expect((await save('-i', path('multi.tar'), '--platform', 'linux/arm64')).stdout.trim()).toBe(armAlone)
  expect((await save('-i', path('multi.tar'), '--platform', 'amd64')).stdout.trim()).toBe(GOLDEN_ROOTS.strange)
})

test('a platform that is not there is an error that names those that are', async () => {
  const failed = await real.leavingNothing(() => save('-i', path('multi.tar'), '--platform', 'linux/s390x'))
  expect(failed).toMatchObject({ exitCode: 4, stdout: '' })
  expect(failed.stderr).toStartWith('ERROR: the image has no linux/s390x, only linux/amd64, linux/arm64\n')
  expect((await save('-i', path('multi.tar'), '--platform', 'a b')).exitCode).toBe(125)
})

describe.each(ENGINES)('load on %s', (name) => {
  const engine = () => real.engine(name)
  beforeEach(() => engine().clear())

  test("takes the engine's platform, or the one that is asked for", async () => {
    const load = (...args: string[]) => engine().ipfs(node(), 'load', '-q', ...args, both)
    expect(await load('--tag', 'multi:1')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().contents('multi:1')).toEqual(contentsOf(amd64))
    expect(await load('--tag', 'multi:arm', '--platform', 'linux/arm64')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().contents('multi:arm')).toEqual(contentsOf(arm64))
    // One platform is loaded, and is then an image of its own.
    expect(await engine().save(node(), 'multi:arm')).toBe(armAlone)
    const failed = await real.leavingNothing(() => load('--platform', 'linux/arm/v7'))
    expect(failed.stderr).toStartWith('ERROR: the image has no linux/arm/v7, only linux/amd64, linux/arm64\n')
  })

  test('takes its platform from a CAR file too', async () => {
    await save('-i', path('multi.tar'), '-o', path('multi.car'))
    const args = ['load', '-q', '-i', path('multi.car'), '--platform', 'linux/arm64', '--tag', 'car:1']
    expect(await engine().ipfs({ api: '/ip4/127.0.0.1/tcp/1' }, ...args)).toMatchObject({ exitCode: 0, stderr: '' })
    expect((await engine().contents('car:1')).config).toBe(digest(arm64.config))
  })
})

describe.each(CONTAINERD)('%s, which keeps all platforms', (name) => {
  const engine = () => real.engine(name)

  test('gives the CID that the archive gives, and those of each platform alone', async () => {
    await engine().clear()
    await engine().docker('image', 'load', '-i', path('multi.tar'))
    expect(await engine().save(node(), 'team/multi:1')).toBe(both)
    const alone = await engine().ipfs(node(), 'save', '-q', '--platform', 'linux/arm64', 'team/multi:1')
    expect(alone).toMatchObject({ exitCode: 0, stdout: `${armAlone}\n`, stderr: '' })
    // What is known by the engine's ID is the whole.
    expect((await engine().ipfs(node(), 'save', '-q', 'team/multi:1')).stdout).toBe(`${both}\n`)
    await engine().docker('image', 'save', '-o', path('saved.tar'), 'team/multi:1')
    expect((await save('-i', path('saved.tar'))).stdout.trim()).toBe(both)
  })

  test('and has pulled only one, gives the CID of that one', async () => {
    await engine().clear()
    const layout = new Layout()
    const there = layout.image(amd64, { platform: { os: 'linux', architecture: 'amd64' } })
    // Of its own: the store may still have blobs of what was removed a moment ago.
    const other = forPlatform(imageOf([tarOf([{ path: 'absent' }])]), 'arm64')
    const absent = layout.image(other, { platform: { os: 'linux', architecture: 'arm64' } })
    const annotations = { 'io.containerd.image.name': 'docker.io/team/partly:1' }
    const index = layout.index([there, absent], { annotations })
    layout.remove(absent)
    const docker = { Config: `blobs/sha256/${digest(amd64.config).slice(7)}`, RepoTags: null, Layers: [] }
    await Bun.write(path('partly.tar'), layout.tar([index], [docker]))
    await engine().docker('image', 'load', '-i', path('partly.tar'))
    expect(await engine().save(node(), 'team/partly:1')).toBe(GOLDEN_ROOTS.strange)
    expect((await save('-i', path('partly.tar'))).stdout.trim()).toBe(GOLDEN_ROOTS.strange)
  })
})
