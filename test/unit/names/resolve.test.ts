import { beforeEach, describe, expect, test } from 'bun:test'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { previousOf, resolve, resolveAll, resolvePublication } from '../../../src/names/resolve.ts'
import { readPublication } from '../../../src/publication/read.ts'
import { GOLDEN, GOLDEN_ROOTS, small } from '../../support/images.ts'
import { keepImage } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { writeCatalogue } from '../../support/memory/publication.ts'
import { useCase } from '../../support/memory/use-case.ts'

const ROOT = parseCid(GOLDEN_ROOTS.tiny)
const OTHER = parseCid(GOLDEN_ROOTS.strange)
const APP = 'docker.io/library/app:1'
const KEY = 'k51qzi5uqu5diqpz50v3y8f6lfstu4xyba204i45kq7cnjckc56ofjsk6cc502'

/** Has app:1, app:2 and apple:1. */
let node: MemoryNode
beforeEach(async () => {
  node = new MemoryNode()
  await keepImage(node, GOLDEN.tiny(), 'app:1')
  await keepImage(node, GOLDEN.strange(), 'app:2', 'apple:1')
})

const find = (text: string, timeoutMs = 50) => resolve(text, useCase(node, timeoutMs))
const findAll = (text: string) => resolveAll(text, useCase(node, 50))

describe('a CID', () => {
  test.each([
    `${ROOT}`,
    `ipfs://${ROOT}`,
    `/ipfs/${ROOT}`,
    ` ${ROOT}/ `,
    `http://127.0.0.1:8080/ipfs/${ROOT}/image.tar`,
    `https://${ROOT}.ipfs.gateway.example/`,
  ])('"%s" is itself, and nobody is asked for it', async (text) => {
    node.blocks.blocks.clear()
    expect(await find(text)).toEqual({ root: ROOT })
  })

  test('of an image is that image also where all are asked for', async () => {
    const none = { by: undefined, publication: undefined, name: undefined, configDigest: undefined }
    expect(await findAll(`${ROOT}`)).toEqual([{ root: ROOT, published: none }])
  })

  test('of an image has no names behind it', async () => {
    await expect(find(`ipfs://${ROOT}/app:1`)).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: `${ROOT} is no catalogue of images, so it has no app:1`,
    })
  })
})

test.each(['Nonsense!', '', `${ROOT}/image.tar`, `${ROOT}`.slice(0, -1)])(
  '"%s" is neither CID nor name',
  async (text) => {
    await expect(find(text)).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
  },
)

describe('a name of the catalogue', () => {
  test.each(['app:1', 'library/app:1', 'docker.io/library/app:1', 'index.docker.io/app:1'])(
    'is found as %s',
    async (text) => {
      expect(await find(text)).toEqual({ root: ROOT, name: APP })
    },
  )

  test('is another image when it has moved', async () => {
    const { root } = await keepImage(node, small('new'), 'app:1')
    expect(await find('app:1')).toEqual({ root, name: APP })
  })

  test('that is not there is not found, with the words of who asked', async () => {
    const error = { code: 'IMAGE_NOT_FOUND', message: 'no image of the name "app/sub" on the node at memory' }
    await expect(find(' app/sub ')).rejects.toMatchObject(error)
  })

  test.each([
    [' app ', 'app:latest'],
    ['app:3', 'app:3'],
    ['docker.io/app', 'app:latest'],
  ])('%j, where other tags of it are there, is told with those', async (text, wanted) => {
    await expect(find(text)).rejects.toMatchObject({
      message: `no image of the name "${wanted}" on the node at memory`,
      hint: 'There is app:1, app:2.',
    })
  })

  test('has all tags of its repository, and no other repository', async () => {
    expect(await findAll('app')).toEqual([
      { root: ROOT, name: APP },
      { root: OTHER, name: 'docker.io/library/app:2' },
    ])
    await expect(findAll('appl')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
    await expect(findAll('ghcr.io/team/app')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
  })
})

describe('a name that others give', () => {
  test('which nobody knows is not found', async () => {
    await expect(find('ipns://example.org')).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })

  test('is found without any routing where it is published from here', async () => {
    const publication = await writeCatalogue(node, { 'app:1': ROOT })
    await node.publications.add(KEY, { root: publication, sequence: 1 }, useCase(node).signal)
    expect(String((await find(`ipns://${KEY}`)).root)).toBe(String(ROOT))
  })

  test('may lead to an image itself', async () => {
    node.naming.paths.set('example.org', `/ipfs/${ROOT}`)
    const published = { by: 'example.org', publication: undefined, name: undefined, configDigest: undefined }
    expect(await find('ipns://Example.org')).toEqual({ root: ROOT, published })
    await expect(find('ipns://example.org/app:1')).rejects.toMatchObject({
      message: 'example.org is no catalogue of images, so it has no app:1',
    })
  })

  test('is looked up anew each time', async () => {
    node.naming.paths.set(KEY, `/ipfs/${ROOT}`)
    expect(String((await find(`/ipns/${KEY}`)).root)).toBe(String(ROOT))
    node.naming.paths.set(KEY, `/ipfs/${OTHER}`)
    expect(String((await find(`/ipns/${KEY}`)).root)).toBe(String(OTHER))
  })

  test('whose blocks nobody has ends with the time limit', async () => {
    node.naming.paths.set('example.org', `/ipfs/${GOLDEN_ROOTS.large}`)
    await expect(find('ipns://example.org/app:1', 30)).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: 'no node told what example.org stands for within 0.03 s',
    })
  })

  test('is not waited for when the user has had enough', async () => {
    node.naming.paths.set('example.org', `/ipfs/${GOLDEN_ROOTS.large}`)
    const stop = new AbortController()
    const found = resolve('ipns://example.org/app:1', { ...useCase(node, 60_000), signal: stop.signal })
    stop.abort(new Error('Ctrl-C'))
    await expect(found).rejects.toThrow('Ctrl-C')
  })

  test('comes from the node that has published it', async () => {
    const other = new MemoryNode('there')
    const key = await other.naming.makeKey('web')
    const web = await keepImage(other, small('web'), 'web:1')
    await other.naming.publish(await writeCatalogue(other, { 'web:1': web.root }), key)
    node.connect(other)
    const { root, published } = await find(`ipns://${key.id}/web:1`)
    expect([root.toString(), published?.by]).toEqual([web.root.toString(), key.id])
  })
})

