import { describe, expect, test } from 'bun:test'
import { parsePluginArgv } from '../../../src/cli/plugin.ts'

const split = (line: string) => line.split(' ').filter((word) => word !== '')

describe('docker hands over its own command line', () => {
  test('what follows the plugin name is ours, flags included', () => {
    expect(parsePluginArgv(split('ipfs save --quiet -H busybox'))).toEqual({
      dockerGlobals: [],
      debug: false,
      args: ['save', '--quiet', '-H', 'busybox'],
      mode: 'run',
    })
  })

  test.each([
    ['-H unix:///x', '--host unix:///x'],
    ['-Hunix:///x', '--host unix:///x'],
    ['-H=unix:///x', '--host unix:///x'],
    ['--host unix:///x', '--host unix:///x'],
    ['--host=unix:///x', '--host unix:///x'],
    ['-c other', '--context other'],
    ['--context=other', '--context other'],
    ['--config /d', '--config /d'],
    ['--config=/d', '--config /d'],
    ['-l debug', '--log-level debug'],
    ['--log-level=debug', '--log-level debug'],
    ['-D', '--debug'],
    ['--debug=false', '--debug=false'],
    ['--tls', '--tls'],
    ['--tls=false', '--tls=false'],
    ['--tlsverify', '--tlsverify'],
    ['--tlscacert ca --tlscert=cert --tlskey key', '--tlscacert ca --tlscert cert --tlskey key'],
    ['-DHx', '--debug --host x'],
    ['-DH x', '--debug --host x'],
    ['-H a=b', '--host a=b'],
    ['-H x --tls=false -D', '--host x --tls=false --debug'],
  ])('the global flags %s become %s', (given, normal) => {
    const parsed = parsePluginArgv([...split(given), 'ipfs', 'save', 'x'])
    expect(parsed.dockerGlobals).toEqual(split(normal))
    expect(parsed.args).toEqual(['save', 'x'])
  })

  test('a value that looks like the plugin name is a value', () => {
    expect(parsePluginArgv(split('--context ipfs ipfs save x'))).toMatchObject({
      dockerGlobals: ['--context', 'ipfs'],
      args: ['save', 'x'],
    })
  })

  test('an empty value stays a value', () => {
    expect(parsePluginArgv(['--context', '', 'ipfs', 'save']).dockerGlobals).toEqual(['--context', ''])
    expect(parsePluginArgv(['--context=', 'ipfs', 'save']).dockerGlobals).toEqual(['--context', ''])
  })

  test('global flags right after the plugin name count too', () => {
    expect(parsePluginArgv(split('-H x ipfs -D save y'))).toMatchObject({
      dockerGlobals: ['--host', 'x', '--debug'],
      debug: true,
      args: ['save', 'y'],
    })
  })

  test.each([
    ['-D ipfs', true],
    ['--debug ipfs', true],
    ['--debug=true ipfs', true],
    ['--debug=false ipfs', false],
    ['-D=0 ipfs', false],
    ['-D --debug=false ipfs', false],
    ['ipfs save -D', false],
  ])('%s: debug is %p', (line, debug) => {
    expect(parsePluginArgv(split(line)).debug).toBe(debug)
  })
})

describe('help', () => {
  test.each([
    ['help ipfs', []],
    ['help ipfs save', ['save']],
    ['-D help ipfs save', ['save']],
    ['ipfs --help', []],
    ['--help ipfs', []],
    ['ipfs -h', []],
    ['ipfs help', []],
    ['ipfs help save', ['save']],
    ['ipfs --help save', ['save']],
    ['help save', ['save']],
    ['--help', []],
  ])('%s asks for help on %j', (line, args) => {
    expect(parsePluginArgv(split(line))).toMatchObject({ mode: 'help', args })
  })

  test('after the command, help is for the command to find', () => {
    expect(parsePluginArgv(split('ipfs save --help'))).toMatchObject({ mode: 'run', args: ['save', '--help'] })
  })
})

describe('without docker in front', () => {
  test('the first word is the command', () => {
    expect(parsePluginArgv(split('save x'))).toMatchObject({ mode: 'run', dockerGlobals: [], args: ['save', 'x'] })
    expect(parsePluginArgv(split('-H y save x'))).toMatchObject({ dockerGlobals: ['--host', 'y'], args: ['save', 'x'] })
  })

  test('nothing at all is no command', () => {
    expect(parsePluginArgv([])).toEqual({ dockerGlobals: [], debug: false, args: [], mode: 'run' })
  })

  test('a flag that is not docker’s is left for the program to refuse', () => {
    expect(parsePluginArgv(split('--nope save')).args).toEqual(['--nope', 'save'])
    expect(parsePluginArgv(split('-Dz save')).args).toEqual(['-Dz', 'save'])
  })

  test.each([
    ['--host', 'flag needs an argument: --host'],
    ['-DH', "flag needs an argument: 'H' in -DH"],
  ])('%s without its value is a bad flag', (line, message) => {
    expect(() => parsePluginArgv([line])).toThrow(message)
  })
})

test('completion: the words typed, the last one unfinished', () => {
  expect(parsePluginArgv(['__complete', 'ipfs', 'save', ''])).toMatchObject({ mode: 'complete', args: ['save', ''] })
})
