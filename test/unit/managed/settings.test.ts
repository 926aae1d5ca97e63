import { describe, expect, test } from 'bun:test'
import { isFree } from '../../../src/background/listener.ts'
import { createArguments, IMAGE, NETWORK, networkFor, newerImage } from '../../../src/managed/container-arguments.ts'
import { checkSwarmKey, freePorts, saysTaken, settingsOf, stampOf } from '../../../src/managed/settings.ts'
import { useOwnPorts } from '../../support/own-ports.ts'
import { serveRpc } from '../../support/rpc-server.ts'

useOwnPorts()

const ports = { api: 5301, gateway: 5302 }
const KEY = `/key/swarm/psk/1.0.0/\n/base16/\n${'0123456789abcdef'.repeat(4)}\n`

describe('the settings of a managed node', () => {
  test('as a process: all on loopback, nothing announced', () => {
    const settings = Object.fromEntries(settingsOf({ ports, isPublished: false }, {}))
    expect(settings).toEqual({
      Addresses: {
        API: '/ip4/127.0.0.1/tcp/5301',
        Gateway: '/ip4/127.0.0.1/tcp/5302',
        Swarm: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/udp/0/quic-v1'],
      },
      Provide: { Enabled: false },
      'Gateway.NoFetch': true,
      'Gateway.ExposeRoutingAPI': false,
      'Datastore.StorageMax': '50GB',
      Discovery: { MDNS: { Enabled: false } },
      'Swarm.DisableNatPortMap': true,
    })
  })

  test.each([
    [false, 'pinned+mfs+entities'],
    [true, 'roots'],
  ])('that announces: files and folders, where Kubo knows how; an old one: %p', (isOld, Strategy) => {
    const settings = Object.fromEntries(settingsOf({ ports, isPublished: false, isOld }, { announce: true }))
    expect(settings['Provide']).toEqual({ Enabled: true, Strategy })
  })

  test('with a private network: nothing leads to the public one', () => {
    const settings = Object.fromEntries(settingsOf({ ports, isPublished: false }, { isPrivate: true }))
    expect(settings).toMatchObject({ 'AutoConf.Enabled': false, Bootstrap: [], 'Routing.Type': 'dht' })
  })

  test('have a stamp that any change changes', () => {
    const stamp = (options: Parameters<typeof settingsOf>[1]) =>
      stampOf(settingsOf({ ports, isPublished: true }, options))
    expect(stamp({})).toBe(stamp({ storageMax: '50GB' }))
    const stamps = [{}, { storageMax: '1GB' }, { announce: true }, { swarmPort: 4001 }, { isPrivate: true }].map(stamp)
    expect(new Set(stamps).size).toBe(5)
  })
})

test.each(['', 'x', KEY.replace('base16', 'base64'), KEY.replace('0123', '012')])('%j is no swarm key', (text) => {
  expect(() => checkSwarmKey(text)).toThrow('is no swarm key')
  expect(() => checkSwarmKey(KEY)).not.toThrow()
})

test('with a swarm port other nodes may connect, and are looked for on the network at hand', () => {
  const settings = Object.fromEntries(settingsOf({ ports, isPublished: false }, { swarmPort: 4002 }))
  expect(settings).toMatchObject({
    Addresses: {
      API: '/ip4/127.0.0.1/tcp/5301',
      Swarm: ['/ip4/0.0.0.0/tcp/4002', '/ip4/0.0.0.0/udp/4002/quic-v1', '/ip6/::/tcp/4002', '/ip6/::/udp/4002/quic-v1'],
    },
    Discovery: { MDNS: { Enabled: true } },
    'Swarm.DisableNatPortMap': false,
  })
})

describe('free ports', () => {
  test('are two, and none that somebody has', async () => {
    const first = await freePorts()
    expect(first.gateway).toBeGreaterThan(first.api)
    const server = serveRpc({ id: 'x' }, first.api)
    expect(await isFree(first.api)).toBe(false)
    const second = await freePorts()
    server.close()
    expect([second.api, second.gateway]).not.toContain(first.api)
    expect(await isFree(first.api)).toBe(true)
  })
})

