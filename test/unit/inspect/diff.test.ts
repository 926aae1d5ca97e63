import { beforeEach, describe, expect, test } from 'bun:test'
import { type DiffOptions, diff } from '../../../src/inspect/diff.ts'
import { GOLDEN, imageOf, noise, small } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import { keepImage } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { useCase } from '../../support/memory/use-case.ts'
import { tarOf } from '../../support/tar.ts'

const signal = new AbortController().signal

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})

const file = (path: string, text: string, mtime = 0) => ({ path, body: Buffer.from(text), mtime })
const base = tarOf([
  { path: 'etc/', type: '5' },
  file('etc/app.conf', 'version=1'),
  file('etc/old', 'x'),
  { path: 'lib', body: noise(300_000, 'lib') },
])
const one = tarOf([file('app', 'one'), file('readme', 'same')])
const two = tarOf([
  file('app', 'two, and longer'),
  file('readme', 'same', 99),
  file('etc/app.conf', 'version=2'),
  file('etc/.wh.old', ''),
])

const compare = (more: Partial<DiffOptions> = {}) => diff('app:1', 'app:2', { ...useCase(node), ...more })
const changesIn = async (more: Partial<DiffOptions> = {}) =>
  (await compare(more)).files.map(({ change, path, before, after }) => [change, path, before, after])

describe('two versions of an image', () => {
  beforeEach(async () => {
    await keepImage(node, imageOf([base, one]), 'app:1')
    await keepImage(node, imageOf([base, two]), 'app:2')
  })

  test('differ in files, as one sees them through all layers, and not in times', async () => {
    expect(await changesIn()).toEqual([
      ['C', '/app', 3, 15],
      ['C', '/etc/app.conf', 9, 9],
      ['D', '/etc/old', 1, undefined],
    ])
  })

  test('have layers in common, and some of their own', async () => {
    const { layers, a, b } = await compare()
    expect(layers.map(({ change, layer }) => [change, layer.diffId])).toEqual([
      ['=', imageOf([base]).diffIds[0] as string],
      ['-', imageOf([one]).diffIds[0] as string],
      ['+', imageOf([two]).diffIds[0] as string],
    ])
    expect([a.layers.length, b.layers.length]).toEqual([2, 2])
  })

  test('have blocks in common: the bytes add up to what each takes', async () => {
    const { sharedBytes, newBytes, goneBytes, a, b } = await compare()
    const sizeOf = async (root: typeof a.root) => (await node.catalogue.record(root, signal))?.size
    expect(sharedBytes + goneBytes).toBe((await sizeOf(a.root)) as number)
    expect(sharedBytes + newBytes).toBe((await sizeOf(b.root)) as number)
    expect(sharedBytes).toBeGreaterThan(300_000)
    expect(newBytes).toBeLessThan(20_000)
  })

  test('may be compared from another node, which fetches what it reads', async () => {
    const other = new MemoryNode('there')
    other.connect(node)
    const [a, b] = await Promise.all(
      ['app:1', 'app:2'].map((name) => node.catalogue.findName(`docker.io/library/${name}`, signal)),
    )
    const { files } = await diff(`${a}`, `${b}`, useCase(other))
    expect(files).toHaveLength(3)
  })

  test('are told while they are read: layers that both have are read only where a file is deleted', async () => {
    const read = async (names: readonly [string, string]) => {
      const layers: string[] = []
      const use = useCase(node)
      const report: DiffOptions['report'] = (event) => {
        if (event.type === 'layer-done') layers.push(event.layer)
      }
      await diff(...names, { ...use, report })
      return layers
    }
    expect(await read(['app:1', 'app:2'])).toEqual([...imageOf([one, two, base]).diffIds])
    await keepImage(node, imageOf([base, tarOf([file('app', 'three'), file('readme', 'same')])]), 'app:3')
    expect(await read(['app:1', 'app:3'])).not.toContain(imageOf([base]).diffIds[0])
  })
})

test('an image does not differ from itself', async () => {
  await keepImage(node, GOLDEN.strange(), 'app:1', 'app:2')
  const { layers, files, newBytes, goneBytes, sharedBytes, a } = await compare()
  expect([files, newBytes, goneBytes]).toEqual([[], 0, 0])
  expect(layers.every(({ change }) => change === '=')).toBe(true)
  expect(sharedBytes).toBe((await node.catalogue.record(a.root, signal))?.size as number)
})

test('a layer that is no tar has no files, and a warning says so', async () => {
  await keepImage(node, imageOf([base]), 'app:1')
  await keepImage(node, imageOf([base, Buffer.from('no tar at all')]), 'app:2')
  const use = useCase(node)
  const { files, layers } = await diff('app:1', 'app:2', use)
  expect(files).toEqual([])
  expect(layers.map(({ change }) => change)).toEqual(['=', '+'])
  expect(use.warnings).toEqual([
    expect.stringContaining(`the files of layer ${imageOf([Buffer.from('no tar at all')]).diffIds[0]} cannot be read`),
  ])
})

test('of images with several platforms one is compared, which must be said', async () => {
  await keepImage(node, [small('one'), forPlatform(small('arm'), 'arm64')], 'app:1')
  await keepImage(node, [small('two'), forPlatform(small('arm'), 'arm64')], 'app:2')
  await expect(compare()).rejects.toMatchObject({ code: 'PLATFORM_NOT_FOUND' })
  expect(await changesIn({ platform: 'arm64' })).toEqual([])
  expect(await changesIn({ platform: 'amd64' })).toEqual([
    ['D', '/one', 3, undefined],
    ['A', '/two', undefined, 3],
  ])
})
