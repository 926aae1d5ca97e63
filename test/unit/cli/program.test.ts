import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import metadata from '../../../plugin-metadata.json' with { type: 'json' }

const MAIN = join(import.meta.dir, '../../../src/main.ts')

function start(line: string, env: Readonly<Record<string, string>> = {}) {
  const args = line === '' ? [] : line.split(' ')
  const run = Bun.spawnSync([process.execPath, MAIN, ...args], { env: { ...process.env, ...env }, stdin: 'ignore' })
  return { exitCode: run.exitCode, stdout: run.stdout.toString(), stderr: run.stderr.toString() }
}

test('the handshake is one JSON object and nothing else', () => {
  const { exitCode, stdout, stderr } = start('docker-cli-plugin-metadata')
  expect(JSON.parse(stdout)).toEqual(metadata)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
})

test.each(['', 'ipfs', 'ipfs --help', 'help ipfs', '--help'])('"%s" prints the commands', (line) => {
  const { exitCode, stdout, stderr } = start(line)
  expect(stdout).toStartWith('Usage:  docker ipfs COMMAND\n')
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
})

test.each(['ipfs save --help', 'help ipfs save', 'ipfs help save', 'save -h', 'ipfs save x --help'])(
  '"%s" prints the help of save',
  (line) => {
    const { exitCode, stdout } = start(line)
    expect(stdout).toStartWith('Usage:  docker ipfs save [OPTIONS] IMAGE [IMAGE...]\n')
    expect(exitCode).toBe(0)
  },
)

test.each([
  ['images', 'Usage:  docker ipfs ls '],
  ['rmi', 'Usage:  docker ipfs rm '],
])('"%s" is what docker calls it elsewhere', (alias, usage) => {
  expect(start(`ipfs ${alias} --help`)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(usage) })
})

test('version is that of the metadata, and needs neither engine nor node', () => {
  for (const line of ['ipfs version', 'ipfs --version', 'version']) {
    expect(start(line, { PATH: '/nowhere' }).stdout).toBe(`docker-ipfs version ${metadata.Version}\n`)
  }
})

describe('mistakes', () => {
  test.each([
    ['foo', '"docker ipfs --help" shows the commands.'],
    ['svae', 'Did you mean "docker ipfs save"?'],
    ['publis', 'Did you mean "docker ipfs publish" or "docker ipfs published"?'],
    ['node lgos', 'Did you mean "docker ipfs node logs"?'],
    ['node frobnicate', '"docker ipfs node --help" shows the commands.'],
    ['x', '"docker ipfs --help" shows the commands.'],
  ])('the unknown command "%s" is told on stderr alone, with what may be meant: %s', (typed, hint) => {
    expect(start(`ipfs ${typed}`)).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: `ERROR: unknown command: "${typed}"\n${hint}\n`,
    })
  })

  test.each([
    ['ipfs save', 1, "docker: 'docker ipfs save' requires at least 1 argument\n\nUsage:  docker ipfs save"],
    ['ipfs load a b', 1, "docker: 'docker ipfs load' requires at most 1 argument\n"],
    ['ipfs load', 1, "docker: 'docker ipfs load' requires 1 argument\n"],
    ['ipfs save -i', 125, 'flag needs an argument: --input\n'],
    ['ipfs save --nope x', 125, 'unknown flag: --nope\n'],
    ['ipfs --nope', 125, 'unknown flag: --nope\n\nUsage:  docker ipfs COMMAND\n'],
    ['ipfs -z', 125, "unknown shorthand flag: 'z' in -z\n"],
    ['--host', 125, 'flag needs an argument: --host\n'],
  ])('%s', (line, exitCode, text) => {
    const run = start(line)
    expect(run).toMatchObject({ exitCode, stdout: '' })
    expect(run.stderr).toStartWith(text)
  })
})

describe('completion', () => {
  const NAMES = [
    'copies',
    'diff',
    'doctor',
    'du',
    'history',
    'inspect',
    'keep',
    'key',
    'load',
    'ls',
    'mirror',
    'node',
    'prune',
    'publish',
    'published',
    'pull',
    'push',
    'registry',
    'remote',
    'resolve',
    'rm',
    'run',
    'save',
    'tag',
    'verify',
    'version',
  ]

  test('offers the commands, with descriptions', () => {
    const lines = start('__complete ipfs s').stdout.trimEnd().split('\n')
    expect(lines).toEqual([expect.stringMatching(/^save\t\S/), ':4'])
  })

  test('leaves the descriptions out when the user wants none', () => {
    const run = Bun.spawnSync([process.execPath, MAIN, '__complete', 'ipfs', ''], {
      env: { ...process.env, DOCKER_CLI_DISABLE_COMPLETION_DESCRIPTION: '1' },
    })
    expect(run.stdout.toString()).toBe(`${NAMES.join('\n')}\n:4\n`)
  })

  test('offers the commands of a group, and their flags', () => {
    expect(start('__complete ipfs key l').stdout).toBe('ls\tList the keys of the node, and their IPNS names\n:4\n')
    expect(start('__complete ipfs key ls --q').stdout).toBe('--quiet\tOnly show IPNS names\n:4\n')
  })

  test('offers flags and the values that a flag can have', () => {
    expect(start('__complete ipfs save --q').stdout).toBe('--quiet\tPrint nothing but the CID\n:4\n')
    expect(start('__complete ipfs save --progress p').stdout).toBe('plain\n:4\n')
    // The shell completes paths.
    expect(start('__complete ipfs save -o x').stdout).toBe(':0\n')
  })
})
