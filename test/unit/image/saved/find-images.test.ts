import { describe, expect, test } from 'bun:test'
import type { DockerIpfsError } from '../../../../src/errors.ts'
import { readArchive } from '../../../../src/image/archive.ts'
import { parsePlatform } from '../../../../src/image/platform.ts'
import { findImages } from '../../../../src/image/saved/find-images.ts'
import { readSavedImages } from '../../../../src/image/saved/saved-image.ts'
import { collect } from '../../../../src/streams.ts'
import { archive20, archiveOci, digest, GOLDEN, imageOf, type TestImage } from '../../../support/images.ts'
import { ATTESTATION, forPlatform, Layout } from '../../../support/layouts.ts'
import { tarOf } from '../../../support/tar.ts'

const tiny = GOLDEN.tiny()
const strange = GOLDEN.strange()
const arm = forPlatform(strange, 'arm64', 'v8')

async function read(archive: Buffer, platform?: string) {
  const images = await readSavedImages(readArchive(once(archive)), {
    diffIds: new Set(),
    platform: platform === undefined ? undefined : parsePlatform(platform),
    onLayer: async (tar) => ({ diffId: digest(await collect(tar, 1 << 30, 'a layer')) }),
  })
  return images.map(({ platforms, ...rest }) => ({
    ...rest,
    configs: platforms.map(({ configBytes }) => digest(configBytes)),
    diffIds: platforms.map(({ layers }) => layers.map(({ diffId }) => diffId)),
  }))
}

async function* once(bytes: Buffer) {
  yield bytes
}

function parts(...images: TestImage[]) {
  return { configs: images.map(({ config }) => digest(config)), diffIds: images.map(({ diffIds }) => [...diffIds]) }
}

async function failure(work: Promise<unknown>): Promise<Pick<DockerIpfsError, 'code' | 'message'>> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason as DockerIpfsError,
  )
  return { code: error?.code ?? 'USAGE', message: error?.message ?? '' }
}

