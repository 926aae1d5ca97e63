import { base32upper } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import { DockerIpfsError } from '../errors.ts'

export type { CID }

/** The codec of a block of nothing but bytes. Source: https://github.com/multiformats/multicodec/blob/master/table.csv */
export const RAW = 0x55

/**
 * Reads a CID as users write it.
 * @throws REFERENCE_INVALID
 */
export function parseCid(text: string): CID {
  try {
    return CID.parse(text)
  } catch (cause) {
    throw new DockerIpfsError('REFERENCE_INVALID', `"${text}" is not a CID`, {
      cause,
      hint: 'Give what "docker ipfs save" printed: a CID, ipfs://CID or /ipfs/CID.',
    })
  }
}

/** The same block, taken for nothing but bytes. */
export function rawCid(cid: CID): CID {
  return CID.createV1(RAW, cid.multihash)
}

/** The multihash in base32 (RFC 4648) without padding: what the block is called whatever codec it has. */
export function hashText(cid: CID): string {
  return base32upper.baseEncode(cid.multihash.bytes)
}
