import { afterEach, expect, test } from 'bun:test'
import type { Referrer } from '../../../src/distribution/registry.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { sha256 } from '../../../src/streams.ts'
import { MemoryRegistry } from '../../support/memory/registry.ts'
import { type Serving, serving } from '../../support/serving.ts'

let served: Serving | undefined
afterEach(() => served?.close())

class Lists extends MemoryRegistry {
  override async tags(): Promise<readonly string[]> {
    return ['b', 'B', 'a', '10', '9', 'a']
  }
  override async repositories(): Promise<readonly string[]> {
    return ['z', 'a/b', 'a']
  }
  override async referrers(): Promise<readonly Referrer[]> {
    const one = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: sha256(Buffer.from('1')), size: 1 }
    return [{ ...one, artifactType: 'text/sbom+json' }, { ...one, artifactType: 'text/signature' }, one]
  }
}

const get = async (path: string) => {
  served ??= await serving(new Lists())
  const answer = await fetch(`${served.url}${path}`)
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> }
}

test('tags are told in the order of their bytes, each once', async () => {
  served = undefined
  const { body, headers } = await get('/v2/a/tags/list')
  expect(body).toEqual({ name: 'a', tags: ['10', '9', 'B', 'a', 'b'] })
  expect(headers.get('link')).toBeNull()
})

test('tags come in parts, each with a link to the next', async () => {
  served = undefined
  const found: unknown[] = []
  let path: string | undefined = '/v2/a/tags/list?n=2&ns=docker.io'
  while (path !== undefined) {
    const { body, headers } = await get(path)
    found.push(body['tags'])
    path = /^<(.+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1]
  }
  expect(found).toEqual([['10', '9'], ['B', 'a'], ['b']])
})

test('a part may begin behind a tag that is not there', async () => {
  served = undefined
  expect((await get('/v2/a/tags/list?last=Z')).body['tags']).toEqual(['a', 'b'])
  expect((await get('/v2/a/tags/list?last=zz')).body['tags']).toEqual([])
  expect((await get('/v2/a/tags/list?n=0')).body['tags']).toEqual([])
  expect((await get('/v2/a/tags/list?n=1000')).body['tags']).toHaveLength(5)
})

test.each(['-1', 'x', '1.5', '', '99999999999999999999'])('a part cannot have %j entries', async (n) => {
  served = undefined
  const { status, body } = await get(`/v2/a/tags/list?n=${n}`)
  expect([status, body]).toMatchObject([400, { errors: [{ code: 'PAGINATION_NUMBER_INVALID' }] }])
})

test('repositories come in parts too', async () => {
  served = undefined
  const { body, headers } = await get('/v2/_catalog?n=1&last=a')
  expect(body).toEqual({ repositories: ['a/b'] })
  expect(headers.get('link')).toBe('</v2/_catalog?n=1&last=a%2Fb>; rel="next"')
  expect((await get('/v2/_catalog')).body).toEqual({ repositories: ['a', 'a/b', 'z'] })
})

test('referrers are an index, of one type where that is asked for', async () => {
  served = undefined
  const path = `/v2/a/referrers/${sha256(Buffer.from('x'))}`
  const all = await get(path)
  expect(all.headers.get('content-type')).toBe('application/vnd.oci.image.index.v1+json')
  expect(all.headers.get('oci-filters-applied')).toBeNull()
  expect(all.body['manifests']).toHaveLength(3)
  const some = await get(`${path}?artifactType=text%2Fsbom%2Bjson`)
  expect(some.headers.get('oci-filters-applied')).toBe('artifactType')
  expect(some.body['manifests']).toMatchObject([{ artifactType: 'text/sbom+json' }])
  expect((await get(`${path}?artifactType=text/sbom+json`)).body['manifests']).toHaveLength(1)
  expect((await get(`${path}?artifactType=text/other`)).body['manifests']).toEqual([])
})

test('the referrers of what is not to be found are none', async () => {
  const registry = new MemoryRegistry()
  registry.referrers = () => Promise.reject(new DockerIpfsError('CONTENT_NOT_FOUND', 'Nobody has it'))
  served = await serving(registry)
  const { status, body } = await get(`/v2/a/referrers/${sha256(Buffer.from('x'))}`)
  expect([status, body]).toMatchObject([200, { manifests: [] }])
})

test('what nobody refers to has an empty index', async () => {
  served = await serving(new MemoryRegistry())
  for (const digest of [sha256(Buffer.from('x')), `sha512:${'a'.repeat(128)}`]) {
    const { status, body } = await get(`/v2/a/referrers/${digest}`)
    expect([status, body]).toMatchObject([200, { schemaVersion: 2, manifests: [] }])
  }
})
