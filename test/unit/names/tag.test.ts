import { beforeEach, describe, expect, test } from 'bun:test'
import { tag } from '../../../src/names/tag.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../../support/images.ts'
import { keepImage, type StoredImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { useCase } from '../../support/memory/use-case.ts'

const signal = new AbortController().signal

let node: MemoryNode
let tiny: StoredImage
beforeEach(async () => {
  node = new MemoryNode('here')
  tiny = await keepImage(node, GOLDEN.tiny(), 'app:1')
})

const rootOf = async (name: string) => (await node.catalogue.findName(`docker.io/library/${name}`, signal))?.toString()
const give = (reference: string, name: string) => tag(reference, name, useCase(node))

describe('an image of the catalogue', () => {
  test('gets one more name by one that it has, and keeps that', async () => {
    await give('app:1', 'web')
    expect([await rootOf('app:1'), await rootOf('web:latest')]).toEqual([GOLDEN_ROOTS.tiny, GOLDEN_ROOTS.tiny])
    expect((await node.catalogue.record(tiny.root, signal))?.names).toEqual([
      'docker.io/library/app:1',
      'docker.io/library/web:latest',
    ])
  })

  test('gets a name by its CID, and is still found by the ID of the engine', async () => {
    await give(`ipfs://${tiny.root}`, 'web:1')
    expect(await rootOf('web:1')).toBe(GOLDEN_ROOTS.tiny)
    expect((await node.catalogue.findImage(tiny.imageId, signal))?.root.toString()).toBe(GOLDEN_ROOTS.tiny)
  })

  test('takes the name of another, which keeps its own', async () => {
    const strange = await keepImage(node, GOLDEN.strange(), 'web:1', 'web:2')
    await give('app:1', 'web:1')
    expect([await rootOf('web:1'), await rootOf('web:2')]).toEqual([GOLDEN_ROOTS.tiny, strange.root.toString()])
  })
})

describe('no name is given', () => {
  test.each(['Web', '', 'web:', '<none>'])('where "%s" is none', async (name) => {
    await expect(give('app:1', name)).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
    expect(await rootOf('app:1')).toBe(GOLDEN_ROOTS.tiny)
  })

  test('to what is not in the catalogue', async () => {
    await expect(give('app:2', 'web:1')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
  })

  test('to an image of which the node has the blocks and does not keep them', async () => {
    const { root } = await writeOn(node, GOLDEN.strange())
    await expect(give(`${root}`, 'web:1')).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: `the node at here does not keep ${root}`,
    })
    await node.pins.unpin(tiny.root)
    await expect(give('app:1', 'web:1')).rejects.toMatchObject({ message: 'the node at here does not keep app:1' })
    expect(await rootOf('web:1')).toBeUndefined()
  })
})
