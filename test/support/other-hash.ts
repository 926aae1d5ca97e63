import { createHash } from 'node:crypto'
import { code as DAG_PB } from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'

/** Multihash codes of hashes that a node may be told to use for folders of its own. */
export const OTHER_HASHES = { 'sha2-512': 0x13, 'sha3-256': 0x16, blake3: 0x1e, 'blake2b-256': 0xb220 } as const

/** The CID of a DAG node with another hash than images have. Nobody here makes that hash, so its digest is made up. */
export function otherHash(bytes: Uint8Array | string, code: number = OTHER_HASHES.blake3): CID {
  return CID.createV1(DAG_PB, create(code, createHash('sha256').update('other').update(bytes).digest()))
}
