import { expect, test } from 'bun:test'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { readIpnsName } from '../../../src/dag/ipns.ts'
import { GOLDEN_ROOTS } from '../../support/images.ts'

const NAME = 'k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8'
const cid = CID.parse(NAME, base36)

test.each([
  ['a CID in base36', NAME],
  ['a CID in base32', cid.toString()],
  ['a peer ID', base58btc.baseEncode(cid.multihash.bytes)],
])('a name has one form, also where it is written as %s', (_, text) => {
  expect(readIpnsName(text)).toBe(NAME)
})

test.each(['', 'example.com', 'k51', GOLDEN_ROOTS.tiny, '1', 'Qm'])('%p is no name of a key', (text) => {
  expect(readIpnsName(text)).toBeUndefined()
})
