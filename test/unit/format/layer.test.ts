import { describe, expect, test } from 'bun:test'
import type { Block, BlockSink } from '../../../src/dag/blocks.ts'
import { writeLayer } from '../../../src/format/layer.ts'
import { FORMAT } from '../../../src/format/numbers.ts'
import type { Bytes } from '../../../src/streams.ts'
import { bulk, digest } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'
import { tarOf } from '../../support/tar.ts'

const tar = tarOf([{ path: 'big', body: bulk(5_000_000, 'big') }])

async function* inPieces(bytes: Buffer, size = 100_000): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('a layer', () => {
  test('says what its tar and its blob are', async () => {
    const sink = new MemorySink()
    const layer = await writeLayer(inPieces(tar), sink)
    const blob = sink.read(layer.blob.cid)
    expect(layer).toMatchObject({ diffId: digest(tar), tarSize: tar.length, blobDigest: digest(blob) })
    expect(layer.blob.fileSize).toBe(blob.length)
  })

  test('puts its leaves in the order of the tar, and the node over them last', async () => {
    const order: string[] = []
    const sink = new MemorySink()
    const noting: BlockSink = {
      async put(block) {
        order.push(block.cid.toString())
        await sink.put(block)
      },
    }
    const { blob } = await writeLayer(inPieces(tar), noting)
    const links = sink.links(blob.cid).map(({ Hash }) => Hash.toString())
    expect(order).toEqual([...links, blob.cid.toString()])
  })

  test('waits for a sink that is slow, and reads no further meanwhile', async () => {
    let read = 0
    async function* endless(): Bytes {
      for (;;) {
        read += 1
        yield bulk(FORMAT.pieceSize, `${read}`)
      }
    }
    const stopped = new Error('enough')
    const full: BlockSink = {
      async put(_: Block) {
        throw stopped
      },
    }
    await expect(writeLayer(endless(), full)).rejects.toBe(stopped)
    expect(read).toBeLessThan(100)
  })

  test('ends with the error of the stream that it comes from', async () => {
    async function* broken(): Bytes {
      yield tar.subarray(0, 2_000_000)
      throw new Error('the archive is cut')
    }
    await expect(writeLayer(broken(), new MemorySink())).rejects.toThrow('the archive is cut')
  })
})
