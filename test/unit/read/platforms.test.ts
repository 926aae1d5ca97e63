import { describe, expect, test } from 'bun:test'
import { type BlockSource, catBlocks } from '../../../src/dag/block-source.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { writeImage } from '../../../src/format/image-dag.ts'
import { writeLayer } from '../../../src/format/layer.ts'
import { parsePlatform, platformOf } from '../../../src/image/platform.ts'
import { openImage } from '../../../src/read/open-image.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, type TestImage } from '../../support/images.ts'
import { forPlatform } from '../../support/layouts.ts'
import { MemorySink } from '../../support/memory-sink.ts'

const amd64 = GOLDEN.strange()
const arm64 = forPlatform(GOLDEN.tiny(), 'arm64', 'v8')
const arm = forPlatform(GOLDEN.strange(), 'arm', 'v7')
const signal = new AbortController().signal

/** Frozen as those of single platforms: `strange` for amd64, `tiny` for arm64 and `strange` for arm/v7. */
const GOLDEN_MULTI = 'bafybeicpqh7wsziw2dxjamqp4xkpverv5jdcn7l2bqlhllif55zdtyq5h4'

async function write(...images: TestImage[]) {
  const sink = new MemorySink()
  const platforms = []
  for (const { config, layers } of images) {
    const written = []
    for (const layer of layers) written.push(await writeLayer(once(layer), sink))
    platforms.push({ configBytes: config, layers: written })
  }
  return { sink, ...(await writeImage(platforms, sink)) }
}

async function* once(bytes: Buffer) {
  yield bytes
}

function reading(sink: MemorySink) {
  const block = async (cid: CID) =>
    sink.blocks.get(cid.toString()) ?? Promise.reject(new Error(`no block ${cid.toString()}`))
  const blocks: BlockSource = { block, cat: (file) => catBlocks(file, block, signal) }
  return { blocks, signal, timeoutMs: 5000 }
}

describe('an image with several platforms', () => {
  test('has its golden root CID, in whatever order and how often its platforms come', async () => {
    for (const images of [
      [amd64, arm64, arm],
      [arm, arm64, amd64],
      [arm64, arm, arm64, amd64, arm],
    ] as const) {
      expect((await write(...images)).root.cid.toString()).toBe(GOLDEN_MULTI)
    }
  })

  test('of one platform only is the image of that platform', async () => {
    expect((await write(amd64)).root.cid.toString()).toBe(GOLDEN_ROOTS.strange)
    expect((await write(amd64, amd64)).root.cid.toString()).toBe(GOLDEN_ROOTS.strange)
  })

  test('names a nested index, which names the manifests that the images have alone', async () => {
    const { sink, root, manifestDigest, configDigest } = await write(amd64, arm64, arm)
    const top = JSON.parse(sink.read(root.cid, 'index.json').toString())
    expect(top.manifests).toEqual([
      { mediaType: 'application/vnd.oci.image.index.v1+json', digest: manifestDigest, size: expect.any(Number) },
    ])
    const nested = JSON.parse(sink.read(root.cid, `blobs/sha256/${manifestDigest.slice(7)}`).toString())
    expect(nested.manifests.map(({ platform }: { platform: object }) => platform)).toEqual([
      { architecture: 'amd64', os: 'linux' },
      { architecture: 'arm', os: 'linux', variant: 'v7' },
      { architecture: 'arm64', os: 'linux' },
    ])
    const alone = await Promise.all([write(amd64), write(arm), write(arm64)])
    expect(nested.manifests.map((entry: { digest: string }) => entry.digest)).toEqual(
      alone.map((one) => one.manifestDigest),
    )
    // Classic stores get the one that most machines run.
    const docker = JSON.parse(sink.read(root.cid, 'manifest.json').toString())
    expect(docker).toHaveLength(1)
    expect(`sha256:${docker[0].Config.slice('blobs/sha256/'.length)}`).toBe(digest(amd64.config))
    expect(configDigest).toBe(digest(amd64.config))
  })

  test.each([
    ['x86_64', undefined, amd64],
    ['aarch64', undefined, arm64],
    ['armv7l', undefined, arm],
    ['x86_64', 'linux/arm64', arm64],
    ['x86_64', 'linux/arm64/v8', arm64],
    ['x86_64', 'linux/arm', arm],
  ])('gives an engine on %s, asked for %s, the right one', async (architecture, asked, image) => {
    const { sink, root } = await write(amd64, arm64, arm)
    const opened = await openImage(root.cid, reading(sink), {
      machine: platformOf('linux', architecture, ''),
      asked: asked === undefined ? undefined : parsePlatform(asked),
    })
    expect(opened.configDigest).toBe(digest(image.config))
    expect(opened.layers.map(({ diffId }) => diffId)).toEqual([...image.diffIds])
  })

  test('names those that there are when none fits', async () => {
    const { sink, root } = await write(amd64, arm64, arm)
    const machine = platformOf('linux', 's390x', '')
    await expect(openImage(root.cid, reading(sink), { machine })).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
      message: 'the image has no linux/s390x, only linux/amd64, linux/arm/v7, linux/arm64',
    })
  })
})

test('an image of one platform is refused to who asks for another, and else given to any machine', async () => {
  const { sink, root } = await write(amd64)
  const machine = platformOf('linux', 'aarch64', '')
  expect((await openImage(root.cid, reading(sink), { machine })).configDigest).toBe(digest(amd64.config))
  await expect(openImage(root.cid, reading(sink), { asked: parsePlatform('linux/arm64') })).rejects.toMatchObject({
    message: 'the image has no linux/arm64, only linux/amd64',
  })
})
