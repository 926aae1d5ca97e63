import { beforeEach, describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { findUnnamed, removeUnnamed, sweepUploads, UPLOAD_MS } from '../../../src/catalogue/unnamed.ts'
import { writeDirectory, writeFile } from '../../../src/format/files.ts'
import { remove } from '../../../src/names/remove.ts'
import { digest, GOLDEN, small } from '../../support/images.ts'
import { memoryDoor, OCI_INDEX, OCI_MANIFEST } from '../../support/memory/door.ts'
import { keepImage } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'

const { signal } = new AbortController()
let node: MemoryNode
let door: ReturnType<typeof memoryDoor>
beforeEach(() => {
  node = new MemoryNode()
  door = memoryDoor(node)
})

const later = () => Date.now() + 1
const artifact = async (text: string, more: object = {}) => {
  const config = { mediaType: 'application/vnd.example.config', ...(await door.pushBlob(Buffer.from('{}'))) }
  const layers = [{ mediaType: 'text/plain', ...(await door.pushBlob(Buffer.from(text))) }]
  return { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers, ...more }
}
const found = (before: number) => findUnnamed({ ...door, signal, before })
const pruned = async (before = later()) => {
  const unnamed = await found(before)
  await removeUnnamed(unnamed, { ...door, signal, before })
  await node.gc()
  return unnamed
}

describe('what was pushed and no name leads to', () => {
  test('is nothing while names lead to it', async () => {
    await door.pushImage('app', '1', GOLDEN.tiny())
    await door.put('charts/a', '1', await artifact('a'))
    expect(await pruned()).toEqual({ names: [], manifests: [], blobs: [] })
    expect(digest(await door.pullBlob(digest(gzipSync(GOLDEN.tiny().layers[0] as Buffer))))).toBeDefined()
  })

  test('is of an image that was removed', async () => {
    const image = GOLDEN.tiny()
    const { digest: pushed } = await door.pushImage('app', '1', image)
    await remove('app:1', { ...door, signal })
    const { manifests, blobs } = await pruned()
    expect(manifests.map((manifest) => manifest.digest)).toEqual([pushed])
    expect(new Set(blobs)).toEqual(new Set([digest(image.config), digest(gzipSync(image.layers[0] as Buffer))]))
    expect(await door.pull('app', pushed)).toBeUndefined()
    for (const blob of blobs) expect(await door.blob(blob)).toBeUndefined()
  })

  test('is of a name that stands for another image by now', async () => {
    const { digest: pushed } = await door.pushImage('app', '1', small('a'))
    await keepImage(node, small('b'), 'app:1')
    const { names, manifests } = await pruned()
    expect(names).toEqual(['docker.io/library/app:1'])
    expect(manifests.map((manifest) => manifest.digest)).toEqual([pushed])
    expect(await node.originals.names(undefined, signal)).toEqual([])
    expect(await node.catalogue.findName('docker.io/library/app:1', signal)).toBeDefined()
  })

  test('is not what an index, or a manifest that is needed, stands on', async () => {
    const { digest: image, size } = await door.pushImage('app', undefined, small('a'))
    const ref = { mediaType: OCI_MANIFEST, digest: image, size }
    await door.put('app', '1', { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [ref] })
    const { digest: signature } = await door.put('app', undefined, await artifact('s', { subject: ref }))
    const second = { mediaType: OCI_MANIFEST, digest: signature, size: 1 }
    const { digest: ofSignature } = await door.put('app', undefined, await artifact('t', { subject: second }))
    expect((await pruned()).manifests).toEqual([])
    await remove('app:1', { ...door, signal })
    const gone = (await pruned()).manifests.map((manifest) => manifest.digest)
    expect(gone).toHaveLength(4)
    expect(gone).toEqual(expect.arrayContaining([image, signature, ofSignature]))
    expect(await door.referrers(image)).toEqual([])
  })

  test('is not what belongs to an image that a save made', async () => {
    const { dag } = await keepImage(node, small('a'), 'app:1')
    const subject = { mediaType: OCI_MANIFEST, digest: dag.manifestDigest, size: 1 }
    await door.put('app', undefined, await artifact('s', { subject }))
    expect((await pruned()).manifests).toEqual([])
  })

  test('is nothing that came just now: its push may go on', async () => {
    const { digest: pushed } = await door.pushImage('app', undefined, small('a'))
    const { digest: blob } = await door.pushBlob(Buffer.from('lonely'))
    expect(await pruned(Date.now() - UPLOAD_MS)).toEqual({ names: [], manifests: [], blobs: [] })
    expect(await door.pull('app', pushed)).toBeDefined()
    const { blobs, manifests } = await pruned()
    expect(blobs).toContain(blob)
    expect(manifests).toHaveLength(1)
  })

  test('shares its blobs with what stays', async () => {
    await door.put('x', '1', await artifact('same'))
    const { digest: gone } = await door.put('x', undefined, await artifact('same', { annotations: { a: 'b' } }))
    const { manifests, blobs } = await pruned()
    expect(manifests.map((manifest) => manifest.digest)).toEqual([gone])
    expect(blobs).toEqual([])
  })

  test('is a pin that a killed door left, once its push cannot go on', async () => {
    const files = new Map([
      ['blob', await writeFile(Buffer.from('x'), node.blocks)],
      ['upload.json', await writeFile(Buffer.from(`{"version":1,"format":"1","at":${Date.now()}}`), node.blocks)],
    ])
    const { cid } = await writeDirectory(files, node.blocks)
    await node.pins.pin(cid, '', signal)
    await pruned(Date.now() - UPLOAD_MS)
    expect(await node.pins.isPinned(cid)).toBe(true)
    await pruned()
    expect(await node.pins.isPinned(cid)).toBe(false)
  })
})

describe('what somebody edited among the originals', () => {
  test('is not known, and keeps nothing from being pushed', async () => {
    const { digest: pushed, bytes } = await door.pushImage('app', '1', small('a'))
    const hex = pushed.slice('sha256:'.length)
    for (const text of ['', '{', '[]', '{"version":1,"format":"1","mediaType":"x","at":1,"bytes":"eHg="}']) {
      await node.folder.write(`originals/manifests/${hex}.json`, Buffer.from(text), signal)
      expect(await door.pull('app', '1')).toBeUndefined()
      expect(await door.pull('app', pushed)).toBeUndefined()
      await pruned()
    }
    await node.folder.write('originals/names/docker.io/library/app:1', Buffer.from('{}'), signal)
    expect(await door.pull('app', '1')).toBeUndefined()
    await node.folder.write('originals/uploads/strange', Buffer.from('x'), signal)
    await node.folder.write('originals/manifests/strange', Buffer.from('x'), signal)
    await node.folder.write(`originals/referrers/${hex}/x.json`, Buffer.from('x'), signal)
    expect(await door.referrers(pushed)).toEqual([])
    await sweepUploads({ ...door, signal, before: later() })
    await door.pushImage('app', '1', small('a'))
    expect((await door.pull('app', '1'))?.bytes).toEqual(bytes)
  })

  test('names of registries with ports, and folders below each other, are listed', async () => {
    for (const path of ['localhost:5000/a', 'ghcr.io/a/b', 'ghcr.io/a']) await door.pushImage(path, '1', small('a'))
    expect([...(await door.pushed.repositories(signal))].toSorted()).toEqual([
      'ghcr.io/a',
      'ghcr.io/a/b',
      'localhost:5000/a',
    ])
    expect(await door.pushed.tags(door.repository('ghcr.io/a'), signal)).toEqual(['1'])
  })
})
