import { beforeEach, describe, expect, test } from 'bun:test'
import { Catalogue, recordPath } from '../../../src/catalogue/catalogue.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { writeDirectory } from '../../../src/format/files.ts'
import { hexOf } from '../../../src/image/canonical.ts'
import { remove } from '../../../src/names/remove.ts'
import { altered } from '../../support/altered.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../../support/images.ts'
import { DisturbedFolder } from '../../support/memory/disturbed-folder.ts'
import { keepImage, writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { useCase } from '../../support/memory/use-case.ts'
import { OTHER_HASHES, otherHash } from '../../support/other-hash.ts'
import { tarOf } from '../../support/tar.ts'

const signal = new AbortController().signal

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode('here')
})

const removeOn = (reference: string) => remove(reference, useCase(node))
const has = async (path: string) => (await node.folder.find(path, signal)) !== undefined
const layerPath = (tar: Buffer) => `layers/${hexOf(digest(tar))}`

/** Bytes of blocks that the next GC frees. */
async function collected(): Promise<number> {
  const size = async () => (await node.traffic.repoSize(signal)) ?? Number.NaN
  const before = await size()
  await node.gc()
  return before - (await size())
}

const base = tarOf([{ path: 'base', body: noise(60_000, 'base') }])
const upper = tarOf([{ path: 'upper', body: noise(30_000, 'upper') }])
const other = tarOf([{ path: 'other', body: noise(20_000, 'other') }])

describe('a name of several', () => {
  test('goes alone: the image, its pin and its other names stay', async () => {
    const { root, imageId } = await keepImage(node, GOLDEN.tiny(), 'app:1', 'app:2')
    expect(await removeOn('app:1')).toEqual({ untagged: ['docker.io/library/app:1'], deleted: undefined, freed: 0 })
    expect([await has('images/docker.io/library/app:1'), await has('images/docker.io/library/app:2')]).toEqual([
      false,
      true,
    ])
    expect(await node.pins.isPinned(root)).toBe(true)
    expect((await node.catalogue.findImage(imageId, signal))?.root).toEqual(root)
  })

  test('has to be named: the CID of the image does not say which', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1', 'ghcr.io/a/b:1')
    await expect(removeOn(`${root}`)).rejects.toMatchObject({
      code: 'USAGE',
      message: `${root} has several names: app:1, ghcr.io/a/b:1`,
    })
    expect(await node.pins.isPinned(root)).toBe(true)
  })
})