describe('the container', () => {
  const valuesOf = (flag: string, args: readonly string[]) =>
    args.flatMap((arg, at) => (args[at - 1] === flag ? arg : []))

  test('publishes API and gateway on 127.0.0.1 only, and the swarm where it is asked for', () => {
    const publish = ['127.0.0.1:5301:5301', '127.0.0.1:5302:5302']
    expect(valuesOf('--publish', createArguments(ports, {}, NETWORK))).toEqual(publish)
    const withSwarm = valuesOf('--publish', createArguments(ports, { swarmPort: 4001 }, NETWORK))
    expect(withSwarm).toEqual([...publish, '4001:4001/tcp', '4001:4001/udp'])
  })

  test("publishes nothing where it has the machine's network, and listens on 127.0.0.1", () => {
    const args = createArguments(ports, {}, 'host')
    expect(valuesOf('--network', args)).toEqual(['host'])
    expect(valuesOf('--publish', args)).toEqual([])
    expect(args.join('\n')).toContain('"API":"/ip4/127.0.0.1/tcp/5301"')
    expect(args.join('\n')).not.toContain('0.0.0.0')
  })

  test.each([
    ['an engine of this machine', 'here\t6.1.0\t[name=seccomp,profile=builtin name=cgroupns]', 'host'],
    ['an engine in a virtual machine', 'docker-desktop\t6.1.0\t[name=seccomp,profile=unconfined]', NETWORK],
    ['one of the same name with another kernel', 'here\t6.1.0-vm\t[]', NETWORK],
    ['an engine without root', 'here\t6.1.0\t[name=seccomp,profile=builtin name=rootless]', NETWORK],
    ['an engine with users of its own', 'here\t6.1.0\t[name=userns]', NETWORK],
    ['an engine that does not say', '\t\t[]', NETWORK],
  ] as const)('of %s is in the right network', (_, engine, network) => {
    expect(networkFor(engine, { name: 'here', kernel: '6.1.0' })).toBe(network)
  })

  test('keeps its ports and options in its label, and never a key', () => {
    const args = createArguments(ports, { storageMax: '9GB', isPrivate: true }, 'host')
    const [label = ''] = valuesOf('--label', args)
    expect(JSON.parse(label.slice('docker-ipfs.node='.length))).toEqual({
      ...ports,
      storageMax: '9GB',
      isPrivate: true,
      isClosed: true,
    })
    expect(args).toContain('LIBP2P_FORCE_PNET=1')
  })
})

test.each([
  ['ipfs/kubo:v0.42.0', true],
  ['ipfs/kubo:v0.9.1', true],
  ['ipfs/kubo:v0.100.0', false],
  [IMAGE, false],
])('a container of %s is replaced: %p', (image, isReplaced) => {
  expect(newerImage(image)).toBe(isReplaced)
})

describe('whose port it is that is taken', () => {
  const ports = { api: 5301, gateway: 5302 }

  test.each([
    'Error: serveHTTPApi: manet.Listen(/ip4/127.0.0.1/tcp/5301) failed: listen tcp4 127.0.0.1:5301: bind: address already in use',
    'Error: serveHTTPGateway: manet.Listen(/ip4/127.0.0.1/tcp/5302) failed: listen tcp4 127.0.0.1:5302: bind: address already in use',
    'driver failed programming external connectivity on endpoint x (y): Bind for 127.0.0.1:5302 failed: port is already allocated',
    'failed to bind host port for 127.0.0.1:5301:172.18.0.2:5301/tcp: address already in use',
    'failed to bind host port 127.0.0.1:5301/tcp: address already in use',
  ])('is ours: %s', (words) => {
    expect(saysTaken(`Initializing daemon...\n${words}`, ports)).toBe(true)
  })

  test.each([
    '',
    'Error: failed to listen on any addresses: [listen tcp4 0.0.0.0:4001: bind: address already in use]',
    'failed to bind host port for 0.0.0.0:53010:172.18.0.2:53010/tcp: address already in use',
    'RPC API server listening on /ip4/127.0.0.1/tcp/5301\nError: listen tcp4 0.0.0.0:4001: bind: address already in use',
    'Error: lock /x/repo.lock: someone else has the lock',
  ])('is another, or none: %j', (words) => {
    expect(saysTaken(words, ports)).toBe(false)
  })
})
