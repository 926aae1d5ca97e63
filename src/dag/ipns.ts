import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { decode } from 'multiformats/hashes/digest'

const LIBP2P_KEY = 0x72

/**
 * An IPNS name in its one usual form, `k51…`: CIDv1, libp2p-key, base36. Undefined for what is none. It may be written as a CID
 * in base32 or base36, or as a peer ID (`12D3Koo…`, `Qm…`). Source: https://specs.ipfs.tech/ipns/ipns-record/
 */
export function readIpnsName(text: string): string | undefined {
  try {
    const multihash = /^(?:Qm|1)/.test(text) ? decode(base58btc.baseDecode(text)) : keyOf(text).multihash
    return CID.createV1(LIBP2P_KEY, multihash).toString(base36)
  } catch {
    return undefined
  }
}

function keyOf(text: string): CID {
  const cid = text.startsWith('k') ? CID.parse(text, base36) : CID.parse(text)
  if (cid.code !== LIBP2P_KEY) throw new Error('a CID, but of no key')
  return cid
}
