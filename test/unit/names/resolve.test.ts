import { describe, expect, test } from 'bun:test'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import type { DagNode } from '../../../src/format/files.ts'
import { type Resolving, resolve, resolveAll } from '../../../src/names/resolve.ts'
import type { PublishedCatalogue } from '../../../src/publication/document.ts'
import { writePublication } from '../../../src/publication/write.ts'
import type { Node } from '../../../src/store/kubo/node.ts'

const ROOT = parseCid('bafybeifb3g6rmyhrlk5ynajbkgkwkxcvvb2zzhkgkz5c6pmhbqwgvbsmwi')
const OTHER = parseCid('bafybeibs5543z5ngjrqkdjthzbwh4zjk5ajxzrhwzqxejjpvx6ipdiwt7i')
const APP = 'docker.io/library/app:1'

/** A node with one name in its catalogue, these blocks, and a name that stands for `path`. */
function parts(path: string, blocks: ReadonlyMap<string, Uint8Array> = new Map(), own = ''): Resolving {
  const node = {
    address: 'here',
    catalogue: {
      findName: async (name: string) => (name === APP ? ROOT : undefined),
      entries: async () => [
        { name: 'app:1', cid: ROOT },
        { name: 'app:2', cid: OTHER },
        { name: 'apple:1', cid: OTHER },
      ],
    },
    naming: {
      resolve: async () => (path === '' ? Promise.reject(new DockerIpfsError('CONTENT_NOT_FOUND', 'nobody')) : path),
    },
    publications: { newest: async (name: string) => (name === own ? { root: ROOT, sequence: 1 } : undefined) },
    block: async (cid: CID, signal: AbortSignal) =>
      blocks.get(cid.toString()) ??
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  }
  return { node: node as unknown as Node, signal: new AbortController().signal, timeoutMs: 50 }
}

const resolving = (text: string) => resolve(text, parts(''))

test.each([`${ROOT}`, `ipfs://${ROOT}`, `/ipfs/${ROOT}`, ` ${ROOT}/ `])('"%s" is a CID', async (text) => {
  expect(await resolving(text)).toEqual({ root: ROOT })
})

test.each(['app:1', 'library/app:1', 'docker.io/library/app:1'])('%s is a name in the catalogue', async (text) => {
  expect(await resolving(text)).toEqual({ root: ROOT, name: APP })
})

test('a name that the catalogue lacks is not found', async () => {
  await expect(resolving('app:2')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
})

test.each(['Nonsense!', '', `${ROOT}/image.tar`, `${ROOT}`.slice(0, -1)])('"%s" is neither', async (text) => {
  await expect(resolving(text)).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
})

test('a name that nobody knows is not found, unless it is published from here', async () => {
  await expect(resolving('ipns://example.org')).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND', message: 'nobody' })
  const blocks = new Map([[ROOT.toString(), Buffer.from('an image')]])
  expect(String((await resolve('ipns://example.org', parts('', blocks, 'example.org'))).root)).toBe(String(ROOT))
})

test('all tags of a repository of the catalogue', async () => {
  const found = await resolveAll('app', parts(''))
  expect(found).toEqual([
    { root: ROOT, name: APP },
    { root: OTHER, name: 'docker.io/library/app:2' },
  ])
})

describe('a publication', async () => {
  const image = (tag: string, cid: CID) => {
    const digest = `sha256:${'0'.repeat(64)}`
    return { name: 'docker.io/library/app', tag, cid: cid.toString(), configDigest: digest, size: 1, platforms: [] }
  }
  const catalogue: PublishedCatalogue = {
    schemaVersion: 1,
    publishedAt: '2026-11-24T20:00:00.000Z',
    sequence: 1,
    previous: null,
    images: [image('1', ROOT), image('2', OTHER), { ...image('latest', OTHER), name: 'ghcr.io/team/web' }],
  }
  const blocks = new Map<string, Uint8Array>()
  const node = (cid: CID): DagNode => ({ cid, fileSize: 0, dagSize: 1 })
  const nodes = new Map(catalogue.images.map(({ name, tag, cid }) => [`${name}:${tag}`, node(parseCid(cid))]))
  const written = await writePublication(catalogue, nodes, {
    put: async ({ cid, bytes }) => void blocks.set(cid.toString(), bytes),
  })
  const of = (path = `/ipfs/${written.cid}`) => parts(path, blocks)

  test.each([
    ['ipns://example.org/app:1', ROOT, APP],
    ['/ipns/example.org/images/docker.io/library/app:2', OTHER, 'docker.io/library/app:2'],
    [`ipfs://${written.cid}/ghcr.io/team/web`, OTHER, 'ghcr.io/team/web:latest'],
  ])('has the image %s', async (text, root, name) => {
    const found = await resolve(text, of())
    expect([found.root, found.published?.publication?.root].map(String)).toEqual([root, written.cid].map(String))
    expect(found.published?.name).toBe(name)
  })

  test('is found behind a path, as a DNSLink may have one', async () => {
    const above = await writePublication(
      { ...catalogue, images: [image('in', written.cid)] },
      new Map([['docker.io/library/app:in', written]]),
      {
        put: async ({ cid, bytes }) => void blocks.set(cid.toString(), bytes),
      },
    )
    const path = `/ipfs/${above.cid}/images/docker.io/library/app:in`
    expect((await resolve('ipns://example.org/app:1', of(path))).root.toString()).toBe(ROOT.toString())
    await expect(resolve('ipns://example.org/app:1', of(`${path}/no`))).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
    })
  })

  test('has all tags of a repository, and all images', async () => {
    const names = async (text: string) => (await resolveAll(text, of())).map(({ published }) => published?.name)
    expect(await names('ipns://example.org/app')).toEqual([APP, 'docker.io/library/app:2'])
    expect(await names('ipns://example.org')).toHaveLength(3)
  })

  test.each([
    ['ipns://example.org', 'USAGE'],
    ['ipns://example.org/app:3', 'IMAGE_NOT_FOUND'],
    ['ipns://example.org/No', 'REFERENCE_INVALID'],
  ])('%s is refused with %s', async (text, code) => {
    await expect(resolve(text, of())).rejects.toMatchObject({ code })
  })

  test('whose blocks nobody has ends with the time limit', async () => {
    await expect(resolve('ipns://example.org/app:1', parts(`/ipfs/${ROOT}`))).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
    })
  })
})
