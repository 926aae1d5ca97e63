import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeStart } from '../../../../../src/cli/commands/node/start.ts'
import { createManagedNode } from '../../../../../src/managed/node.ts'
import { runCommand } from '../../../../support/command.ts'
import { FixedHost } from '../../../../support/fixed-host.ts'
import { MemoryHost } from '../../../../support/memory/host.ts'

let host: FixedHost
beforeEach(() => {
  host = new FixedHost()
})
const run = (...argv: string[]) => runCommand(nodeStart, argv, { managed: createManagedNode([host], undefined) })

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-key-'))
afterAll(() => rmSync(folder, { recursive: true }))
const KEY = `/key/swarm/psk/1.0.0/\n/base16/\n${'0'.repeat(64)}\n`

test('start says where the node answers on stdout, and what it does on stderr', async () => {
  expect(await run()).toMatchObject({
    exitCode: 0,
    stdout: [
      'Status:    running',
      'Node:      container docker-ipfs-node (ipfs/kubo:v0.43.0, Up 3 minutes)',
      'API:       http://127.0.0.1:1',
      'Gateway:   http://127.0.0.1:2',
      'Web UI:    http://127.0.0.1:1/webui',
      'Images in: volume docker-ipfs-node',
      '',
    ].join('\n'),
    stderr: 'Starting container docker-ipfs-node\n',
  })
  expect(host.options).toEqual({})
})

test('the node is told what flags say, and nothing that they do not say', async () => {
  const file = join(folder, 'swarm.key')
  writeFileSync(file, KEY)
  await run('--announce', '--storage-max', '200GB', '--swarm-port=4001', '--swarm-key', file)
  expect(host.options).toEqual({ announce: true, storageMax: '200GB', swarmPort: 4001, swarmKey: KEY })
})

test.each([
  [60e6, `WARNING: the storage of docker-ipfs' node is 125 % full (75MB of 60MB). Remove images ("docker ipfs rm", `],
  [80e6, `WARNING: the storage of docker-ipfs' node is 93 % full (75MB of 80MB). `],
  [100e6, ''],
])('a limit of %d bytes where 75 MB are stored: %j', async (limit, warning) => {
  const own = new MemoryHost('container', { storage: { used: 75e6, limit } })
  const managed = createManagedNode([own], undefined)
  const { exitCode, stderr } = await runCommand(nodeStart, ['--storage-max', `${limit / 1e6}MB`], { managed })
  expect(exitCode).toBe(0)
  expect(stderr.split('\n')[1]).toStartWith(warning)
  own.close()
})

describe('a mistake starts nothing:', () => {
  test.each([
    [
      ['--storage-max', '200'],
      125,
      '--storage-max is a size such as 200GB, not "200"\n\nUsage:  docker ipfs node start',
    ],
    [['--storage-max', 'GB'], 125, '--storage-max is a size such as 200GB, not "GB"\n'],
    [['--swarm-port', '0'], 125, '--swarm-port is a port, 1 to 65535, not "0"\n'],
    [['--swarm-port', '65536'], 125, '--swarm-port is a port, 1 to 65535, not "65536"\n'],
    [['--swarm-port', 'http'], 125, '--swarm-port is a port, 1 to 65535, not "http"\n'],
    [['--swarm-key', '/nowhere/key'], 1, 'ERROR: cannot read /nowhere/key: ENOENT'],
    [['--swarm-key', import.meta.path], 1, 'ERROR: the file of --swarm-key is no swarm key\nIt has three lines'],
    [['now'], 1, "docker: 'docker ipfs node start' accepts no arguments\n"],
  ])('%j', async (argv, exitCode, text) => {
    const { stderr, ...result } = await run(...argv)
    expect(result).toMatchObject({ exitCode, stdout: '' })
    expect(stderr).toStartWith(text)
    expect(host.options).toBeUndefined()
  })
})

test('a node that is switched off is not started', async () => {
  expect(await runCommand(nodeStart, [], { managed: createManagedNode([host], 'off') })).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: 'ERROR: DOCKER_IPFS_NODE is "off", so no node is started\n',
  })
})
