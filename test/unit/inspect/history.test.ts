import { beforeEach, describe, expect, test } from 'bun:test'
import { history } from '../../../src/inspect/history.ts'
import type { InspectOptions } from '../../../src/inspect/options.ts'
import { GOLDEN, small, type TestImage, twoLayers } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import { keepImage } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { useCase } from '../../support/memory/use-case.ts'

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})

const stepsOf = (more: Partial<InspectOptions> = {}) => history('app:1', { ...useCase(node), ...more })

/** The image with another history. */
function told(image: TestImage, steps: unknown): TestImage {
  const config = { ...(JSON.parse(image.config.toString()) as object), history: steps }
  return { ...image, config: Buffer.from(JSON.stringify(config)) }
}

describe('the history of an image', () => {
  test('is its steps with the layers that they made, the newest first', async () => {
    const { layers } = await keepImage(node, twoLayers(), 'app:1')
    const expected = layers.map(({ diffId, tarSize, blob }, at) => ({
      created: '2026-01-01T00:00:00Z',
      createdBy: `layer ${at + 1}`,
      comment: '',
      tarSize,
      size: blob.fileSize,
      diffId,
      cid: blob.cid,
    }))
    expect(await stepsOf()).toEqual(expected.reverse())
  })

  test('has steps that made no layer, of no size', async () => {
    const steps = [
      { created_by: 'ADD base', created: '2026-01-01T00:00:00Z' },
      { created_by: 'ENV a=b', comment: 'buildkit', empty_layer: true },
      { created_by: 'ADD app' },
    ]
    await keepImage(node, told(twoLayers(), steps), 'app:1')
    const found = await stepsOf()
    const [base, app] = twoLayers().diffIds
    expect(found.map(({ createdBy, diffId }) => [createdBy, diffId])).toEqual([
      ['ADD app', app],
      ['ENV a=b', undefined],
      ['ADD base', base],
    ])
    expect(found[1]).toMatchObject({ comment: 'buildkit', size: 0, tarSize: 0, cid: undefined })
  })

  test.each<[string, unknown, string[]]>([
    ['none', undefined, ['', '']],
    ['a text', 'long ago', ['', '']],
    ['a short one', [{ created_by: 'ADD base' }], ['', 'ADD base']],
    ['more steps than layers', [{ created_by: 'a' }, { created_by: 'b' }, { created_by: 'c' }], ['c', 'b', 'a']],
  ])('has all layers where its config has %s', async (_, steps, expected) => {
    await keepImage(node, told(twoLayers(), steps), 'app:1')
    const found = await stepsOf()
    expect(found.map(({ createdBy }) => createdBy)).toEqual(expected)
    const layers = found.flatMap(({ diffId }) => diffId ?? [])
    expect(layers.reverse()).toEqual([...twoLayers().diffIds])
  })

  test('is that of one platform: of several it must be said which', async () => {
    await keepImage(node, [GOLDEN.tiny(), forPlatform(small('arm'), 'arm64')], 'app:1')
    await expect(stepsOf()).rejects.toMatchObject({ code: 'PLATFORM_NOT_FOUND' })
    expect((await stepsOf({ platform: 'arm64' })).map(({ diffId }) => diffId)).toEqual([...small('arm').diffIds])
  })

  test('is told of an image that is elsewhere', async () => {
    const other = new MemoryNode('there')
    const { root } = await keepImage(other, GOLDEN.tiny(), 'app:1')
    node.connect(other)
    expect(await history(`${root}`, useCase(node))).toHaveLength(1)
  })
})
