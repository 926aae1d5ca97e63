import { expect, test } from 'bun:test'
import { findGateways } from '../../../../src/store/gateway/address.ts'

test.each([
  ['https://ipfs.io', 'https://ipfs.io'],
  ['https://ipfs.io/ipfs/', 'https://ipfs.io'],
  ['http://127.0.0.1:8080/', 'http://127.0.0.1:8080'],
  ['https://host/behind/a/proxy/', 'https://host/behind/a/proxy'],
])('the gateway %p is at %p', (text, url) => {
  expect(findGateways([text])).toEqual([url])
})

test('gateways that are set are there when none is given', () => {
  const setting = { text: ' https://a,https://b  https://a/', source: 'DOCKER_IPFS_GATEWAYS' }
  expect(findGateways([], setting)).toEqual(['https://a', 'https://b'])
  expect(findGateways(['http://c'], setting)).toEqual(['http://c'])
  expect(findGateways([])).toEqual([])
})

test.each(['ipfs.io', 'file:///x', 'http://', 'https://a?b', 'https://u:secret@a', 'https://secret@a', 'u:secret@a'])(
  'the gateway %p is refused, with no password in the words',
  (text) => {
    expect(() => findGateways([text])).toThrow(/gateway/)
    expect(() => findGateways([text])).not.toThrow(/secret/)
  },
)
