import { describe, expect, test } from 'bun:test'
import { readArchive } from '../../../src/image/archive.ts'
import { blobPath } from '../../../src/image/canonical.ts'
import { readSavedImages } from '../../../src/image/saved/saved-image.ts'
import { GOLDEN } from '../../support/images.ts'
import { Layout } from '../../support/layouts.ts'
import { image, json, once, piped, WHOLE } from '../../support/odd.ts'
import { type Entry, tarOf } from '../../support/tar.ts'

/** Documents of archives that some stores of docker take, and others do not look at. */

const ARTIFACT = { artifactType: 'application/example.sbom' }
const TYPE = 'application/vnd.oci.image.manifest.v1+json'

/** A layout with one image, and what a test does to its index.json; with `docker` it has a manifest.json too. */
function layoutOf(index: (entry: { readonly digest: string }, layout: Layout) => Buffer, docker: boolean): Buffer {
  const layout = new Layout()
  const entry = layout.image(image)
  const body = index(entry, layout)
  const { config, layers } = JSON.parse(String(layout.blobs.get(blobPath(entry.digest)) ?? OLD)) as Manifest
  const named = {
    Config: blobPath(config.digest),
    RepoTags: ['a:1'],
    Layers: layers.map((one) => blobPath(one.digest)),
  }
  const files: Entry[] = [...layout.blobs].map(([path, bytes]) => ({ path, body: bytes }))
  return tarOf([
    ...files,
    { path: 'index.json', body },
    ...(docker ? [{ path: 'manifest.json', body: json([named]) }] : []),
  ])
}

interface Manifest {
  readonly config: { readonly digest: string }
  readonly layers: readonly { readonly digest: string }[]
}

/** The manifest of the image, for a test that takes it away. */
const OLD = (() => {
  const layout = new Layout()
  return layout.blobs.get(blobPath(layout.image(image).digest)) ?? Buffer.alloc(0)
})()

const indexOf = (...manifests: unknown[]) => json({ schemaVersion: 2, manifests })

describe('an index that cannot be followed', () => {
  test.each<[string, string, Parameters<typeof layoutOf>[0]]>([
    ['no JSON', 'it is no JSON', () => Buffer.from('hello')],
    ['empty', 'it is no JSON', () => Buffer.alloc(0)],
    ['a list', 'an object is missing', () => Buffer.from('[]')],
    ['followed by something', 'it is no JSON', (entry) => Buffer.from(`${indexOf(entry)} x`)],
    ['one whose sizes are missing', 'a size is no number of bytes', ({ digest }) => indexOf({ digest })],
    [
      'one with capitals in a digest',
      'a digest is no sha256 digest',
      (entry) => indexOf({ ...entry, digest: `sha256:${entry.digest.slice(7).toUpperCase()}` }),
    ],
    [
      'one of another hash',
      'its digests are no sha256 digests',
      () => indexOf({ digest: `sha512:${'a'.repeat(128)}`, size: 1 }),
    ],
    [
      'one whose manifest is not there',
      'it lacks the manifest',
      (entry, layout) => {
        layout.remove(entry)
        return indexOf(entry)
      },
    ],
  ])('%s, is left to containerd where there is a manifest.json', async (_, why, index) => {
    const { diffIds, warnings } = await piped(layoutOf(index, true))
    expect(diffIds).toEqual(WHOLE.diffIds)
    expect(warnings).toEqual([
      expect.stringMatching(
        new RegExp(`^taken as manifest.json has it, since index.json cannot be followed: .*${why}`),
      ),
    ])
    await expect(piped(layoutOf(index, false))).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: expect.stringContaining(why),
    })
  })

  test('is refused where it comes from an engine', async () => {
    const archive = layoutOf(() => Buffer.from('hello'), true)
    const onLayer = async () => ({ diffId: '' })
    const reading = readSavedImages(readArchive(once(archive)), { diffIds: new Set(), onLayer })
    await expect(reading).rejects.toThrow('index.json of the image archive cannot be read: it is no JSON')
  })

  test('since a manifest is not what its digest says, is refused', async () => {
    const archive = layoutOf((entry, layout) => {
      layout.blobs.set(blobPath(entry.digest), Buffer.from(`${OLD} `))
      return indexOf(entry)
    }, true)
    await expect(piped(archive)).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringMatching(/^blobs\/sha256\/\w+ of the image archive has digest sha256:\w+, but is named /),
    })
  })
})

describe('what is no image is left out', () => {
  test.each<[string, Parameters<typeof layoutOf>[0]]>([
    [
      'an artifact that is not there',
      (entry) => indexOf(entry, { ...entry, ...ARTIFACT, digest: `sha256:${'a'.repeat(64)}` }),
    ],
    [
      'a manifest of artifacts, without a config',
      (entry, layout) => indexOf(entry, layout.json(TYPE, { ...ARTIFACT, blobs: [] })),
    ],
    [
      'an artifact with a config of its own',
      (entry, layout) => {
        const config = layout.json('application/vnd.oci.empty.v1+json', {})
        return indexOf(layout.json(TYPE, { ...ARTIFACT, config, layers: [config] }, ARTIFACT), entry)
      },
    ],
    [
      'an artifact in an index',
      (entry, layout) => indexOf(layout.index([entry, layout.json(TYPE, { ...ARTIFACT, blobs: [] })])),
    ],
  ])('%s', async (_, index) => {
    for (const docker of [true, false]) expect(await piped(layoutOf(index, docker))).toEqual(WHOLE)
  })
})

test('indexes within indexes are followed', async () => {
  const index = (entry: object, layout: Layout) => {
    let inner = entry
    for (let depth = 0; depth < 20; depth += 1) inner = layout.index([inner])
    return indexOf(inner)
  }
  expect(await piped(layoutOf(index, false))).toEqual(WHOLE)
})

test('an image without layers may have null in their place', async () => {
  const layout = new Layout()
  const config = layout.json('application/vnd.oci.image.config.v1+json', { os: 'linux', rootfs: { diff_ids: null } })
  expect(await piped(layout.tar([layout.json(TYPE, { config, layers: null })]))).toEqual({
    diffIds: [[]],
    warnings: [],
  })
})

describe('a config that docker takes and the format does not', () => {
  test.each([
    ['the format has "rootfs" where it has "RootFS"', '"rootfs"', '"RootFS"'],
    ['the format has "diff_ids" where it has "DIFF_IDS"', '"diff_ids"', '"DIFF_IDS"'],
    ['it is no UTF-8', 'linux', 'lin\xfc'],
  ])('is refused, since %s', async (why, from, to) => {
    const tiny = GOLDEN.tiny()
    const config = Buffer.from(String(tiny.config).replace(from, to), 'latin1')
    const layout = new Layout()
    await expect(piped(layout.tar([layout.image({ ...tiny, config })]))).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: `the image config cannot be read: ${why}`,
    })
  })
})
