import { beforeEach, describe, expect, test } from 'bun:test'
import { Publications } from '../../../src/catalogue/publications.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { resolve, resolveAll } from '../../../src/names/resolve.ts'
import { nameOf } from '../../../src/publication/document.ts'
import { type PublishResult, publish } from '../../../src/publish/publish.ts'
import type { Naming } from '../../../src/store/naming.ts'
import { altered } from '../../support/altered.ts'
import { GOLDEN, GOLDEN_ROOTS, small } from '../../support/images.ts'
import { type Disturbance, DisturbedFolder, losing } from '../../support/memory/disturbed-folder.ts'
import { keepImage } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { useCase } from '../../support/memory/use-case.ts'

const signal = new AbortController().signal

/** Has app:1 and web:1. */
let node: MemoryNode
beforeEach(async () => {
  node = new MemoryNode('here')
  await keepImage(node, GOLDEN.tiny(), 'app:1')
  await keepImage(node, GOLDEN.strange(), 'web:1')
})

const usual = () => ({ ...useCase(node), key: undefined, announceTimeoutMs: 1000 })
const run = (names: string[] = [], more: Partial<Parameters<typeof publish>[1]> = {}) =>
  publish(names, { ...usual(), ...more })
const disturbed = (before: Disturbance) => new Publications(new DisturbedFolder(node.folder, before))

const imagesOf = ({ catalogue }: PublishResult) => catalogue.images.map((image) => nameOf(image).replace(/^.*\//, ''))
const path = (root: CID) => `/ipfs/${root}`

describe('the first publication', () => {
  test('has all images with a name, and the number 1, under a key that is made for it', async () => {
    await keepImage(node, small('nameless'))
    const first = await run()
    expect(imagesOf(first)).toEqual(['app:1', 'web:1'])
    expect(first.catalogue).toMatchObject({ sequence: 1, previous: null })
    expect([first.isNew, first.notAnnounced, first.peers]).toEqual([true, undefined, 0])
    expect(await node.naming.keys()).toEqual([{ name: 'docker-ipfs', id: first.id }])
  })

  test('is what the name stands for, on this node and on others', async () => {
    const { id, root } = await run()
    expect(await node.naming.resolve(id)).toBe(path(root))
    expect(node.announced).toEqual([root.toString()])
    const other = new MemoryNode('there')
    other.connect(node)
    const found = await resolveAll(`ipns://${id}`, useCase(other))
    expect(found.map((image) => image.root.toString())).toEqual([GOLDEN_ROOTS.tiny, GOLDEN_ROOTS.strange])
  })

  test('is kept from GC with all its images, whatever becomes of their names', async () => {
    const { root } = await run()
    await node.catalogue.removeNames(['docker.io/library/app:1'], signal)
    await node.pins.unpin((await resolve(GOLDEN_ROOTS.tiny, useCase(node))).root)
    await node.catalogue.remove([`ids`, `layers`, `records`], signal)
    await node.gc()
    expect(node.blocks.read(root, 'images/docker.io/library/app:1/image.tar').length).toBeGreaterThan(0)
  })

  test('cannot be made of nothing', async () => {
    node = new MemoryNode()
    await keepImage(node, small('nameless'))
    await expect(run()).rejects.toMatchObject({
      code: 'USAGE',
      message: 'there is nothing to publish: the catalogue has no image with a name',
    })
  })
})

describe('the next publication', () => {
  test('is the same where nothing has changed: its name is set and told once more', async () => {
    const first = await run()
    node.naming.paths.clear()
    const use = usual()
    const again = await publish([], use)
    expect([again.root.toString(), again.isNew]).toEqual([first.root.toString(), false])
    expect(use.steps).toEqual(['Publication 1 has these images already', `Publishing ${first.root} as ${first.id}`])
    expect(await node.naming.resolve(first.id)).toBe(path(first.root))
    expect(node.announced).toHaveLength(2)
  })

  test('has the next number, and the one before by its root', async () => {
    const first = await run()
    await keepImage(node, small('big'), 'big:1')
    const second = await run()
    expect(imagesOf(second)).toEqual(['app:1', 'big:1', 'web:1'])
    expect(second.catalogue).toMatchObject({ sequence: 2, previous: first.root.toString() })
    expect(await node.naming.resolve(first.id)).toBe(path(second.root))
    expect(String((await node.publications.newest(first.id, signal))?.root)).toBe(second.root.toString())
  })

  test('retires the one before: its document stays, and images that nobody else has can go', async () => {
    const first = await run()
    await node.catalogue.removeNames(['docker.io/library/app:1'], signal)
    await node.catalogue.remove(['records', 'ids', 'layers'], signal)
    for (const root of await node.pins.pinnedRoots()) node.pins.names.delete(root)
    await run()
    await node.gc()
    expect(JSON.parse(node.blocks.read(first.root, 'catalogue.json').toString())).toMatchObject({ sequence: 1 })
    expect(node.blocks.blocks.has(GOLDEN_ROOTS.tiny)).toBe(false)
    expect(node.blocks.blocks.has(GOLDEN_ROOTS.strange)).toBe(true)
  })

  test('of some images has them beside what is published, and of all nothing else', async () => {
    await run(['app:1'])
    expect(imagesOf(await run(['web']))).toEqual(['app:1', 'web:1'])
    await node.catalogue.removeNames(['docker.io/library/app:1'], signal)
    expect(imagesOf(await run(['web:1']))).toEqual(['app:1', 'web:1'])
    expect(imagesOf(await run())).toEqual(['web:1'])
  })

  test('has the image that a name has moved to', async () => {
    await run()
    const { root } = await keepImage(node, small('new'), 'app:1')
    const { catalogue } = await run(['app:1'])
    expect(catalogue.images.map(({ cid }) => cid)).toEqual([root.toString(), GOLDEN_ROOTS.strange])
  })

  test('cannot be made where the node has lost an image that was published before', async () => {
    await run()
    await node.catalogue.removeNames(['docker.io/library/app:1'], signal)
    node.blocks.blocks.delete(GOLDEN_ROOTS.tiny)
    await keepImage(node, small('big'), 'big:1')
    await expect(run(['big:1'])).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: `the node has lost ${GOLDEN_ROOTS.tiny}, which is docker.io/library/app:1`,
    })
  })
})

