import { describe, expect, test } from 'bun:test'
import type { FileRef } from '../../../src/dag/block-source.ts'
import { rawBlock, readDirectory } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { leafNode, writeDirectory } from '../../../src/format/files.ts'
import { parsePlatform } from '../../../src/image/platform.ts'
import { openImage, openWhole } from '../../../src/read/open-image.ts'
import { digest, GOLDEN, type TestImage } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import type { MemoryBlocks } from '../../support/memory/blocks.ts'
import { writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'

const amd64 = GOLDEN.strange()
const arm64 = forPlatform(GOLDEN.tiny(), 'arm64', 'v8')
const arm = forPlatform(GOLDEN.strange(), 'arm', 'v7')
const signal = new AbortController().signal

async function write(...images: TestImage[]) {
  const node = new MemoryNode()
  const { dag } = await writeOn(node, ...images)
  return { sink: node.blocks, ...dag }
}

const reading = (blocks: MemoryBlocks) => ({ blocks, signal, timeoutMs: 5000 })

test('an image is opened when what is wanted next has come, and only of a folder that may be one', async () => {
  const { sink, root } = await write(amd64)
  const plain = reading(sink)
  const seen: string[] = []
  const cat = (file: FileRef) => {
    seen.push(file.path[0] ?? '')
    return plain.blocks.cat(file, signal)
  }
  const blobs = readDirectory({ cid: root.cid, bytes: await plain.blocks.block(root.cid, signal) })?.get('blobs') as CID
  const ahead = async (folder: CID) => {
    await Bun.sleep(5)
    seen.push(folder.equals(blobs) ? 'ahead' : 'other')
  }
  await openImage(root.cid, { ...plain, blocks: { block: sink.block.bind(sink), cat }, ahead })
  expect(seen).toEqual(['ahead', 'blobs', 'blobs'])

  await expect(openImage(blobs, { ...plain, ahead })).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' })
  expect(seen).toHaveLength(3)
})

describe('a whole image', () => {
  test('is all its platforms, in the order of its index, or the one that is asked for', async () => {
    const { sink, root, manifestDigest } = await write(amd64, arm64, arm)
    const whole = await openWhole(root.cid, reading(sink))
    expect(whole.digest).toBe(manifestDigest)
    const inOrder = [amd64, arm, arm64].map(({ config }) => digest(config))
    expect(whole.platforms.map(({ configDigest }) => configDigest)).toEqual(inOrder)
    expect(whole.platforms.map(({ isWhole }) => isWhole)).toEqual([false, false, false])
    expect(digest(whole.index ?? Buffer.alloc(0))).toBe(manifestDigest)
    const one = await openWhole(root.cid, reading(sink), parsePlatform('linux/arm64'))
    expect(one.digest).toBe(manifestDigest)
    expect(one.index).toBeUndefined()
    expect(one.platforms.map(({ configDigest }) => configDigest)).toEqual([digest(arm64.config)])
  })

  test('of one platform is that', async () => {
    const { sink, root, manifestDigest } = await write(amd64)
    const { digest: top, platforms } = await openWhole(root.cid, reading(sink))
    expect(top).toBe(manifestDigest)
    expect(platforms).toMatchObject([{ isWhole: true, manifestDigest, configDigest: digest(amd64.config) }])
  })
})

describe('documents that no docker-ipfs wrote', () => {
  type Manifest = { annotations: Record<string, string>; layers: { annotations: Record<string, string> }[] }

  /** The image with another manifest, which index.json names rightly. */
  async function changed(change: (manifest: Manifest) => void) {
    const { sink, root, manifestDigest } = await write(amd64)
    const manifest = JSON.parse(sink.read(root.cid, `blobs/sha256/${manifestDigest.slice(7)}`).toString())
    change(manifest)
    const leaf = async (text: string) => {
      const block = rawBlock(Buffer.from(text))
      await sink.put(block)
      return { node: leafNode(block), ref: { digest: digest(block.bytes), size: block.bytes.length } }
    }
    const { node, ref } = await leaf(JSON.stringify(manifest))
    const mediaType = 'application/vnd.oci.image.manifest.v1+json'
    const index = await leaf(JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, ...ref }] }))
    const blob = (await leaf(amd64.config.toString())).node
    const blobs = new Map([
      [ref.digest.slice(7), node],
      [digest(amd64.config).slice(7), blob],
    ])
    const sha256 = await writeDirectory(blobs, sink)
    const entries = { blobs: await writeDirectory(new Map([['sha256', sha256]]), sink), 'index.json': index.node }
    const layout = (await leaf('{"imageLayoutVersion":"1.0.0"}')).node
    const top = await writeDirectory(new Map(Object.entries({ ...entries, 'oci-layout': layout })), sink)
    return openImage(top.cid, reading(sink))
  }

  test('are opened when nothing is changed', async () => {
    expect((await changed(() => undefined)).configDigest).toBe(digest(amd64.config))
  })

  test.each<[string, (manifest: Manifest) => void, string]>([
    [
      'name no format',
      ({ annotations }) => delete annotations['org.docker-ipfs.format'],
      'names no docker-ipfs format',
    ],
    ['have a layer more', ({ layers }) => layers.push(layers[0] ?? { annotations: {} }), 'has 4 layers, its config 3'],
    [
      'do not say how large a tar is',
      ({ layers }) => layers.splice(0, 1, { ...layers[0], annotations: {} }),
      'a layer does not say how large its tar is',
    ],
    [
      'say that a tar is larger than any number',
      ({ layers }) =>
        layers.splice(0, 1, { ...layers[0], annotations: { 'org.docker-ipfs.tar-size': '9'.repeat(20) } }),
      'a layer does not say how large its tar is',
    ],
  ])('and %s are refused', async (_, change, words) => {
    await expect(changed(change)).rejects.toMatchObject({
      code: 'NOT_AN_IMAGE',
      message: expect.stringContaining(words),
    })
  })

  test('and name a format that is to come are refused with that', async () => {
    const newer = changed(({ annotations }) => {
      annotations['org.docker-ipfs.format'] = '7'
    })
    await expect(newer).rejects.toMatchObject({
      code: 'NOT_AN_IMAGE',
      message: expect.stringMatching(/ is written in format 7; this docker-ipfs reads format \d+$/),
      hint: 'Install a newer docker-ipfs.',
    })
  })
})