describe('an archive', () => {
  test('of the OCI form needs no manifest.json, and gives its name', async () => {
    const layout = new Layout()
    const manifest = layout.image(strange, { annotations: { 'org.opencontainers.image.ref.name': 'team/app:1' } })
    expect(await read(layout.tar([manifest]))).toEqual([
      { ...parts(strange), names: ['team/app:1'], id: manifest.digest, missing: [] },
    ])
  })

  test('whose entries differ in their names only is one image with all of them, a tag alone being no name', async () => {
    const layout = new Layout()
    const named = (annotations: object) => layout.image(tiny, { annotations })
    const entries = [
      named({ 'io.containerd.image.name': 'docker.io/library/a:1', 'org.opencontainers.image.ref.name': '1' }),
      named({ 'io.containerd.image.name': 'docker.io/library/a:2', 'org.opencontainers.image.ref.name': '2' }),
      named({ 'org.opencontainers.image.ref.name': 'latest' }),
    ]
    const docker = [
      { Config: `blobs/sha256/${digest(tiny.config).slice(7)}`, RepoTags: ['a:1', 'x.example/b:3'], Layers: [] },
    ]
    expect(await read(layout.tar(entries, docker))).toMatchObject([
      { ...parts(tiny), names: ['docker.io/library/a:1', 'docker.io/library/a:2', 'a:1', 'x.example/b:3'] },
    ])
  })

  test('of several images gives them in its order', async () => {
    const layout = new Layout()
    const entries = [layout.image(strange), layout.image(tiny)]
    expect(await read(layout.tar(entries))).toMatchObject([parts(strange), parts(tiny)])
    expect(await read(layout.tar(entries.toReversed()))).toMatchObject([parts(tiny), parts(strange)])
  })

  test('without layers, and with a config that has neither history nor rootfs, is an image', async () => {
    const bare: TestImage = { layers: [], diffIds: [], config: Buffer.from('{"architecture":"amd64","os":"linux"}') }
    for (const archive of [archive20(bare), archiveOci(bare, 'plain')]) {
      expect(await read(archive)).toMatchObject([{ configs: [digest(bare.config)], diffIds: [[]] }])
    }
    const layout = new Layout()
    const manifest = layout.image(bare)
    expect(await read(layout.tar([manifest]))).toMatchObject([{ configs: [digest(bare.config)], diffIds: [[]] }])
  })

  test('with layers of no bytes, and with such as look like documents, is an image', async () => {
    const image = imageOf([Buffer.alloc(0), Buffer.from('{"no":"tar"}'), Buffer.from('[1]'), tarOf([])])
    for (const archive of [archive20(image), archiveOci(image, 'plain'), archiveOci(image, 'gzip')]) {
      expect(await read(archive)).toMatchObject([parts(image)])
    }
  })

  test('lacks a foreign layer, which is said so', async () => {
    const layout = new Layout()
    const manifest = layout.image(tiny, {}, 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')
    expect(await read(layout.tar([manifest]))).toMatchObject([parts(tiny)])
    for (const path of layout.blobs.keys()) {
      if (layout.blobs.get(path)?.[0] === 0x1f) layout.blobs.delete(path)
    }
    const { code, message } = await failure(read(layout.tar([manifest])))
    expect(code).toBe('ARCHIVE_INVALID')
    expect(message).toMatch(/^the archive does not hold the foreign layer blobs\/sha256\/[0-9a-f]{64}$/)
  })

  test.each([
    ['no document at all', tarOf([{ path: 'x', body: Buffer.from('y') }]), 'it ends before manifest.json'],
    ['an index of nothing', new Layout().tar([]), 'it names no image'],
    ['an index that names what is not there', missingManifest(), 'it lacks the manifest blobs/sha256/'],
    ['an index within itself, as far as that goes', nested(102), 'its indexes name too many manifests'],
  ])('with %s is refused', async (_, archive, words) => {
    const { code, message } = await failure(read(archive))
    expect(code).toBe('ARCHIVE_INVALID')
    expect(message).toContain(words)
  })

  test('whose manifest is not what its digest says is refused', async () => {
    const layout = new Layout()
    const manifest = layout.image(tiny)
    layout.blobs.set(`blobs/sha256/${manifest.digest.slice(7)}`, Buffer.from('{"layers":[]}'))
    expect((await failure(read(layout.tar([manifest])))).code).toBe('INTEGRITY')
  })
})

describe('an image with several platforms', () => {
  const layout = new Layout()
  const amd64Entry = layout.image(tiny, { platform: { os: 'linux', architecture: 'amd64' } })
  const armEntry = layout.image(arm, { platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } })
  const attestation = layout.image(imageOf([]), ATTESTATION)
  const index = layout.index([armEntry, amd64Entry, attestation])
  const archive = layout.tar([index])

  test('is one image, without its attestations', async () => {
    expect(await read(archive)).toEqual([{ ...parts(arm, tiny), names: [], id: index.digest, missing: [] }])
  })

  test('is also one where its manifests stand in index.json under one name', async () => {
    const annotations = { 'io.containerd.image.name': 'docker.io/library/a:1' }
    const entries = [armEntry, amd64Entry].map((entry) => ({ ...entry, annotations }))
    expect(await read(layout.tar(entries))).toMatchObject([{ ...parts(arm, tiny), id: undefined }])
  })

  test.each(['linux/arm64', 'linux/arm64/v8', 'aarch64'])('gives the one that is asked for with %s', async (asked) => {
    expect(await read(archive, asked)).toMatchObject([parts(arm)])
  })

  test('names those that it has', async () => {
    expect(await failure(read(archive, 'linux/s390x'))).toEqual({
      code: 'PLATFORM_NOT_FOUND',
      message: 'the image has no linux/s390x, only linux/arm64, linux/amd64',
    })
  })

  test('of which an engine pulled one is that one', async () => {
    const partly = new Layout()
    const there = partly.image(tiny, { platform: { os: 'linux', architecture: 'amd64' } })
    const absent = partly.image(arm, { platform: { os: 'linux', architecture: 'arm64' } })
    const whole = partly.index([there, absent])
    partly.remove(absent)
    expect(await read(partly.tar([whole]))).toMatchObject([{ ...parts(tiny), missing: ['linux/arm64'] }])
    const { message } = await failure(read(partly.tar([whole]), 'linux/arm64'))
    expect(message).toBe('the image has no linux/arm64, only linux/amd64 (named, but not there: linux/arm64)')
    partly.remove(there)
    expect((await failure(read(partly.tar([whole])))).message).toContain('it lacks the manifests of all platforms')
  })
})

function missingManifest(): Buffer {
  const layout = new Layout()
  const manifest = layout.image(tiny)
  layout.remove(manifest)
  return layout.tar([manifest])
}

function nested(depth: number): Buffer {
  const layout = new Layout()
  let entry = layout.image(tiny)
  for (let at = 0; at < depth; at += 1) entry = layout.index([entry])
  return layout.tar([entry])
}

describe('the documents alone', () => {
  test('that are missing are told', () => {
    expect(() => findImages(() => undefined)).toThrow('it ends before manifest.json, and has no index.json')
  })

  test('may name no image', () => {
    const documents: Readonly<Record<string, Buffer>> = { 'manifest.json': Buffer.from('[]') }
    expect(() => findImages((path) => documents[path])).toThrow('it names no image')
  })
})
