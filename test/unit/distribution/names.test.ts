import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { targetOf } from '../../../src/distribution/names.ts'

const HEX = 'a'.repeat(64)
const DIGEST = `sha256:${HEX}`
const CID = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
const repository = (path: string) => ({ path, namespace: undefined })

test('the routes of the protocol are read', () => {
  const name = repository('library/nginx')
  expect(targetOf('/v2', undefined)).toEqual({ kind: 'base' })
  expect(targetOf('/v2/', undefined)).toEqual({ kind: 'base' })
  expect(targetOf('/v2/_catalog', undefined)).toEqual({ kind: 'catalog' })
  expect(targetOf('/v2/library/nginx/tags/list', undefined)).toEqual({ kind: 'tags', repository: name })
  expect(targetOf('/v2/library/nginx/manifests/1.27', undefined)).toEqual({
    kind: 'manifest',
    repository: name,
    reference: '1.27',
  })
  expect(targetOf(`/v2/library/nginx/blobs/${DIGEST}`, undefined)).toEqual({
    kind: 'blob',
    repository: name,
    digest: DIGEST,
  })
  expect(targetOf('/v2/library/nginx/blobs/uploads/', undefined)).toEqual({ kind: 'uploads', repository: name })
  expect(targetOf('/v2/library/nginx/blobs/uploads', undefined)).toEqual({ kind: 'uploads', repository: name })
  expect(targetOf('/v2/library/nginx/blobs/uploads/7', undefined)).toEqual({
    kind: 'upload',
    repository: name,
    id: '7',
  })
  expect(targetOf(`/v2/library/nginx/referrers/${DIGEST}`, undefined)).toEqual({
    kind: 'referrers',
    repository: name,
    digest: DIGEST,
  })
})

test.each([
  'manifests',
  'blobs/uploads',
  'tags/list',
  'blobs',
  'referrers',
  'v2',
  'ipns/docs.example.com',
  'a__b',
  'a---b',
  CID,
])('a repository may be called %s', (name) => {
  expect(targetOf(`/v2/${name}/manifests/latest`, undefined)).toEqual({
    kind: 'manifest',
    repository: repository(name),
    reference: 'latest',
  })
})

test.each([
  '..',
  '../..',
  'a/../b',
  'a/./b',
  'a//b',
  '',
  '%2e%2e',
  'a%2fb',
  'Nginx',
  'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPBdG',
  'a b',
  'a..b',
  'a___b',
  '-a',
  'a-',
  'a\\b',
  'ä',
  'a'.repeat(256),
])('no repository is called %j', (name) => {
  expect(targetOf(`/v2/${name}/manifests/latest`, undefined)).toEqual({
    kind: 'bad',
    code: 'NAME_INVALID',
    what: name,
  })
})

test.each(['.hidden', '-x', 'a b', '%2e%2e', 'a%2fb', '%2fetc', 'x'.repeat(129), '', '%zz'])(
  'No tag is called %j',
  (tag) => {
    expect(targetOf(`/v2/a/manifests/${tag}`, undefined)).toMatchObject({ kind: 'bad', code: 'TAG_INVALID' })
  },
)

test.each([
  'sha256:abc',
  `sha256:${HEX.toUpperCase()}`,
  `sha256:${HEX}0`,
  `sha256:${HEX.slice(1)}/`,
  `SHA256:${HEX}`,
  `:${HEX}`,
  'sha256:',
])('no digest is called %j', (digest) => {
  expect(targetOf(`/v2/a/blobs/${encodeURIComponent(digest)}`, undefined)).toMatchObject({
    kind: 'bad',
    code: 'DIGEST_INVALID',
  })
})

test('the colon of a digest may be percent-encoded', () => {
  expect(targetOf(`/v2/a/blobs/sha256%3A${HEX}`, undefined)).toMatchObject({ kind: 'blob', digest: DIGEST })
  expect(targetOf(`/v2/a/manifests/sha256%3a${HEX}`, undefined)).toMatchObject({ reference: DIGEST })
})

test('a digest of another kind is one', () => {
  const digest = `sha512:${'b'.repeat(128)}`
  expect(targetOf(`/v2/a/blobs/${digest}`, undefined)).toMatchObject({ kind: 'blob', digest })
})

test.each(['/', '/v1/a', '/v2x', '/v2/a', '/v2/a/b', '/v2/../v2/', 'http://evil/v2/', '*'])(
  '%s is no path of the protocol',
  (path) => {
    expect(targetOf(path, undefined)).toEqual({ kind: 'other' })
  },
)

test('a mirror is told whose place it takes, if that is a host', () => {
  const target = targetOf('/v2/library/nginx/manifests/latest', 'docker.io')
  expect(target).toMatchObject({ repository: { path: 'library/nginx', namespace: 'docker.io' } })
  for (const namespace of ['localhost:5000', '[::1]:5000', 'ghcr.io']) {
    expect(targetOf('/v2/a/tags/list', namespace)).toMatchObject({ kind: 'tags' })
  }
  for (const namespace of ['../x', 'a/b', '', 'a b', `${'a'.repeat(300)}`]) {
    expect(targetOf('/v2/a/tags/list', namespace)).toMatchObject({ kind: 'bad', code: 'NAME_INVALID' })
  }
})

test('whatever is asked for, nothing but names, tags and digests gets through', () => {
  const part = fc.constantFrom(
    'a',
    '..',
    '.',
    '',
    '%2e%2e',
    '%2f',
    'blobs',
    'uploads',
    'manifests',
    'tags',
    'list',
    DIGEST,
    '%00',
    '~',
    'A',
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const target = targetOf(`/v2/${parts.join('/')}`, undefined)
      if ('repository' in target) expect(target.repository.path).toMatch(/^[a-z0-9]+(\/[a-z0-9]+)*$/)
      if ('reference' in target)
        expect(target.reference).toMatch(/^([aA]|blobs|uploads|manifests|tags|list|sha256:a{64})$/)
      if ('digest' in target) expect(target.digest).toBe(DIGEST)
    }),
    { numRuns: 2000 },
  )
})
