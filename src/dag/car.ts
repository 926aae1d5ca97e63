import { CarBlockIterator, CarBufferWriter } from '@ipld/car'
import { varint } from 'multiformats'
import type { Bytes } from '../streams.ts'
import { type Block, isLeaf, rawBlock } from './blocks.ts'
import { type CID, parseCid } from './cid.ts'

/**
 * CARv1 in pieces, so that a stream of blocks needs no buffer of its own. Source: https://ipld.io/specs/transport/car/carv1/
 */

/** The header that names the roots; it may name none. */
export function carHeader(roots: CID[]): Uint8Array {
  return CarBufferWriter.createWriter(new ArrayBuffer(1024 + 64 * roots.length), { roots }).close({ resize: true })
}

/** The blocks of a CAR that streams by, as they are: nobody has held them against their CIDs. */
export async function* carBlocks(bytes: Bytes): AsyncGenerator<Block> {
  yield* await CarBlockIterator.fromIterable(bytes)
}

/** One section: length of what follows as a varint, CID, block. */
export function carSection({ cid, bytes }: Block): Uint8Array[] {
  const length = cid.bytes.length + bytes.length
  return [varint.encodeTo(length, new Uint8Array(varint.encodingLength(length))), cid.bytes, bytes]
}

/**
 * The first block of a CAR that holds only what another image lacks: it says which. Nothing links to it, so that IPFS tools take it
 * in and forget it.
 */
export function deltaMark(since: CID): Block {
  return rawBlock(Buffer.from(JSON.stringify({ 'docker-ipfs-delta': 1, since: since.toString() })))
}

/** The image that a CAR with this first block is to be added to; undefined for any other block. */
export function deltaBase({ cid, bytes }: Block): CID | undefined {
  if (!isLeaf(cid) || bytes.length > 500) return undefined
  const text = /^\{"docker-ipfs-delta":1,"since":"([a-z2-7]+)"\}$/i.exec(Buffer.from(bytes).toString('latin1'))?.[1]
  try {
    return text === undefined ? undefined : parseCid(text)
  } catch {
    return undefined
  }
}
