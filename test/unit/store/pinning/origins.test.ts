import { expect, test } from 'bun:test'
import { peersOf, plainAddresses } from '../../../../src/store/pinning/origins.ts'

const ID = '12D3KooWJQEux5YpgarjaetDzwVmobVwo5K48omSP7qeKmbqhFfA'
const at = (host: string, how = 'tcp/4001') => `/${host}/${how}/p2p/${ID}`

test('a service on the internet hears of public addresses only', () => {
  const open = [at('ip4/93.184.216.34'), at('ip6/2606:2800:220:1::1', 'udp/4001/quic-v1'), at('dns4/node.example')]
  const closed = [
    '10.0.0.1',
    '127.0.0.1',
    '172.16.0.1',
    '192.168.0.1',
    '169.254.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
  ]
  const private6 = ['::1', 'fd00::1', 'fe80::1', '::ffff:10.0.0.1']
  const all = [...closed.map((ip) => at(`ip4/${ip}`)), ...private6.map((ip) => at(`ip6/${ip}`)), ...open]
  expect(plainAddresses(all, 'https://pins.example/v1')).toEqual(open)
  expect(plainAddresses(all, 'http://127.0.0.1:9097')).toEqual(all)
  expect(plainAddresses([at('ip4/10.0.0.1')], 'http://10.0.0.7:9097')).toHaveLength(1)
})

test('what is no plain address is left out', () => {
  const odd = [
    at('ip4/1.2.3.4', 'tcp/4001/ws'),
    at('ip4/1.2.3.4', 'udp/4001/quic-v1/webtransport/certhash/u'),
    `/ip4/1.2.3.4/tcp/1/p2p/${ID}/p2p-circuit/p2p/${ID}`,
    `${at('ip4/1.2.3.4')}&arg=x`,
    17,
    null,
  ]
  expect(plainAddresses(odd, 'https://pins.example')).toEqual([])
  expect(
    plainAddresses(
      Array.from({ length: 99 }, () => at('ip4/1.2.3.4')),
      'https://pins.example',
    ),
  ).toHaveLength(20)
})

test('addresses of one node are tried together', () => {
  const other = '12D3KooWAuywAG1mtSQQD7xqxvzapftGGQGcdRqTKHXtazxkP4v9'
  const [one, two, three] = [at('ip4/1.2.3.4'), `/ip4/5.6.7.8/tcp/1/p2p/${other}`, at('ip6/2606::1')]
  expect(peersOf([one, two, three])).toEqual([
    { id: ID, addresses: [one, three] },
    { id: other, addresses: [two] },
  ])
})