test('a key of the user has numbers of its own', async () => {
  const key = await node.naming.makeKey('web')
  await run()
  expect((await run(['app:1'], { key: 'web' })).id).toBe(key.id)
  const second = await run(['web:1'], { key: key.id })
  expect([second.id, second.catalogue.sequence]).toEqual([key.id, 2])
  expect(imagesOf(second)).toEqual(['app:1', 'web:1'])
})

describe('who publishes at the same time', () => {
  test.each([2, 5])(
    '%p of them get numbers of their own, and the name stands for what all have published',
    async (count) => {
      const names = Array.from({ length: count }, (_, at) => `img${at}:1`)
      for (const name of names) await keepImage(node, small(name), name)
      const all = await Promise.all(names.map((name) => run([name])))
      expect(all.map(({ catalogue }) => catalogue.sequence).sort()).toEqual(names.map((_, at) => at + 1))
      const last = all.find(({ catalogue }) => catalogue.sequence === count)
      expect(last && imagesOf(last)).toEqual(names)
      expect(await node.naming.resolve(last?.id ?? '')).toBe(path(last?.root as CID))
      expect(await node.naming.keys()).toHaveLength(1)
    },
  )

  test('and is faster each time, has the last word', async () => {
    const publications = disturbed(async (change, at) =>
      change === 'link' && at.startsWith('published/') ? 'lost' : undefined,
    )
    await expect(run([], { publications })).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: 'others publish under docker-ipfs all the time',
    })
    expect(node.naming.paths.size).toBe(0)
  })

  test('may take our number with what MFS loses: then it is published once more', async () => {
    const { root, catalogue } = await run([], { publications: disturbed(losing((change) => change === 1)) })
    expect(catalogue.sequence).toBe(1)
    expect(String((await node.publications.newest((await node.naming.keys())[0]?.id ?? '', signal))?.root)).toBe(
      String(root),
    )
  })

  test('may make MFS lose what was published by then: it gets the next number', async () => {
    const { naming, folder } = node
    let isFirst = true
    const losingNaming = altered<Naming>(naming, {
      async publish(root, key) {
        await naming.publish(root, key)
        if (isFirst) await folder.remove(`published/${key.id}`, signal)
        isFirst = false
      },
    })
    const { id, root, catalogue } = await run([], { naming: losingNaming })
    expect(catalogue.sequence).toBe(2)
    expect(await naming.resolve(id)).toBe(path(root))
    expect(String((await node.publications.newest(id, signal))?.root)).toBe(root.toString())
  })
})

describe('a folder of publications that people have changed', () => {
  test('and emptied: numbers go on from what the name stands for', async () => {
    const first = await run()
    await node.catalogue.remove(['published'], signal)
    const { catalogue, isNew } = await run()
    expect([catalogue.sequence, catalogue.previous, isNew]).toEqual([2, first.root.toString(), true])
  })

  test('and of which a document is lost: the next publication says so, and has what is named alone', async () => {
    const { root } = await run()
    const document = node.blocks.links(root).find(({ Name }) => Name === 'catalogue.json')?.Hash as CID
    node.blocks.blocks.delete(document.toString())
    const use = usual()
    const next = await publish(['web:1'], use)
    expect(use.warnings).toEqual([`publication 1 cannot be read: the node lacks ${document}`])
    expect([next.catalogue.sequence, next.catalogue.previous]).toEqual([2, root.toString()])
    expect(imagesOf(next)).toEqual(['web:1'])
  })
})
