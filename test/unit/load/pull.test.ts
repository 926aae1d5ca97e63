import { describe, expect, test } from 'bun:test'
import type { CID } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type Pulled, type PullOptions, pull } from '../../../src/load/pull.ts'
import type { PublishedCatalogue } from '../../../src/publication/document.ts'
import { digest, GOLDEN, type TestImage, twoLayers } from '../../support/images.ts'
import { keepImage, writeOn } from '../../support/memory/keep-image.ts'
import { loading } from '../../support/memory/loading.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { publishedImage, writeCatalogue } from '../../support/memory/publication.ts'

const { signal } = new AbortController()
const [ONE, TWO] = [twoLayers(), GOLDEN.tiny()]
const DOMAIN = 'images.example.org'
const NAME = 'docker.io/library/app'

/** Somebody who publishes images under a domain, and somebody who pulls them. */
function publisherAndPuller() {
  const [publisher, node] = [new MemoryNode('publisher'), new MemoryNode()]
  node.connect(publisher)
  const roots = new Map<TestImage, CID>()
  const { options, told, engine } = loading(node)

  async function publish(sequence: number, images: Readonly<Record<string, TestImage>>, config?: string) {
    const entries: PublishedCatalogue['images'][number][] = []
    for (const [name, image] of Object.entries(images)) {
      const root = roots.get(image) ?? (await writeOn(publisher, image)).root
      roots.set(image, root)
      entries.push({ ...publishedImage(name, root), configDigest: config ?? digest(image.config) })
    }
    const catalogue = await writeCatalogue(publisher, {}, { sequence, images: entries })
    publisher.naming.paths.set(DOMAIN, `/ipfs/${catalogue}`)
    return catalogue
  }

  async function run(reference = `ipns://${DOMAIN}/app:1`, more: Partial<PullOptions> = {}): Promise<Pulled[]> {
    const all = { ...options, noTag: false, allTags: false, allowOlder: false, ...more }
    return Array.fromAsync(pull(reference, all))
  }
  return { publisher, node, engine, told, publish, run, rootOf: (image: TestImage) => String(roots.get(image)) }
}

