import { expect, test } from 'bun:test'
import { type PublishedCatalogue, readPublished, writePublished } from '../../../src/publication/document.ts'

const CID = 'bafybeifb3g6rmyhrlk5ynajbkgkwkxcvvb2zzhkgkz5c6pmhbqwgvbsmwi'
const DIGEST = `sha256:${'0'.repeat(64)}`
const IMAGE = {
  name: 'docker.io/library/nginx',
  tag: '1.27',
  cid: CID,
  configDigest: DIGEST,
  size: 1000,
  created: '2026-01-01T00:00:00Z',
  platforms: ['linux/amd64', 'linux/arm/v7'],
}
const CATALOGUE: PublishedCatalogue = {
  schemaVersion: 1,
  publishedAt: '2026-11-24T20:00:00.000Z',
  sequence: 2,
  previous: CID,
  images: [IMAGE, { ...IMAGE, tag: '1.28' }],
}

const read = (value: unknown) => readPublished(Buffer.from(JSON.stringify(value)), 'of somebody')

test('what was written is read back', () => {
  expect(readPublished(writePublished(CATALOGUE), 'of somebody')).toEqual(CATALOGUE)
  const first = { ...CATALOGUE, sequence: 1, previous: null, images: [] }
  expect(readPublished(writePublished(first), 'of somebody')).toEqual(first)
})

test('keys from later are left out', () => {
  expect(read({ ...CATALOGUE, more: 1, images: [{ ...IMAGE, more: 2 }] })).toEqual({ ...CATALOGUE, images: [IMAGE] })
})

test.each([
  ['it is no object', []],
  ['it is null', null],
  ['another schema', { ...CATALOGUE, schemaVersion: 2 }],
  ['no time', { ...CATALOGUE, publishedAt: 'yesterday' }],
  ['a month too many', { ...CATALOGUE, publishedAt: '2026-13-24T20:00:00.000Z' }],
  ['sequence 0', { ...CATALOGUE, sequence: 0 }],
  ['a broken sequence', { ...CATALOGUE, sequence: 1.5 }],
  ['no previous', { ...CATALOGUE, previous: undefined }],
  ['a path as previous', { ...CATALOGUE, previous: `${CID}/x` }],
  ['images as an object', { ...CATALOGUE, images: {} }],
  ['a name twice', { ...CATALOGUE, images: [IMAGE, IMAGE] }],
  ['an image that is text', { ...CATALOGUE, images: ['nginx'] }],
  ['a short name', { ...CATALOGUE, images: [{ ...IMAGE, name: 'nginx' }] }],
  ['a path that goes up', { ...CATALOGUE, images: [{ ...IMAGE, name: 'docker.io/../nginx' }] }],
  ['a tag with a slash', { ...CATALOGUE, images: [{ ...IMAGE, tag: '1/2' }] }],
  ['markup in a tag', { ...CATALOGUE, images: [{ ...IMAGE, tag: '<b>' }] }],
  ['no CID', { ...CATALOGUE, images: [{ ...IMAGE, cid: 'x' }] }],
  ['no digest', { ...CATALOGUE, images: [{ ...IMAGE, configDigest: 'sha256:0' }] }],
  ['a negative size', { ...CATALOGUE, images: [{ ...IMAGE, size: -1 }] }],
  ['a build time that is none', { ...CATALOGUE, images: [{ ...IMAGE, created: 5 }] }],
  ['a platform that is none', { ...CATALOGUE, images: [{ ...IMAGE, platforms: ['linux'] }] }],
  ['markup in a platform', { ...CATALOGUE, images: [{ ...IMAGE, platforms: ['linux/<img>'] }] }],
])('a catalogue is refused for %s', (_, value) => {
  expect(() => read(value)).toThrow(expect.objectContaining({ code: 'PUBLICATION_INVALID' }))
})

test.each([
  [2, '2'],
  ['2', '?'],
])('a catalogue of schema %j is refused with the one that is read', (schemaVersion, shown) => {
  expect(() => read({ ...CATALOGUE, schemaVersion })).toThrow(
    `the catalogue has schema ${shown}; this docker-ipfs reads 1`,
  )
})

test('what is no JSON is refused', () => {
  expect(() => readPublished(Buffer.from('{'), 'of somebody')).toThrow('the catalogue of somebody cannot be read: ')
})
