import { expect, test } from 'bun:test'
import { parse, withSecret, withSettings } from '../../../src/managed/config-file.ts'

const ENTRY = { AuthSecret: 'basic:docker-ipfs:x', AllowedPaths: ['/api/v0'] }

test('settings go into a config by their keys, and what is beside them stays', () => {
  const config = { Identity: { PeerID: 'p' }, Gateway: { NoDNSLink: true, NoFetch: false } }
  const settings = [
    ['Gateway.NoFetch', true],
    ['Datastore.StorageMax', '1GB'],
  ] as const
  expect(withSettings(config, settings) as unknown).toEqual({
    Identity: { PeerID: 'p' },
    Gateway: { NoDNSLink: true, NoFetch: true },
    Datastore: { StorageMax: '1GB' },
  })
  expect(config.Gateway.NoFetch).toBe(false)
})

test('a secret goes in beside those of others', () => {
  const others = { me: { AuthSecret: 'bearer:y', AllowedPaths: ['/api/v0/id'] } }
  expect(withSecret({ API: { Authorizations: others } }, ENTRY.AuthSecret)).toEqual({
    API: { Authorizations: { ...others, 'docker-ipfs': ENTRY } },
  })
  expect(withSecret({}, ENTRY.AuthSecret)).toEqual({ API: { Authorizations: { 'docker-ipfs': ENTRY } } })
})

test.each([{ ...ENTRY, AuthSecret: 'basic:docker-ipfs:z' }, { ...ENTRY, AllowedPaths: [] }, 'x', null])(
  'a secret takes the place of %p',
  (entry) => {
    const config = { API: { Authorizations: { 'docker-ipfs': entry } } }
    expect(withSecret(config, ENTRY.AuthSecret)).toEqual({ API: { Authorizations: { 'docker-ipfs': ENTRY } } })
  },
)

test('a config that has the secret is left as it is', () => {
  const config = { API: { Authorizations: { 'docker-ipfs': ENTRY } } }
  expect(withSecret(config, ENTRY.AuthSecret)).toBe(config)
})

test('what is no JSON object says nothing', () => {
  expect([parse('x'), parse('[]'), parse('{"a":1}')]).toEqual([undefined, undefined, { a: 1 }])
})
