import { expect, test } from 'bun:test'
import { parseReference } from '../../../src/names/reference.ts'

const CID = 'bafybeifb3g6rmyhrlk5ynajbkgkwkxcvvb2zzhkgkz5c6pmhbqwgvbsmwi'
const PEER = '12D3KooWGjC5C5ZUQYzXbqM3Zmae7qoJLRy4fUfz9JcbzMfRoz73'
/** The same, in base36 and base32. */
const KEY = 'k51qzi5uqu5diqpz50v3y8f6lfstu4xyba204i45kq7cnjckc56ofjsk6cc502'
const KEY32 = 'bafzaajaiaejcazvopu4upx5bbmdjxor65bca5dnrny7hrk5n2l7476kz7p2qoscs'

function read(text: string) {
  const reference = parseReference(text)
  return reference.kind === 'cid' ? { ...reference, cid: reference.cid.toString() } : reference
}

test.each([
  [CID, ''],
  [`ipfs://${CID}`, ''],
  [`/ipfs/${CID}/`, ''],
  [`/ipfs/${CID}/nginx:1.27`, 'nginx:1.27'],
  [`ipfs://${CID}/images/docker.io/library/nginx:1.27`, 'docker.io/library/nginx:1.27'],
  [`http://127.0.0.1:8080/ipfs/${CID}/image.tar`, ''],
  [`https://gateway.example/ipfs/${CID}?format=car#x`, ''],
  [`http://${CID}.ipfs.localhost:8080/images/localhost%3A5000/app%3A1/`, 'localhost:5000/app:1'],
])('%s is a CID with the path "%s"', (text, path) => {
  expect(read(text)).toEqual({ kind: 'cid', cid: CID, path })
})

test.each([
  [`ipns://${KEY}`, KEY, ''],
  [`/ipns/${KEY}/nginx:1.27`, KEY, 'nginx:1.27'],
  [`ipns://${PEER}/nginx`, KEY, 'nginx'],
  [`ipns://${KEY32}/nginx`, KEY, 'nginx'],
  ['/ipns/Example.org/nginx', 'example.org', 'nginx'],
  ['ipns://my-site.example.org', 'my-site.example.org', ''],
  [`https://gateway.example/ipns/${KEY}/images/docker.io/library/nginx:1.27/`, KEY, 'docker.io/library/nginx:1.27'],
  [`http://${KEY}.ipns.localhost:8080/nginx:1`, KEY, 'nginx:1'],
  ['https://my--site-example-org.ipns.gateway.example/nginx', 'my-site.example.org', 'nginx'],
])('%s is the IPNS name %s with the path "%s"', (text, name, path) => {
  expect(read(text)).toEqual({ kind: 'ipns', name, path })
})

test.each([
  ['app:1', 'docker.io/library/app:1'],
  ['example.org/nginx', 'example.org/nginx:latest'],
  ['ipns/app', 'docker.io/ipns/app:latest'],
])('%s is the name %s', (text, name) => {
  expect(read(text)).toEqual({ kind: 'name', name })
})

test.each([
  '',
  'ipns://',
  'ipns://key',
  '/ipns/../x',
  `/ipns/${CID}/nginx`,
  'ipns://a_b',
  'ipfs://nginx',
  'https://hub.docker.com/r/library/nginx',
  `http://127.0.0.1:8080/ipfs/${CID}/%zz`,
  'http://',
  `${CID}/nginx`,
  'Nonsense!',
])('"%s" is no reference', (text) => {
  expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }))
})
