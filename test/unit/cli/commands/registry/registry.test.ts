import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { registryLogs } from '../../../../../src/cli/commands/registry/logs.ts'
import { mirror } from '../../../../../src/cli/commands/registry/mirror.ts'
import { registryRun } from '../../../../../src/cli/commands/registry/run.ts'
import { registryStart } from '../../../../../src/cli/commands/registry/start.ts'
import { stateLines } from '../../../../../src/cli/commands/registry/state.ts'
import { registryStatus } from '../../../../../src/cli/commands/registry/status.ts'
import { registryStop } from '../../../../../src/cli/commands/registry/stop.ts'
import { DockerIpfsError } from '../../../../../src/errors.ts'
import { runCommand } from '../../../../support/command.ts'
import { MemoryRegistry } from '../../../../support/memory/registry.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-registry-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('a registry that does not run', () => {
  test('is shown so, and it is no failure', async () => {
    expect(await runCommand(registryStatus, [], {})).toMatchObject({
      exitCode: 0,
      stdout: 'Status:    stopped; start it with "docker ipfs registry start"\n',
      stderr: '',
    })
    const { stdout } = await runCommand(registryStatus, ['--format', 'json'], {})
    expect(JSON.parse(stdout)).toMatchObject({ isRunning: false })
  })

  test('cannot be stopped, and has no log', async () => {
    expect(await runCommand(registryStop, [], {})).toMatchObject({
      exitCode: 1,
      stderr: 'ERROR: no registry of docker-ipfs runs here\nStart one with "docker ipfs registry start".\n',
    })
    expect(await runCommand(registryLogs, [], {})).toMatchObject({
      exitCode: 1,
      stderr: 'ERROR: the registry has no log yet\n',
    })
    expect(await runCommand(registryLogs, ['-n', 'x'], {})).toMatchObject({ exitCode: 125 })
  })

  test('is not started for everybody', async () => {
    for (const command of [registryStart, registryRun]) {
      const { exitCode, stderr } = await runCommand(command, ['--host', '0.0.0.0'], {})
      expect(exitCode).toBe(1)
      expect(stderr).toStartWith('ERROR: --host 0.0.0.0 lets in other machines: it needs a token and TLS\n')
      expect((await runCommand(command, ['--port', 'x'], {})).exitCode).toBe(125)
    }
  })
})

test('a registry that runs is shown with who may ask it', () => {
  const state = { isRunning: true, address: '127.0.0.1:5300', isTls: true, pid: 7, startedAt: 'now', log: '/log' }
  expect(stateLines({ ...state, answers: true, openTo: 'token', isReadOnly: true })).toEqual([
    'Status:    running',
    'Registry:  127.0.0.1:5300',
    'Page:      https://127.0.0.1:5300/',
    'Process:   7, since now',
    'Open to:   whoever has its token',
    'Writing:   nobody may push',
    'Log:       /log',
  ])
  expect(stateLines({ ...state, answers: false })[0]).toContain('it does not answer')
})

describe('a registry in the foreground', () => {
  test.each([
    [15, 0],
    [2, 130],
  ])('lists requests, and ends after signal %d with %d', async (signal, code) => {
    const stop = new AbortController()
    const served = { registry: new MemoryRegistry(), folder }
    const running = runCommand(registryRun, ['--port', '0', '--format', 'json'], { served, signal: stop.signal })
    const state = join(folder, 'state.json')
    while (!existsSync(state)) await Bun.sleep(5)
    const { port } = JSON.parse(readFileSync(state, 'utf8'))
    expect((await fetch(`http://127.0.0.1:${port}/v2/a/tags/list`)).status).toBe(404)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('The node keeps no image yet.')
    stop.abort(new DockerIpfsError('CANCELLED', 'cancelled', { signal }))
    const { exitCode, stdout } = await running
    expect(exitCode).toBe(code)
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({
      method: 'GET',
      path: '/v2/a/tags/list',
      status: 404,
    })
    expect(existsSync(state)).toBe(false)
  })

  test.each([
    ['token', '', ' has no token'],
    ['token', 'two words', ' has no token'],
  ])('takes no %s file with %p', async (name, text, why) => {
    const file = join(folder, name)
    writeFileSync(file, text)
    const served = { registry: new MemoryRegistry(), folder }
    const { exitCode, stderr } = await runCommand(registryRun, ['--port', '0', '--token-file', file], { served })
    expect({ exitCode, why: stderr.includes(`${file}${why}`) }).toEqual({ exitCode: 1, why: true })
  })

  test('wants the files that were named', async () => {
    const served = { registry: new MemoryRegistry(), folder }
    const { exitCode, stderr } = await runCommand(registryRun, ['--token-file', '/nowhere/token'], { served })
    expect(exitCode).toBe(1)
    expect(stderr).toContain('ERROR: cannot read /nowhere/token: ')
  })
})

describe('docker ipfs mirror', () => {
  const file = () => join(folder, 'daemon.json')
  const WARNING = 'WARNING: a name that your node keeps goes before the same name at docker.io'

  test('prints the whole file, and changes nothing', async () => {
    writeFileSync(file(), '{"debug":true}')
    const { exitCode, stdout, stderr } = await runCommand(mirror, ['--file', file(), 'docker'], {})
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ debug: true, 'registry-mirrors': ['http://127.0.0.1:5300'] })
    expect(stderr).toContain(WARNING)
    expect(readFileSync(file(), 'utf8')).toBe('{"debug":true}')
  })

  test('writes after a yes, and not without one', async () => {
    const write = (answer: string) =>
      runCommand(mirror, ['--file', file(), '--port', '5466', '--write', 'docker'], { answer })
    for (const answer of ['', 'n', 'yeah']) {
      expect(await write(answer)).toMatchObject({ exitCode: 1, stdout: '' })
      expect(existsSync(file())).toBe(false)
    }
    expect((await write('y')).exitCode).toBe(0)
    expect(readFileSync(file(), 'utf8')).toContain('http://127.0.0.1:5466')
    expect((await write('')).stderr).toContain('Nothing to change')
    const { exitCode } = await runCommand(mirror, ['--file', file(), '--port', '5466', '--remove', '-f', 'docker'], {})
    expect([exitCode, existsSync(file())]).toEqual([0, false])
  })

  test.each([
    [['--write', '--remove', 'docker'], 125, '--write and --remove exclude each other'],
    [['--port', '0', 'docker'], 125, '--port is a port, 1 to 65535, not "0"'],
    [['moby'], 1, 'ERROR: "moby" is none of'],
    [['--registry', 'ghcr.io', 'docker'], 1, 'ERROR: dockerd has mirrors for docker.io alone'],
    [[], 1, "docker: 'docker ipfs mirror' requires 1 argument"],
  ])('%p ends with %d', async (argv, code, first) => {
    const { exitCode, stderr } = await runCommand(mirror, argv, {})
    expect(exitCode).toBe(code)
    expect(stderr).toStartWith(first)
  })
})
