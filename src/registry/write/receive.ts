import type { Originals } from '../../catalogue/originals.ts'
import { UPLOAD_RECORD, UPLOADED_BLOB, writeLayerRecord, writeUpload } from '../../catalogue/records.ts'
import type { Block, BlockSink } from '../../dag/blocks.ts'
import type { ReceivedBlob } from '../../distribution/registry.ts'
import { Handover } from '../../distribution/upload/handover.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import { type DagNode, writeDirectory, writeFile } from '../../format/files.ts'
import { type Layer, writeLayer } from '../../format/layer.ts'
import { hexOf } from '../../image/canonical.ts'
import { HEAD_BYTES, isTar, packingOf, peek, unpack } from '../../image/decompress.ts'
import type { BlockStore } from '../../store/blocks.ts'
import type { Pins } from '../../store/pins.ts'
import { abortable, type Bytes, lean } from '../../streams.ts'
import { RawFile } from './raw-file.ts'

export interface ReceiveOptions {
  readonly blocks: Pick<BlockStore, 'openImport'>
  readonly pins: Pick<Pins, 'unpin'>
  readonly originals: Pick<Originals, 'addUpload'>
}

/**
 * Takes a blob. The request to the node stays open until the blob's digest is known: what the client has broken off, or got wrong, is then GC's.
 * @throws NODE_*; what `bytes` throws
 */
export async function receive(
  bytes: Bytes,
  { blocks, pins, originals }: ReceiveOptions,
  signal: AbortSignal,
): Promise<ReceivedBlob> {
  const session = blocks.openImport(signal)
  try {
    // Who waits for bytes must hear it when the node has gone.
    const blob = await writeBlob(abortable(bytes, session.over), session, session.over)
    const folder = await writeUploadFolder(blob, Date.now(), session)
    return {
      async keep(digest) {
        // Pinned by the request that brings it, so that GC cannot take it before it is linked.
        await session.finish(folder.cid)
        await originals.addUpload(digest, folder.cid, signal)
        await pins.unpin(folder.cid, signal)
      },
      forget: () => session.abort(new DockerIpfsError('CANCELLED', 'the blob is not wanted')),
    }
  } catch (error) {
    await session.abort(error)
    throw error
  }
}

/** A blob whose blocks have been written. */
export interface WrittenBlob {
  readonly file: DagNode
  /** What was made of it; undefined where it is no layer. */
  readonly layer: Layer | undefined
}

/**
 * Writes a blob while it streams by: as it is, and where it is a tar, packed or not, as a layer too. One pass does: what a push costs is then paid
 * when its manifest comes.
 * @throws what `bytes` and `sink` throw
 */
export async function writeBlob(bytes: Bytes, sink: BlockSink, signal: AbortSignal): Promise<WrittenBlob> {
  const { head, all } = await peek(bytes, HEAD_BYTES)
  // Media types lie.
  const packing = packingOf(head)
  const isPacked = packing === 'gzip' || packing === 'zstd'
  const raw = new RawFile(sink, packing === 'zstd')
  if (!isPacked && !isTar(head)) {
    for await (const piece of lean(all)) await raw.write(piece)
    return { file: await raw.finish(), layer: undefined }
  }
  const copy = new Handover()
  const unpacked = isPacked ? unpack(copy, packing) : copy
  const making = makeLayer(unpacked, watched(sink, raw)).finally(() => {
    raw.layerEnded()
    copy.drop()
  })
  // It is waited for at the end.
  making.catch(() => undefined)
  try {
    for await (const piece of lean(all)) {
      await raw.write(piece)
      await copy.put(piece, signal)
    }
    copy.end()
    const layer = await making
    return { file: await raw.finish(), layer }
  } catch (error) {
    copy.fail(error)
    await making.catch(() => undefined)
    throw error
  }
}

/** Undefined for what is no tar inside, or cannot be unpacked: it is kept as it is. */
async function makeLayer(unpacked: Bytes, sink: BlockSink): Promise<Layer | undefined> {
  try {
    const { head, all } = await peek(unpacked, HEAD_BYTES)
    if (!isTar(head)) return undefined
    return await writeLayer(all, sink)
  } catch (error) {
    if (hasCode(error, 'ARCHIVE_INVALID')) return undefined
    throw error
  }
}

function watched(sink: BlockSink, raw: RawFile): BlockSink {
  return {
    async put(block: Block) {
      raw.same(block)
      await sink.put(block)
    },
  }
}

/** The folder that keeps a blob until a manifest names it: what docs of `Originals` say of originals/uploads/. */
async function writeUploadFolder({ file, layer }: WrittenBlob, at: number, sink: BlockSink): Promise<DagNode> {
  const entries = new Map([
    [UPLOADED_BLOB, file],
    [UPLOAD_RECORD, await writeFile(writeUpload({ at }), sink)],
  ])
  if (layer !== undefined) {
    entries.set('layer.json', await writeFile(writeLayerRecord(layer), sink))
    entries.set(hexOf(layer.blobDigest), layer.blob)
  }
  return writeDirectory(entries, sink)
}
