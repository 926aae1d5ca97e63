import { describe, expect, test } from 'bun:test'
import { DOOR_FLAGS, doorOptions, START_FLAGS } from '../../../src/cli/commands/registry/flags.ts'
import { registryRun } from '../../../src/cli/commands/registry/run.ts'
import { parse } from '../../../src/cli/parse.ts'
import { checkOptions } from '../../../src/door/check-options.ts'
import { HANDS_OVER, withHanded } from '../../../src/door/handed.ts'
import { addressOf, argumentsOf, isMeant, settingsOf, withoutSecrets } from '../../../src/door/options.ts'

const OF = { usage: 'docker ipfs registry start [OPTIONS]', path: 'docker ipfs registry start' }

function optionsOf(...argv: string[]) {
  const read = parse({ name: 'registry start', usage: OF.usage, arity: [0, 0], options: START_FLAGS }, argv)
  if (read === 'help') throw new Error('help')
  return doorOptions(read.flags, OF)
}

describe('options of a front door', () => {
  test('go to its process as they were given, but for addresses', () => {
    const given = optionsOf(
      ...[
        '--api',
        'http://n:5001',
        '--gateway',
        'http://a',
        '--gateway',
        'http://b',
        '--no-pin',
        '--open',
        '--read-only',
      ],
      ...[
        '--port=5399',
        '--timeout',
        '90s',
        '--token-file',
        '/t',
        '--tls-cert',
        '/c',
        '--tls-key',
        '/k',
        '--host',
        '::',
      ],
    )
    const again = optionsOf(...argumentsOf(given))
    const { api: _, gateways: __, ...others } = given
    expect(again).toEqual(others)
    expect(settingsOf(given)).toEqual({ DOCKER_IPFS_API: 'http://n:5001', DOCKER_IPFS_GATEWAYS: 'http://a http://b' })
    expect(argumentsOf({})).toEqual([])
    expect(optionsOf()).toEqual({})
  })

  test('are flags of the one in the foreground too', () => {
    const names = registryRun.options.map(({ name }) => name)
    expect(Object.values(DOOR_FLAGS).filter(({ name }) => !names.includes(name))).toEqual([])
  })

  test.each([
    [['--port', 'x'], '--port is a port, 0 to 65535, not "x"'],
    [['--port', '65536'], '--port is a port, 0 to 65535, not "65536"'],
    [['--port', '-1'], '--port is a port, 0 to 65535, not "-1"'],
    [['--host', ''], '--host is an address, not empty'],
    [['--tls-cert', 'c'], '--tls-cert and --tls-key need each other'],
    [['--tls-key', 'c'], '--tls-cert and --tls-key need each other'],
  ])('%p are refused', (argv, first) => {
    expect(() => optionsOf(...argv)).toThrow(first)
  })

  test.each(['0.0.0.0', '::', '192.168.1.2', 'example.org', '128.0.0.1'])(
    'let nobody in at %s without token and TLS',
    (host) => {
      for (const some of [{}, { tokenFile: '/t' }, { tlsCert: '/c', tlsKey: '/k' }]) {
        expect(() => checkOptions({ host, ...some })).toThrow(`--host ${host} lets in other machines`)
      }
      expect(() => checkOptions({ host, tokenFile: '/t', tlsCert: '/c', tlsKey: '/k' })).not.toThrow()
    },
  )

  test.each(['127.0.0.1', '127.0.0.2', 'localhost', '::1'])('need neither at %s', (host) => {
    expect(() => checkOptions({ host })).not.toThrow()
  })

  test('are those of one that runs, where they say the same', () => {
    const running = { port: 5300, isOpen: true, api: 'http://n:5001' }
    for (const same of [{ isOpen: true }, { isOpen: true, host: '127.0.0.1' }, { port: 0, isOpen: true }, running]) {
      expect(isMeant(same, running)).toBe(true)
    }
    for (const other of [
      {},
      { isOpen: true, port: 5301 },
      { isOpen: true, api: 'http://m' },
      { isOpen: true, noPin: true },
    ]) {
      expect(isMeant(other, running)).toBe(false)
    }
  })

  test('have no password where they are written down', () => {
    const options = { port: 1, api: 'http://me:x@n:5001', gateways: ['http://a', 'http://u:p@b'] }
    expect(withoutSecrets(options)).toEqual({ port: 1 })
    expect(withoutSecrets({ api: 'http://n', gateways: ['http://a'] })).toEqual({
      api: 'http://n',
      gateways: ['http://a'],
    })
  })

  test('say where clients of this machine find it', () => {
    expect(addressOf({ host: '0.0.0.0', port: 1 })).toBe('127.0.0.1:1')
    expect(addressOf({ host: '::', port: 1 })).toBe('127.0.0.1:1')
    expect(addressOf({ host: '::1', port: 1 })).toBe('[::1]:1')
    expect(addressOf({ host: 'example.org', port: 1 })).toBe('example.org:1')
  })
})

describe('what is handed over', () => {
  test('takes the place of what the environment says, and only where it says so', () => {
    const read = () => '{"DOCKER_IPFS_API":"a","X":1}'
    const env = { PATH: '/bin', DOCKER_IPFS_API: 'b' }
    expect(withHanded(env, read)).toBe(env)
    expect(withHanded({ ...env, ...HANDS_OVER }, read)).toEqual({ PATH: '/bin', DOCKER_IPFS_API: 'a' })
  })

  test('may be nothing', () => {
    for (const text of ['', 'x', '[]']) expect(withHanded({ A: 'b', ...HANDS_OVER }, () => text)).toEqual({ A: 'b' })
  })
})
