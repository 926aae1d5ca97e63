import { describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { abilitiesOf } from '../../../../src/engine/docker/abilities.ts'
import type { Engine } from '../../../../src/engine/engine.ts'
import { collect } from '../../../../src/streams.ts'
import { CHANGED, inPath, useEngine } from '../../../support/engine-api.ts'

const never = new AbortController().signal
const engine = useEngine()
const [A, B] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`]

/** Answers to GET /info, shortened: 28 and 29 name containerd with either store. */
const INFO = {
  classic: {
    Driver: 'overlay2',
    DriverStatus: [
      ['Backing Filesystem', 'extfs'],
      ['Supports d_type', 'true'],
    ],
    Containerd: { Address: '/run/containerd/containerd.sock' },
    DockerRootDir: '/var/lib/docker',
    OSType: 'linux',
    Architecture: 'x86_64',
    ServerVersion: '28.5.2',
  },
  containerd: {
    Driver: 'overlayfs',
    DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']],
    DockerRootDir: '/var/lib/docker',
    OSType: 'linux',
    Architecture: 'aarch64',
    ServerVersion: '29.7.2-src',
  },
}

describe('what an engine says of itself', () => {
  test('of a classic store', async () => {
    const docker = await engine.with({ 'GET /info': { body: INFO.classic } })
    expect(await docker.info(never)).toEqual({
      version: '28.5.2',
      containerdStore: false,
      os: 'linux',
      architecture: 'x86_64',
      can: { readZstd: true, mostLayers: 125, leaveOut: true, tellWhole: false, listWhole: true, useRegistry: true },
    })
  })

  test('of a containerd store', async () => {
    const docker = await engine.with({ 'GET /info': { body: INFO.containerd } })
    expect(await docker.info(never)).toEqual({
      version: '29.7.2-src',
      containerdStore: true,
      os: 'linux',
      architecture: 'aarch64',
      can: {
        readZstd: true,
        mostLayers: Number.POSITIVE_INFINITY,
        leaveOut: true,
        tellWhole: true,
        listWhole: false,
        useRegistry: true,
      },
    })
  })

  test.each(['5.4.0', 'v4.9.4-rhel', '4.3.1'])(
    'of Podman %s, which takes whole archives of plain layers',
    async (version) => {
      const body = { ...INFO.classic, DriverStatus: [], ServerVersion: version, BuildahVersion: '1.28.2' }
      const podman = await engine.with({ 'GET /info': { body } })
      expect(await podman.info(never)).toMatchObject({
        version,
        product: 'Podman',
        can: { readZstd: false, leaveOut: false, tellWhole: false },
      })
    },
  )

  test.each([
    ['dev', '1.51', [true, true, true]],
    ['library-import', '1.47', [true, false, false]],
    ['0.0.0-20260801', '1.42', [true, false, false]],
    ['master-dockerproject', '1.41', [false, false, false]],
    ['', undefined, [false, false, false]],
  ])('of a build with the version %p by its API, %p', async (version, ApiVersion, abilities) => {
    const docker = await engine.with({
      'GET /info': { body: { ...INFO.containerd, ServerVersion: version } },
      'GET /version': { body: ApiVersion === undefined ? '<html>' : { ApiVersion } },
    })
    const { can, ...info } = await docker.info(never)
    expect(info.version).toBe(version)
    expect([can.readZstd, can.leaveOut, can.tellWhole]).toEqual(abilities)
  })

  test.each(['v28.1', '28.0.0-rc.1'])('of the version %s is that number', async (version) => {
    const docker = await engine.with({ 'GET /info': { body: { ...INFO.classic, ServerVersion: version } } })
    expect((await docker.info(never)).can.readZstd).toBe(true)
  })

  test('may be little, but for the version', async () => {
    const docker = await engine.with({
      'GET /info': [{ body: { ServerVersion: '20.10.24', DockerRootDir: 'C:\\ProgramData\\docker' } }, { body: {} }],
    })
    expect(await docker.info(never)).toMatchObject({ os: '', architecture: '' })
    await expect(docker.info(never)).rejects.toThrow('the engine gave no version')
  })

  test.each([
    ['<html>', 'docker gave an answer that cannot be read'],
    ['[]', 'docker gave an answer that cannot be read'],
  ])('has to be an object, not %s', async (body, message) => {
    const docker = await engine.with({ 'GET /info': { body } })
    await expect(docker.info(never)).rejects.toMatchObject({ code: 'ENGINE_FAILED', message })
  })
})

/** [version, classic store, containerd store], each: reads zstd and survives it, may be left layers out, tells what it has, lists no part of an image. */
test.each([
  ['20.10.24', [false, true, false, true], [false, false, false, false]],
  ['22.06.0-beta.0', [false, true, false, true], [false, false, false, false]],
  ['23.0.6', [false, true, false, true], [true, false, false, false]],
  ['25.0.5', [false, true, false, true], [true, false, false, true]],
  ['26.1.5', [false, true, false, true], [true, false, false, true]],
  ['27.5.1', [false, true, false, true], [true, false, false, false]],
  ['28.5.2', [true, true, false, true], [true, true, true, false]],
  ['29.7.2-src', [true, true, false, true], [true, true, true, false]],
  ['28', [true, true, false, true], [true, true, true, false]],
  ['28.0.0-rc.1', [true, true, false, true], [true, true, true, false]],
  // What has no number in front is taken for the oldest: it is sent more than it needs, and all of it can be read.
  ['dev', [false, true, false, true], [false, false, false, false]],
  ['v28.5.2', [false, true, false, true], [false, false, false, false]],
  ['0.0.0-20260801', [false, true, false, true], [false, false, false, false]],
  ['', [false, true, false, true], [false, false, false, false]],
])('what Docker %p can do', (version, classic, containerd) => {
  const abilities = (store: boolean) => {
    const { readZstd, leaveOut, tellWhole, listWhole } = abilitiesOf(version, store)
    return [readZstd, leaveOut, tellWhole, listWhole]
  }
  expect(abilities(false)).toEqual(classic)
  expect(abilities(true)).toEqual(containerd)
})

test.each(['20.10.24', '26.1.5', '28.5.2', '29.7.2-src', 'dev', ''])(
  'Docker %p takes 125 layers in a classic store, and any number in a containerd store',
  (version) => {
    expect(abilitiesOf(version, false).mostLayers).toBe(125)
    expect(abilitiesOf(version, true).mostLayers).toBe(Number.POSITIVE_INFINITY)
  },
)

describe('an archive that is saved', () => {
  const read = async (docker: Engine, image: string) =>
    Buffer.from(await collect(docker.save(image, never), 1 << 20, 'the archive')).toString()

  test('is what the engine sends, whatever that is', async () => {
    const docker = await engine.with({
      'GET /images/get?names=ns%2Fname%3A1': { body: 'half a tar{"errorDetail":{"message":"x"},"error":"x"}' },
    })
    expect(await read(docker, 'ns/name:1')).toBe('half a tar{"errorDetail":{"message":"x"},"error":"x"}')
  })

  test.each(['reference does not exist', 'No such image: x'])('is none where the engine says %p', async (message) => {
    const docker = await engine.with({ 'GET /images/get?names=x': { status: 404, body: { message } } })
    await expect(read(docker, 'x')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND', message })
  })
})

describe('an image that is packed', () => {
  const GET = 'GET /images/get?names=abc'

  /** The paths that are seen in the engine's folder, and the archive. */
  async function pack(docker: Engine) {
    const packed = await docker.pack('abc', never)
    const paths: string[] = []
    for await (const { path } of packed.files?.(() => false, never) ?? []) paths.push(path)
    const archive = String(await collect(packed.archive, 100, 'the archive'))
    packed.stop()
    return { isSeen: packed.files !== undefined, paths, archive }
  }

  test('is seen where a classic store packs, but not what was there before', async () => {
    const root = mkdtempSync(join(tmpdir(), 'docker-root-'))
    try {
      mkdirSync(join(root, 'tmp', 'docker-export-1'), { recursive: true })
      writeFileSync(join(root, 'tmp', 'docker-export-1', 'manifest.json'), '[]')
      const docker = await engine.with({
        'GET /info': { body: { ...INFO.classic, DockerRootDir: root } },
        [GET]: { body: 'the archive' },
      })
      expect(await pack(docker)).toEqual({ isSeen: true, paths: [], archive: 'the archive' })
    } finally {
      rmSync(root, { recursive: true })
    }
  })

  test.each([
    ['a containerd store', INFO.containerd],
    ['an engine whose folder is not here', { ...INFO.classic, DockerRootDir: '/nowhere' }],
    ['an engine on Windows', { ...INFO.classic, DockerRootDir: 'C:\\docker' }],
  ])('is not seen of %s', async (_, info) => {
    const docker = await engine.with({ 'GET /info': { body: info }, [GET]: { body: 'the archive' } })
    expect(await pack(docker)).toEqual({ isSeen: false, paths: [], archive: 'the archive' })
  })
})

describe('an archive that is loaded', () => {
  const LOAD = 'POST /images/load?quiet=0'
  const archive = async function* () {
    yield Buffer.from('a ')
    yield Buffer.from('tar')
  }

  test('arrives as it is, and gives what docker would print', async () => {
    const docker = await engine.with({
      [LOAD]: { body: `{"stream":"Loaded image: a:1\\n"}\r\n{"stream":"Loaded image ID: ${A}\\n"}\r\n` },
    })
    expect(await docker.load(archive(), never)).toBe(`Loaded image: a:1\nLoaded image ID: ${A}`)
    expect(engine.questions()).toEqual([{ line: LOAD, body: 'a tar' }])
  })

  test('tells how much of a layer is unpacked, where the engine says so', async () => {
    const figures = (id: string, current: number) =>
      `{"status":"Loading layer","progressDetail":{"current":${current},"total":9},"progress":"[>]","id":"${id}"}\r\n`
    const body = `${figures('aaaaaaaaaaaa', 3)}${figures('aaaaaaaaaaaa', 9)}{"status":"Pulling","id":"x"}\r\n${figures('bbbbbbbbbbbb', 1)}{"stream":"Loaded image: a:1\\n"}\r\n`
    const docker = await engine.with({ [LOAD]: { body } })
    const told: [string, number][] = []
    expect(await docker.load(archive(), never, (...one) => told.push(one))).toBe('Loaded image: a:1')
    expect(told).toEqual([
      ['aaaaaaaaaaaa', 3],
      ['aaaaaaaaaaaa', 9],
      ['bbbbbbbbbbbb', 1],
    ])
  })

  test('fails with what stands in mid-answer, although its status is that of a success', async () => {
    const docker = await engine.with({
      [LOAD]: {
        body: '{"stream":"x\\n"}\r\n{"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"}\r\n',
      },
    })
    await expect(docker.load(archive(), never)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'the Docker engine answered: unexpected EOF',
    })
  })

  test('fails as a matter of integrity where a layer is not what its image says', async () => {
    const error = 'invalid diffID for layer 1: expected "sha256:a", got "sha256:b"'
    const docker = await engine.with({ [LOAD]: { body: { errorDetail: { message: error }, error } } })
    await expect(docker.load(archive(), never)).rejects.toMatchObject({ code: 'INTEGRITY' })
  })

  test('may be refused', async () => {
    const docker = await engine.with({ [LOAD]: { status: 500, body: { message: 'no space left on device' } } })
    await expect(docker.load(archive(), never)).rejects.toThrow('no space left on device')
  })

  test('may have no answer', async () => {
    const docker = await engine.with({ [LOAD]: { body: '' } })
    expect(await docker.load(archive(), never)).toBe('')
  })
})

describe('a name', () => {
  test('is given with its registry', async () => {
    const tag = `POST /images/${inPath(A)}/tag?repo=docker.io%2Flibrary%2Fnginx&tag=1.27`
    const other = `POST /images/${inPath(A)}/tag?repo=localhost%3A5000%2Fa%2Fb&tag=latest`
    const docker = await engine.with({
      [tag]: { status: 201, body: '' },
      [other]: [CHANGED, { status: 201, body: '' }],
    })
    await docker.tag(A, 'nginx:1.27', never)
    await docker.tag(A, 'localhost:5000/a/b', never)
    expect(engine.asked()).toEqual([tag, other, other])
  })

  test('has to be one', async () => {
    const docker = await engine.with({})
    await expect(docker.tag(A, 'Not A Name', never)).rejects.toThrow('invalid reference format')
    expect(engine.asked()).toEqual([])
  })

  test('cannot be given to what is not there', async () => {
    const message = `No such image: ${A}`
    const docker = await engine.with({
      [`POST /images/${inPath(A)}/tag?repo=docker.io%2Flibrary%2Fa&tag=latest`]: { status: 404, body: { message } },
    })
    await expect(docker.tag(A, 'a', never)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND', message })
  })
})

describe('images that are removed', () => {
  test('go whatever names they have, if they must', async () => {
    const [a, b] = [`DELETE /images/${inPath(A)}`, `DELETE /images/${inPath(B)}?force=1`]
    const docker = await engine.with({ [a]: { body: [] }, [b]: { body: [] } })
    await docker.remove([A], never)
    await docker.remove([B], never, { force: true })
    expect(engine.asked()).toEqual([a, b])
  })

  test('are all tried before one that cannot go is an error', async () => {
    const message = 'conflict: unable to delete a (must be forced) - image is being used by stopped container x'
    const docker = await engine.with({
      [`DELETE /images/${inPath(A)}`]: { status: 409, body: { message } },
      [`DELETE /images/${inPath(B)}`]: { body: [] },
    })
    await expect(docker.remove([A, B], never)).rejects.toThrow('image is being used by stopped container')
    expect(engine.asked()).toHaveLength(2)
  })
})

describe('the images that nobody uses', () => {
  const PATH = 'GET /images/json?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D'

  test('are those without a name, but for those of containers', async () => {
    const docker = await engine.with({
      [PATH]: { body: [{ Id: A }, { Id: B }] },
      'GET /containers/json?all=1': {
        body: [
          { Id: 'x', ImageID: B },
          { Id: 'y', ImageID: 'sha256:other' },
        ],
      },
    })
    expect(await docker.unusedImages(never)).toEqual([A])
  })

  test('are none that is known where the engine does not tell what containers use', async () => {
    const docker = await engine.with({
      [PATH]: { body: [{ Id: A }] },
      'GET /containers/json?all=1': { status: 500, body: { message: 'no' } },
    })
    await expect(docker.unusedImages(never)).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
  })

  test.each([
    ['0001-01-01T00:00:00Z', undefined],
    ['2026-11-28T12:53:44.699027026Z', '2026-11-28T12:53:44.699027026Z'],
    [undefined, undefined],
  ])('say when they had a name: %s', async (LastTagTime, namedAt) => {
    const docker = await engine.with({
      [`GET /images/${inPath(A)}/json`]: { body: { Id: A, Metadata: { LastTagTime } } },
    })
    expect((await docker.inspect(A, never))?.namedAt).toBe(namedAt as string)
  })
})
