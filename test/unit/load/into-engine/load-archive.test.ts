import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { readArchive } from '../../../../src/image/archive.ts'
import { loadArchive } from '../../../../src/load/into-engine/load-archive.ts'
import { type Step, wholeStep } from '../../../../src/load/into-engine/steps.ts'
import { openImage } from '../../../../src/read/open-image.ts'
import { type LayerReader, readInOrder } from '../../../../src/read/read-ahead.ts'
import { type Bytes, collect } from '../../../../src/streams.ts'
import { digest, GOLDEN, type TestImage, twoLayers } from '../../../support/images.ts'
import { writeOn } from '../../../support/memory/keep-image.ts'
import { loading, Told } from '../../../support/memory/loading.ts'
import { MemoryNode } from '../../../support/memory/node.ts'

/** An image on a node, as one archive of it is made. */
async function onNode(image: TestImage) {
  const node = new MemoryNode()
  const { root } = await writeOn(node, image)
  const { options } = loading(node)
  const source = await openImage(root, options)
  return { node, root, source, reader: readInOrder(source, options) }
}

async function archive(step: Step, plain: boolean, reader: LayerReader, end = async () => {}) {
  const told = new Told()
  const bytes = Buffer.from(await collect(loadArchive(step, { plain, end }, reader, told.report), 1 << 26, 'it'))
  return { bytes, files: await filesOf(bytes), told }
}

async function filesOf(tar: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for await (const { path, body } of readArchive(once(tar))) {
    files.set(path, Buffer.from(await collect(body, 1 << 26, path)))
  }
  return files
}

describe.each(['tiny', 'strange', 'large'] as const)('the archive of %s for an engine', (name) => {
  const image = GOLDEN[name]()

  test('has the files of image.tar', async () => {
    const { node, root, source, reader } = await onNode(image)
    const { bytes, files } = await archive(wholeStep(source, new Set()), false, reader)
    const onIpfs = node.blocks.read(root, 'image.tar')
    expect(bytes.length).toBe(onIpfs.length)
    expect(files).toEqual(await filesOf(onIpfs))
  })

  test('that is to be plain has plain layers, and no OCI layout', async () => {
    const { source, reader } = await onNode(image)
    const { files } = await archive(wholeStep(source, new Set()), true, reader)
    const layers = [...new Map(image.layers.map((tar) => [`${digest(tar).slice(7)}.tar`, tar]))]
    const config = `${digest(image.config).slice(7)}.json`
    expect([...files.keys()]).toEqual(['manifest.json', config, ...layers.map(([path]) => path)])
    for (const [path, tar] of layers) expect(files.get(path)?.equals(tar)).toBe(true)
    const [entry] = JSON.parse(String(files.get('manifest.json')))
    expect(entry).toMatchObject({ Config: config, Layers: image.layers.map((tar) => `${digest(tar).slice(7)}.tar`) })
  })
})

describe('an archive', () => {
  test('lacks the layers that are left out, and says of them that they exist already', async () => {
    const { source, reader } = await onNode(twoLayers())
    const [lower, upper] = source.layers
    const { files, told } = await archive(wholeStep(source, new Set([lower?.digest ?? ''])), false, reader)
    expect(files.has(`blobs/sha256/${lower?.digest.slice(7)}`)).toBe(false)
    expect(files.has(`blobs/sha256/${upper?.digest.slice(7)}`)).toBe(true)
    const done = told.events.flatMap((event) =>
      event.type === 'layer-done' || event.type === 'layer-waits' ? [event] : [],
    )
    expect(done).toEqual([
      { type: 'layer-done', layer: lower?.diffId ?? '', status: 'Already exists', bytesDone: lower?.size ?? 0 },
      { type: 'layer-waits', layer: upper?.diffId ?? '', status: 'Sent', bytesDone: upper?.size ?? 0 },
    ])
  })

  test('ends only when it may', async () => {
    const { source, reader } = await onNode(twoLayers())
    const may = Promise.withResolvers<void>()
    let size = 0
    const form = { plain: false, end: () => may.promise }
    const sent = (async () => {
      for await (const part of loadArchive(wholeStep(source, new Set()), form, reader, () => {})) size += part.length
    })()
    expect(await Promise.race([sent, Bun.sleep(100)])).toBeUndefined()
    const before = size
    may.resolve()
    await sent
    expect(size - before).toBe(1024)
  })

  test('is cut where a layer is wrong, also where that is seen only when it is unpacked', async () => {
    const { source, reader } = await onNode(twoLayers())
    const step = wholeStep(source, new Set())
    const lying = { ...step, layers: step.layers.map((layer) => ({ ...layer, tarSize: layer.tarSize + 512 })) }
    await expect(archive(lying, true, reader)).rejects.toMatchObject({ code: 'INTEGRITY' })
    const failing = {
      ...reader,
      blob: () => {
        throw new DockerIpfsError('CONTENT_NOT_FOUND', 'nobody has it')
      },
    }
    await expect(archive(step, false, failing)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })
})

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}