describe('a publication', () => {
  let root: CID
  beforeEach(async () => {
    root = await writeCatalogue(node, { 'app:1': ROOT, 'app:2': OTHER, 'ghcr.io/team/web': OTHER })
    node.naming.paths.set('example.org', `/ipfs/${root}`)
  })

  test.each([
    ['ipns://example.org/app:1', ROOT, APP],
    ['/ipns/example.org/images/docker.io/library/app:2', OTHER, 'docker.io/library/app:2'],
    ['https://example-org.ipns.gateway.example/app:2', OTHER, 'docker.io/library/app:2'],
    ['ipns://example.org/ghcr.io/team/web', OTHER, 'ghcr.io/team/web:latest'],
  ])('has the image %s', async (text, image, name) => {
    const found = await find(text)
    expect([found.root, found.published?.publication?.root].map(String)).toEqual([image, root].map(String))
    expect([found.published?.by, found.published?.name]).toEqual(['example.org', name])
    expect(found.published?.configDigest).toBe(`sha256:${'0'.repeat(64)}`)
  })

  test('can be named by its CID, and is then by nobody', async () => {
    const found = await find(`ipfs://${root}/app:1`)
    expect([found.root.toString(), found.published?.by]).toEqual([ROOT.toString(), undefined])
  })

  test('is found behind a path, as a DNSLink may have one', async () => {
    const above = await writeCatalogue(node, { 'app:in': root })
    const path = `/ipfs/${above}/images/docker.io/library/app:in`
    node.naming.paths.set('example.org', path)
    expect(String((await find('ipns://example.org/app:1')).root)).toBe(String(ROOT))
    node.naming.paths.set('example.org', `${path}/no`)
    await expect(find('ipns://example.org/app:1')).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: `example.org stands for ${path}/no, which is not there`,
    })
  })

  test('has all tags of a repository, and all images', async () => {
    const names = async (text: string) => (await findAll(text)).map(({ published }) => published?.name)
    expect(await names('ipns://example.org/app')).toEqual([APP, 'docker.io/library/app:2'])
    expect(await names('ipns://example.org')).toHaveLength(3)
  })

  test.each([
    ['ipns://example.org', 'USAGE'],
    ['ipns://example.org/app:3', 'IMAGE_NOT_FOUND'],
    ['ipns://example.org/No', 'REFERENCE_INVALID'],
  ])('%s is refused with %s', async (text, code) => {
    await expect(find(text)).rejects.toMatchObject({ code })
  })

  test('is meant by a name, with what is behind it, and by no name of the catalogue, nor by an image', async () => {
    const found = await resolvePublication('ipns://example.org/app', useCase(node))
    expect([found.publication.root.toString(), found.path]).toEqual([root.toString(), 'app'])
    for (const text of ['app:1', `${ROOT}`]) {
      await expect(resolvePublication(text, useCase(node))).rejects.toMatchObject({ code: 'USAGE' })
    }
  })
})

describe('the publication before', () => {
  const read = async (cid: CID) => {
    const publication = await readPublication(
      cid,
      (one, signal) => node.blocks.block(one, signal),
      useCase(node).signal,
    )
    if (publication === undefined) throw new Error('no publication')
    return publication
  }
  const before = async (cid: CID) => (await previousOf(await read(cid), useCase(node, 30)))?.root.toString()

  test('is the one that is named, and none before the first', async () => {
    const first = await writeCatalogue(node, { 'app:1': ROOT })
    const second = await writeCatalogue(node, { 'app:1': OTHER }, { sequence: 2, previous: first.toString() })
    expect(await before(second)).toBe(first.toString())
    expect(await before(first)).toBeUndefined()
  })

  test.each([
    ['a higher number', 7],
    ['the same number', 3],
  ])('is refused with %s, since a walk back must end', async (_, sequence) => {
    const wrong = await writeCatalogue(node, { 'app:1': ROOT }, { sequence })
    const last = await writeCatalogue(node, { 'app:1': OTHER }, { sequence: 3, previous: wrong.toString() })
    await expect(before(last)).rejects.toMatchObject({
      code: 'PUBLICATION_INVALID',
      message: `${wrong} is no publication before ${last}`,
    })
  })

  test('is refused where it is an image, and not found where nobody has it', async () => {
    const onImage = await writeCatalogue(node, { 'app:1': ROOT }, { sequence: 2, previous: ROOT.toString() })
    await expect(before(onImage)).rejects.toMatchObject({ code: 'PUBLICATION_INVALID' })
    const onNothing = await writeCatalogue(node, { 'app:1': ROOT }, { sequence: 2, previous: GOLDEN_ROOTS.large })
    await expect(before(onNothing)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })
})