describe('the last name of an image', () => {
  test('takes pin, record, IDs and layers with it, so that GC takes the image', async () => {
    const { root, imageId } = await keepImage(node, imageOf([base, upper]), 'app:1')
    const { untagged, deleted } = await removeOn('app:1')
    expect([untagged, String(deleted)]).toEqual([['docker.io/library/app:1'], String(root)])
    expect(await node.pins.isPinned(root)).toBe(false)
    for (const path of [recordPath(root), `ids/${hexOf(imageId)}`, layerPath(base), layerPath(upper)]) {
      expect(await has(path)).toBe(false)
    }
    await node.gc()
    expect(await node.blocks.hasBlock(root, signal)).toBe(false)
  })

  test.each(['app:1', 'CID'])('can be taken by %s, and frees what only it has', async (by) => {
    const { root } = await keepImage(node, imageOf([base, upper]), 'app:1')
    await keepImage(node, imageOf([base, other]), 'web:1')
    // Folders of the catalogue as they were before.
    await node.gc()
    const { freed = 0 } = await removeOn(by === 'CID' ? `${root}` : by)
    expect(freed).toBeGreaterThan(30_000)
    expect(freed).toBeLessThan(40_000)
    // GC takes folders and records of the catalogue, too.
    expect((await collected()) - freed).toBeWithin(0, 10_000)
  })

  test('leaves layers that another image shares, and that image whole', async () => {
    await keepImage(node, imageOf([base, upper]), 'app:1')
    const web = await keepImage(node, imageOf([base, other]), 'web:1')
    await removeOn('app:1')
    await node.gc()
    expect([await has(layerPath(base)), await has(layerPath(upper)), await has(layerPath(other))]).toEqual([
      true,
      false,
      true,
    ])
    expect((await node.catalogue.findLayer(hexOf(digest(base)), signal))?.diffId).toBe(digest(base))
    for (const layer of web.layers) expect(node.blocks.read(layer.blob.cid).length).toBe(layer.blob.fileSize)
  })

  test('takes layers away that stand under the name of an archive', async () => {
    const { layers } = await keepImage(node, imageOf([base]), 'app:1')
    const key = 'a'.repeat(64)
    await node.folder.write(
      `layers/${key}/layer.json`,
      (await node.folder.read(`${layerPath(base)}/layer.json`, 1 << 20, signal)) ?? Buffer.alloc(0),
      signal,
    )
    await node.folder.link(`layers/${key}/${hexOf(layers[0]?.blobDigest ?? '')}`, layers[0]?.blob.cid as CID, signal)
    expect(await node.catalogue.findLayer(key, signal)).toBeDefined()
    await removeOn('app:1')
    expect(await node.folder.entries('layers', signal)).toEqual([])
  })

  test('leaves an ID that belongs to another image by now', async () => {
    const { imageId } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    const strange = await keepImage(node, GOLDEN.strange(), 'web:1')
    await node.folder.remove(`ids/${hexOf(imageId)}`, signal)
    await node.folder.link(`ids/${hexOf(imageId)}`, strange.root, signal)
    await removeOn('app:1')
    expect(await has(`ids/${hexOf(imageId)}`)).toBe(true)
  })

  test('leaves what somebody else has pinned', async () => {
    const { root, layers } = await keepImage(node, imageOf([base, upper]), 'app:1')
    const second = await writeOn(node, imageOf([base, other]))
    await node.pins.pin(second.root, 'mine', signal)
    const { freed } = await removeOn(`${root}`)
    expect(freed).toBeLessThan(40_000)
    await node.gc()
    expect(await node.blocks.hasBlock(layers[0]?.blob.cid as CID, signal)).toBe(true)
  })
})

describe('an image without a name', () => {
  test('goes by its CID', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny())
    const { untagged, deleted } = await removeOn(`${root}`)
    expect([untagged, String(deleted)]).toEqual([[], String(root)])
    expect(await node.pins.isPinned(root)).toBe(false)
  })

  test('that was unpinned by hand goes too', async () => {
    const { root } = await keepImage(node, GOLDEN.tiny(), 'app:1')
    await node.pins.unpin(root)
    expect((await removeOn('app:1')).deleted).toEqual(root)
    expect(await has(recordPath(root))).toBe(false)
  })
})

describe('an image whose record', () => {
  test.each([
    ['was edited into something else', 'mine'],
    ['was edited into one of nothing', '{}'],
    ['is one of another format', '{"version":1,"format":"0"}'],
    ['is lost', undefined],
  ])('%s goes with all that is its own, and with nothing of others', async (_, text) => {
    const { root, imageId } = await keepImage(node, imageOf([base, upper]), 'app:1')
    const web = await keepImage(node, imageOf([base, other]), 'web:1')
    await node.folder.remove(recordPath(root), signal)
    if (text !== undefined) await node.folder.write(recordPath(root), Buffer.from(text), signal)
    const { deleted, freed } = await removeOn('app:1')
    expect(deleted).toEqual(root)
    expect(freed).toBeWithin(30_000, 40_000)
    expect(await node.pins.isPinned(root)).toBe(false)
    for (const path of [recordPath(root), `ids/${hexOf(imageId)}`, layerPath(upper)])
      expect(await has(path)).toBe(false)
    for (const path of [recordPath(web.root), `ids/${hexOf(web.imageId)}`, layerPath(base), layerPath(other)]) {
      expect(await has(path)).toBe(true)
    }
    await node.gc()
    expect(await node.blocks.hasBlock(root, signal)).toBe(false)
  })

  test('was edited keeps it as long as it has another name', async () => {
    const { root } = await keepImage(node, imageOf([base]), 'app:1', 'app:2')
    await node.folder.write(recordPath(root), Buffer.from('mine'), signal)
    expect((await removeOn('app:1')).deleted).toBeUndefined()
    expect([await has(layerPath(base)), await node.pins.isPinned(root)]).toEqual([true, true])
  })
})

