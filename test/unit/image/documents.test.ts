import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { DockerIpfsError } from '../../../src/errors.ts'
import {
  isDigest,
  isIndex,
  readArchiveManifest,
  readConfig,
  readHistory,
  readIndex,
  readOciManifest,
  readPlatformOf,
} from '../../../src/image/documents.ts'

const SOURCE = { what: 'the paper', code: 'NOT_AN_IMAGE' } as const
const DIGEST = `sha256:${'0'.repeat(64)}`
const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const REF = { mediaType: 'a/b', digest: DIGEST, size: 1 }

const READERS = { readArchiveManifest, readConfig, readHistory, readIndex, readOciManifest, readPlatformOf, isIndex }

describe.each(Object.entries(READERS))('%s', (_, read) => {
  test.each(['', '{', 'null', '"text"', '7', '\u{feff}{'])(
    'refuses %j with the code and the name that it is given',
    (text) => {
      expect(() => read(bytesOf(text), SOURCE)).toThrow(
        expect.objectContaining({
          code: 'NOT_AN_IMAGE',
          message: expect.stringMatching(/^the paper cannot be read: /),
        }),
      )
    },
  )

  test('refuses what is no UTF-8', () => {
    const latin1 = Buffer.from('{"os":"\xfc","manifests":[],"layers":[]}', 'latin1')
    expect(() => read(latin1, SOURCE)).toThrow('the paper cannot be read: it is no UTF-8')
  })

  test('gives a value, or an error of ours, for any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          read(bytesOf(text), SOURCE)
        } catch (error) {
          expect(error).toBeInstanceOf(DockerIpfsError)
        }
      }),
    )
  })
})

describe("docker's manifest.json", () => {
  test('has configs, layers and names', () => {
    const entries = [
      { Config: 'c.json', Layers: ['a/layer.tar'], RepoTags: ['app:1'] },
      { Config: 'd', RepoTags: null },
    ]
    expect(readArchiveManifest(bytesOf(entries), SOURCE)).toEqual([
      { config: 'c.json', layers: ['a/layer.tar'], names: ['app:1'] },
      { config: 'd', layers: [], names: [] },
    ])
  })

  test('is refused with a name that is no text, as docker refuses it', () => {
    const read = () => readArchiveManifest(bytesOf([{ Config: 'c.json', RepoTags: ['app:1', 7] }]), SOURCE)
    expect(read).toThrow('the paper cannot be read: a name is no text')
  })

  test('has the last of keys that differ in case, as Go has it', () => {
    const read = (text: string) => readArchiveManifest(Buffer.from(text), SOURCE)[0]?.config
    expect(read('[{"Config":"a","config":"b"}]')).toBe('b')
    expect(read('[{"CONFIG":"a","Config":"b"}]')).toBe('b')
  })

  test.each<[string, unknown]>([
    ['an object is missing', ['x']],
    ['a list is missing', {}],
    ['it names no config', [{ Layers: [] }]],
    ['its layers are no names', [{ Config: 'c', Layers: [1] }]],
    ['a list is missing', [{ Config: 'c', Layers: 'a' }]],
    ['a list is missing', [{ Config: 'c', RepoTags: 'a' }]],
  ])('is refused since %s: %j', (why, entries) => {
    expect(() => readArchiveManifest(bytesOf(entries), SOURCE)).toThrow(`the paper cannot be read: ${why}`)
  })
})