describe('a pull of a published name', () => {
  test('loads the image under the name that it has there, and keeps it', async () => {
    const { publish, run, engine, node, rootOf } = publisherAndPuller()
    await publish(1, { 'app:1': ONE, 'app:2': TWO })
    const configDigest = digest(ONE.config)
    const names = [`${NAME}:1`]
    expect(await run()).toEqual([{ root: rootOf(ONE), imageId: configDigest, configDigest, names, isNew: true }])
    expect((await engine.inspect('app:1'))?.id).toBe(configDigest)
    expect([...node.pins.names.keys()]).toEqual([rootOf(ONE)])
    expect(String(await node.catalogue.findName(`${NAME}:1`, signal))).toBe(rootOf(ONE))
  })

  test('says at the second time that it is up to date and has not moved', async () => {
    const { publish, run, told } = publisherAndPuller()
    await publish(1, { 'app:1': ONE })
    await run()
    expect(told.steps.filter((text) => text.includes('moved'))).toEqual([])
    expect(await run()).toMatchObject([{ isNew: false }])
    expect(told.steps).toContain('app:1 has not moved since the last pull')
  })

  test('says what it stood for before when it has moved', async () => {
    const { publish, run, told, engine, rootOf } = publisherAndPuller()
    await publish(1, { 'app:1': ONE })
    await run()
    await publish(2, { 'app:1': TWO })
    expect(await run()).toMatchObject([{ root: rootOf(TWO), isNew: true }])
    expect(told.steps).toContain(`app:1 has moved since the last pull: from ${rootOf(ONE)} to ${rootOf(TWO)}`)
    expect((await engine.inspect('app:1'))?.id).toBe(digest(TWO.config))
  })

  test('that has gone back is refused, and taken with a warning when that is allowed', async () => {
    const { publish, run, told, engine, rootOf } = publisherAndPuller()
    await publish(2, { 'app:1': TWO })
    await run()
    await publish(1, { 'app:1': ONE })
    const text = `${DOMAIN} stands for publication 1 now, and stood for 2 at the last pull`
    await expect(run()).rejects.toMatchObject({
      code: 'PUBLICATION_OLDER',
      message: `${text}: it has gone back`,
      hint: expect.stringContaining('--allow-older'),
    })
    expect((await engine.inspect('app:1'))?.id).toBe(digest(TWO.config))
    expect(await run(undefined, { allowOlder: true })).toMatchObject([{ root: rootOf(ONE) }])
    expect(told.warnings).toEqual([text])
    // From now on it stands for the older one.
    await expect(run()).resolves.toMatchObject([{ isNew: false }])
  })

  test('whose config is not the one that is published is refused', async () => {
    const { publish, run, engine } = publisherAndPuller()
    await publish(1, { 'app:1': ONE }, digest(Buffer.from('another')))
    await expect(run()).rejects.toMatchObject({ code: 'INTEGRITY', hint: expect.stringContaining('who published it') })
    expect(engine.stored.size).toBe(0)
  })

  test('brings all tags of a repository, one after the other', async () => {
    const { publish, run, engine, rootOf } = publisherAndPuller()
    await publish(1, { 'app:1': ONE, 'app:2': TWO, 'other:1': ONE })
    const pulled = await run(`ipns://${DOMAIN}/app`, { allTags: true })
    expect(pulled.map(({ root, names }) => [root, names.join()])).toEqual([
      [rootOf(ONE), `${NAME}:1`],
      [rootOf(TWO), `${NAME}:2`],
    ])
    expect([...engine.stored.values()].flatMap(({ names }) => [...names]).length).toBe(2)
  })

  test('that nobody knows is not found', async () => {
    const { run } = publisherAndPuller()
    await expect(run()).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })

  test('which is not written down on the node is loaded all the same, with a warning', async () => {
    const { publish, run, told, node, engine } = publisherAndPuller()
    await publish(1, { 'app:1': ONE })
    node.publications.rememberPulled = () => Promise.reject(new DockerIpfsError('NODE_FAILED', 'no space left'))
    await run()
    expect(engine.stored.size).toBe(1)
    expect(told.warnings).toEqual([`what ${DOMAIN} stands for is not written down on the node: no space left`])
  })

  test('that leads to an image itself gives it no name, and says when it has moved', async () => {
    const { publisher, run, told } = publisherAndPuller()
    const [one, two] = [(await writeOn(publisher, ONE)).root, (await writeOn(publisher, TWO)).root]
    publisher.naming.paths.set(DOMAIN, `/ipfs/${one}`)
    expect(await run(`ipns://${DOMAIN}`)).toMatchObject([{ root: one.toString(), names: [], isNew: true }])
    publisher.naming.paths.set(DOMAIN, `/ipfs/${two}`)
    await run(`ipns://${DOMAIN}`)
    expect(told.steps).toContain(`${DOMAIN} has moved since the last pull: from ${one} to ${two}`)
  })
})

describe('the name that a pull gives', () => {
  test('is none, or another, when that is asked for', async () => {
    const { publish, run, engine } = publisherAndPuller()
    await publish(1, { 'app:1': ONE })
    expect(await run(undefined, { noTag: true })).toMatchObject([{ names: [], isNew: true }])
    expect((await engine.inspect(digest(ONE.config)))?.names).toEqual([])
    expect(await run(undefined, { tag: 'mine:3' })).toMatchObject([{ names: ['docker.io/library/mine:3'] }])
    expect((await engine.inspect('mine:3'))?.id).toBe(digest(ONE.config))
    await expect(run(undefined, { tag: 'Not A Name' })).rejects.toMatchObject({ code: 'BAD_FLAG' })
  })

  test('of a CID is every one that it has in the catalogue of the node', async () => {
    const { run, node, engine } = publisherAndPuller()
    const { root } = await keepImage(node, ONE, 'app:1', 'app:latest')
    const [pulled] = await run(root.toString())
    expect([...(pulled?.names ?? [])].sort()).toEqual([`${NAME}:1`, `${NAME}:latest`])
    for (const name of ['app:1', 'app:latest']) expect((await engine.inspect(name))?.id).toBe(digest(ONE.config))
    expect(await run(root.toString())).toMatchObject([{ isNew: false }])
  })

  test('of a name in the catalogue is that name', async () => {
    const { run, node, engine } = publisherAndPuller()
    await keepImage(node, ONE, 'app:1', 'app:2')
    expect(await run('app:2')).toMatchObject([{ names: [`${NAME}:2`] }])
    expect(await engine.inspect('app:1')).toBeUndefined()
  })
})
