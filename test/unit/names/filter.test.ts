import { beforeEach, describe, expect, test } from 'bun:test'
import { list } from '../../../src/catalogue/list.ts'
import { matches, readFilters } from '../../../src/names/filter.ts'
import { GOLDEN, GOLDEN_ROOTS, imageOf, type TestImage } from '../../support/images.ts'
import { keepImage } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { useCase } from '../../support/memory/use-case.ts'
import { tarOf } from '../../support/tar.ts'

/** An image that was built in this year. */
function builtIn(year: number): TestImage {
  const image = imageOf([tarOf([{ path: `file${year}` }])])
  const config = JSON.parse(image.config.toString()) as object
  return { ...image, config: Buffer.from(JSON.stringify({ ...config, created: `${year}-01-01T00:00:00Z` })) }
}

describe('of the images of a node', () => {
  /** Has old:1 of 2020, new:1 and new:2 of 2026, and an image without a name. */
  let node: MemoryNode
  beforeEach(async () => {
    node = new MemoryNode()
    await keepImage(node, builtIn(2020), 'old:1')
    await keepImage(node, builtIn(2026), 'new:1', 'team/new:2')
    await keepImage(node, builtIn(2023))
  })

  async function filtered(...filters: string[]): Promise<string[]> {
    const isWanted = await readFilters(filters, useCase(node))
    const { images } = await list(useCase(node))
    return images
      .filter((image) => isWanted(image, images))
      .map(({ name }) => name?.replace(/^docker\.io\/(library\/)?/, '') ?? '-')
  }

  test.each<[string[], string[]]>([
    [[], ['new:1', 'old:1', 'team/new:2', '-']],
    [['dangling=true'], ['-']],
    [['dangling=1'], ['-']],
    [['dangling=FALSE'], ['new:1', 'old:1', 'team/new:2']],
    [['reference=new'], ['new:1']],
    [['reference=*'], ['new:1', 'old:1', '-']],
    [['reference=*/new:*'], ['team/new:2']],
    [
      ['reference=old', 'reference=new:1'],
      ['new:1', 'old:1'],
    ],
    [['reference=old', 'dangling=true'], []],
    [['before=new:1'], ['old:1', '-']],
    [['since=old:1'], ['new:1', 'team/new:2', '-']],
    [['since=old:1', 'before=new:1'], ['-']],
    [['since=old:1', 'reference=team/*'], ['team/new:2']],
  ])('%j gives %j', async (filters, expected) => {
    expect(await filtered(...filters)).toEqual(expected)
  })

  test('none is before or since an image that the catalogue does not have', async () => {
    expect(await filtered(`before=${GOLDEN_ROOTS.tiny}`)).toEqual([])
    expect(await filtered(`since=${GOLDEN_ROOTS.tiny}`)).toEqual([])
    await expect(filtered('since=none:1')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
  })

  test('one whose record was edited is neither before nor since', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny(), 'edited:1')
    await node.folder.write(`records/${root}.json`, Buffer.from('mine'), useCase(node).signal)
    expect(await filtered('before=new:1', 'reference=edited')).toEqual([])
    expect(await filtered('since=old:1', 'reference=edited')).toEqual([])
  })

  test.each(['label=x', 'dangling', 'dangling=perhaps', '', '=x', 'Reference=x'])('"%s" is refused', async (filter) => {
    await expect(filtered(filter)).rejects.toMatchObject({ code: 'BAD_FLAG' })
  })
})

describe('a pattern', () => {
  test.each([
    ['docker.io/library/shop:1.2', 'shop'],
    ['docker.io/library/shop:1.2', 'shop:1.*'],
    ['docker.io/library/shop:1.2', 'sh?p'],
    ['docker.io/library/shop:1.2', 'sh[oe]p:1.[0-9]'],
    ['docker.io/library/shop:1.2', 'docker.io/library/shop:1.2'],
    ['docker.io/team/shop:1', 'team/*'],
    ['docker.io/team/shop:1', '*/shop:1'],
    ['ghcr.io/a/b/shop:1', 'ghcr.io/*/*/shop'],
    [undefined, '<none>'],
  ])('has %s in %s', (name, pattern) => {
    expect(matches(name, pattern)).toBe(true)
  })

  test.each([
    ['docker.io/library/shop:1.2', 'shop:1'],
    ['docker.io/library/shop:1.2', 'hop'],
    ['docker.io/library/shop:1.2', 'shop:1x2'],
    ['docker.io/team/shop:1', '*'],
    ['docker.io/team/shop:1', 'team?shop'],
    ['docker.io/library/shop:1', '(shop)'],
    [undefined, 'shop'],
  ])('has %s not in %s', (name, pattern) => {
    expect(matches(name, pattern)).toBe(false)
  })

  test('that cannot be read is refused', () => {
    expect(() => matches('docker.io/library/shop:1', 'sh[op')).toThrow('the pattern has a [ without a ]')
  })
})