describe('an image config', () => {
  test('has diffIDs and a platform; what it does not say is empty', () => {
    const config = { rootfs: { diff_ids: [DIGEST] }, os: 'linux', architecture: 'arm', variant: 'v7', created: 'then' }
    expect(readConfig(bytesOf(config), SOURCE)).toEqual({
      diffIds: [DIGEST],
      os: 'linux',
      architecture: 'arm',
      variant: 'v7',
      created: 'then',
    })
    expect(readConfig(bytesOf({ os: 7 }), SOURCE)).toEqual({
      diffIds: [],
      os: '',
      architecture: '',
      variant: '',
      created: '',
    })
  })

  test.each<[string, unknown]>([
    ['its diffIDs are no sha256 digests', { rootfs: { diff_ids: ['sha256:0'] } }],
    ['a list is missing', { rootfs: { diff_ids: {} } }],
    ['an object is missing', { rootfs: [] }],
  ])('is refused since %s', (why, config) => {
    expect(() => readConfig(bytesOf(config), SOURCE)).toThrow(why)
  })

  test('says its platform in the usual words', () => {
    const config = { os: 'Windows', architecture: 'x86_64', 'os.version': '10.0' }
    expect(readPlatformOf(bytesOf(config), SOURCE)).toEqual({
      os: 'windows',
      architecture: 'amd64',
      variant: '',
      osVersion: '10.0',
    })
  })

  test('has a history, of which what has another shape is left out', () => {
    const history = [
      { created: 'then', created_by: 'ADD', comment: 'c' },
      'x',
      { empty_layer: true },
      { empty_layer: 1 },
    ]
    const none = { created: '', createdBy: '', comment: '' }
    expect(readHistory(bytesOf({ history }), SOURCE)).toEqual([
      { created: 'then', createdBy: 'ADD', comment: 'c', isEmpty: false },
      { ...none, isEmpty: true },
      { ...none, isEmpty: false },
    ])
    expect(readHistory(bytesOf({ history: 'long' }), SOURCE)).toEqual([])
  })
})

describe('OCI documents', () => {
  const expected = { ...REF, annotations: {}, platform: undefined, isArtifact: false }

  test('an index has its entries, with platforms and annotations', () => {
    const entry = { ...REF, annotations: { a: 'b', c: 7 }, platform: { os: 'linux', architecture: 'aarch64' } }
    expect(readIndex(bytesOf({ manifests: [REF, entry, { ...REF, platform: null }] }), SOURCE)).toEqual([
      expected,
      {
        ...REF,
        annotations: { a: 'b' },
        platform: { os: 'linux', architecture: 'arm64', variant: '' },
        isArtifact: false,
      },
      expected,
    ])
  })

  test('a manifest has a config, layers and annotations', () => {
    const manifest = { config: REF, layers: [REF, { ...REF, mediaType: undefined }], annotations: { a: 'b' } }
    expect(readOciManifest(bytesOf(manifest), SOURCE)).toEqual({
      config: expected,
      layers: [expected, { ...expected, mediaType: '' }],
      annotations: { a: 'b' },
    })
  })

  test.each<[string, object]>([
    ['a digest is no sha256 digest', { ...REF, digest: 'sha512:0' }],
    ['a digest is no sha256 digest', { ...REF, digest: `${DIGEST}0` }],
    ['a size is no number of bytes', { ...REF, size: -1 }],
    ['a size is no number of bytes', { ...REF, size: 0.5 }],
    ['a size is no number of bytes', { ...REF, size: '1' }],
    ['a size is no number of bytes', { ...REF, size: 2 ** 53 }],
    ['an object is missing', { ...REF, platform: 'linux/amd64' }],
  ])('are refused since %s: %j', (why, entry) => {
    expect(() => readIndex(bytesOf({ manifests: [entry] }), SOURCE)).toThrow(why)
    expect(() => readOciManifest(bytesOf({ config: REF, layers: [entry] }), SOURCE)).toThrow(why)
    expect(() => readOciManifest(bytesOf({ config: entry, layers: [] }), SOURCE)).toThrow(why)
  })

  test('an index is told from a manifest by what is in it', () => {
    expect(isIndex(bytesOf({ manifests: [] }), SOURCE)).toBe(true)
    expect(isIndex(bytesOf({ manifests: [], config: REF }), SOURCE)).toBe(false)
    expect(isIndex(bytesOf({ config: REF, layers: [] }), SOURCE)).toBe(false)
  })
})

test('a digest is sha256 and 64 digits, and nothing else', () => {
  expect(isDigest(DIGEST)).toBe(true)
  for (const text of ['', 7, undefined, DIGEST.slice(0, -1), `${DIGEST}\n`, DIGEST.toUpperCase(), `x${DIGEST}`]) {
    expect(isDigest(text)).toBe(false)
  }
})
