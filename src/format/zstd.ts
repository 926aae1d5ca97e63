import { FORMAT } from './numbers.ts'

/**
 * FROZEN (see numbers.ts). One chunk as one zstd frame (RFC 8878): content size in the header, no checksum, no dictionary. The bytes must be those of
 * zstd 1.5.7 everywhere, since they decide the CID; test/vectors holds them, and fails where Bun brings another libzstd that gives others.
 */
export async function compressFrame(chunk: Uint8Array, level: number = FORMAT.zstdLevel): Promise<Uint8Array> {
  return Bun.zstdCompress(chunk, { level })
}
