import { DockerIpfsError, hasCode } from '../errors.ts'
import { type Bytes, leaveOpen } from '../streams.ts'
import type { ArchiveEntry } from './archive.ts'
import { blobPath, hexOf } from './canonical.ts'
import { type Packing, unpack } from './decompress.ts'

/*
 * A layer that begins as gzip and zstd files do is unpacked while it streams by. It may be a plain one all the same: a layer is
 * any bytes of its diffID, and the config, which says that, may come last in the archive. Such a layer is then read once more.
 * A tar is told from its first header already (`packingOf`), so that this is for layers that are no tar.
 */

/** A layer that was unpacked since it looks packed. */
export interface Unpacked<L> {
  readonly packing: Packing
  /** What was made of it; undefined where it cannot be unpacked. */
  readonly layer: L | undefined
  readonly failure: DockerIpfsError | undefined
}

/** Gives the unpacked bytes to `onLayer`. What cannot be unpacked is read past: the archive goes on behind it. */
export async function unpackLayer<L>(
  body: Bytes,
  packing: Packing,
  onLayer: (tar: Bytes) => Promise<L>,
): Promise<Unpacked<L>> {
  try {
    return { packing, layer: await onLayer(unpack(leaveOpen(body), packing)), failure: undefined }
  } catch (failure) {
    // An archive that is cut has this code too, and says it again when it is asked for its next file.
    if (!hasCode(failure, 'ARCHIVE_INVALID')) throw failure
    for await (const _ of body);
    return { packing, layer: undefined, failure }
  }
}

/** Where a layer is looked for once more. */
export interface PlainLayer {
  readonly path: string
  readonly packing: Packing
  /** What the config says that it is. */
  readonly diffId: string
  /** The files of the archive from the first on; undefined where they can be read only once. */
  readonly again: (() => AsyncIterable<ArchiveEntry>) | undefined
}

/**
 * The layer as it lies in the archive; undefined where it cannot be that: a blob of another digest.
 * @throws ARCHIVE_INVALID when it is that layer, and the archive can be read only once
 */
export async function readPlain<L extends { readonly diffId: string }>(
  { path, packing, diffId, again }: PlainLayer,
  onLayer: (tar: Bytes, path: string, size: number | undefined) => Promise<L>,
): Promise<L | undefined> {
  const isNamed = [blobPath(diffId), `${hexOf(diffId)}.tar`].includes(path)
  if (!isNamed && path.startsWith('blobs/')) return undefined
  if (again === undefined) {
    if (isNamed) throw readOnlyOnce(path, packing)
    return undefined
  }
  for await (const entry of again()) {
    if (entry.path !== path) continue
    const layer = await onLayer(entry.body, path, entry.size)
    return layer.diffId === diffId ? layer : undefined
  }
  return undefined
}

function readOnlyOnce(path: string, packing: Packing): DockerIpfsError {
  return new DockerIpfsError('ARCHIVE_INVALID', `the layer ${path} begins like ${packing}, but is stored as it is`, {
    hint: 'It is seen at the end of the archive only, and a pipe is read once: write the archive into a file, and save that.',
  })
}