describe('what is freed', () => {
  test('is counted past pins of any hash', async () => {
    await keepImage(node, imageOf([base]), 'app:1')
    for (const code of Object.values(OTHER_HASHES)) node.pins.names.set(otherHash('mine', code).toString(), '')
    expect((await removeOn('app:1')).freed).toBeGreaterThan(60_000)
  })

  test('is not known where a block is damaged, and the image goes all the same', async () => {
    const { root } = await keepImage(node, imageOf([base]), 'app:1')
    node.blocks.blocks.set(root.toString(), Buffer.from('damaged'))
    const { deleted, freed } = await removeOn('app:1')
    expect([deleted, freed]).toEqual([root, undefined])
    expect([await has(recordPath(root)), await node.pins.isPinned(root)]).toEqual([false, false])
  })
})

describe('a removal that is cancelled', () => {
  /** Removes app:1, and cancels before a change of this kind. */
  async function cancelledAt(kind: 'link' | 'write' | 'remove' | 'sync') {
    const cancel = new AbortController()
    const reason = new Error('cancelled')
    const folder = new DisturbedFolder(node.folder, async (change) => {
      if (change === kind) cancel.abort(reason)
      return undefined
    })
    const options = { ...useCase(node), catalogue: new Catalogue(folder), signal: cancel.signal }
    const error = await remove('app:1', options).catch((thrown: unknown) => thrown)
    return { error, reason }
  }

  test.each(['remove', 'sync'] as const)('when it has begun (%s) is carried through', async (kind) => {
    const { root, imageId } = await keepImage(node, imageOf([base, upper]), 'app:1')
    const { error, reason } = await cancelledAt(kind)
    expect([reason, undefined]).toContain(error as Error | undefined)
    expect(await has('images/docker.io/library/app:1')).toBe(false)
    expect(await has(recordPath(root))).toBe(false)
    expect(await has(`ids/${hexOf(imageId)}`)).toBe(false)
    expect(await has(layerPath(upper))).toBe(false)
    expect(await node.pins.isPinned(root)).toBe(false)
  })

  test('before it has begun leaves all as it was', async () => {
    const { root } = await keepImage(node, imageOf([base, upper]), 'app:1')
    const before = await node.folder.find('', signal)
    const cancel = new AbortController()
    const reason = new Error('cancelled')
    const { blocks, ...others } = useCase(node)
    const walked = altered(blocks, {
      below: (...args) => {
        cancel.abort(reason)
        return blocks.below(...args)
      },
    })
    await expect(remove('app:1', { ...others, blocks: walked, signal: cancel.signal })).rejects.toBe(reason)
    expect(await node.folder.find('', signal)).toEqual(before)
    expect(await node.pins.isPinned(root)).toBe(true)
  })
})

describe('nothing is removed', () => {
  test('of what the catalogue does not have', async () => {
    await expect(removeOn('app:1')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
    await expect(removeOn(GOLDEN_ROOTS.tiny)).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: `the catalogue of the node at here has no ${GOLDEN_ROOTS.tiny}`,
    })
  })

  test('but the name where that led to something else than an image, pinned or not', async () => {
    const { cid } = await writeDirectory(new Map(), node.blocks)
    await node.folder.link('images/docker.io/library/app:1', cid, signal)
    await node.pins.pin(cid, 'mine', signal)
    expect(await removeOn('app:1')).toEqual({ untagged: ['docker.io/library/app:1'], deleted: undefined, freed: 0 })
    expect(await node.pins.isPinned(cid)).toBe(true)
  })

  test('twice: what was broken off can be done again by the CID, since the record goes last', async () => {
    const { root } = await keepImage(node, imageOf([base]), 'app:1')
    const folder = new DisturbedFolder(node.folder, async (_, path) => {
      if (path.startsWith('ids/')) throw new DockerIpfsError('NODE_UNREACHABLE', 'gone')
      return undefined
    })
    const broken = remove('app:1', { ...useCase(node), catalogue: new Catalogue(folder) })
    await expect(broken).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
    expect([await has(recordPath(root)), await node.pins.isPinned(root)]).toEqual([true, true])
    expect((await removeOn(`${root}`)).deleted).toEqual(root)
    expect([await has(recordPath(root)), await node.pins.isPinned(root)]).toEqual([false, false])
  })
})
