import { CarBufferWriter } from '@ipld/car'
import { varint } from 'multiformats'
import type { CID } from 'multiformats/cid'
import type { Block } from './blocks.ts'

/**
 * CARv1 in pieces, so that a stream of blocks needs no buffer of its own. Source: https://ipld.io/specs/transport/car/carv1/
 */

/** The header that names the roots; it may name none. */
export function carHeader(roots: CID[]): Uint8Array {
  return CarBufferWriter.createWriter(new ArrayBuffer(1024 + 64 * roots.length), { roots }).close({ resize: true })
}

/** One section: length of what follows as a varint, CID, block. */
export function carSection({ cid, bytes }: Block): Uint8Array[] {
  const length = cid.bytes.length + bytes.length
  return [varint.encodeTo(length, new Uint8Array(varint.encodingLength(length))), cid.bytes, bytes]
}
