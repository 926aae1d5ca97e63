import type { FileRef } from '../dag/block-source.ts'
import type { CID } from '../dag/cid.ts'
import { hexOf } from '../image/canonical.ts'

/** The folder of blobs below the root of an image (docs/format.md). */
export const BLOBS: readonly string[] = ['blobs', 'sha256']

/** Where a blob stands. */
export function blobFile(root: CID, digest: string): FileRef {
  return { root, path: [...BLOBS, hexOf(digest)], digest }
}
