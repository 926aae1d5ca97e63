import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { nodeStart } from '../../../../../src/cli/commands/node/start.ts'
import { stateLines } from '../../../../../src/cli/commands/node/state.ts'
import { nodeStatus } from '../../../../../src/cli/commands/node/status.ts'
import { nodeStop } from '../../../../../src/cli/commands/node/stop.ts'
import { createManagedNode, type ManagedNode } from '../../../../../src/managed/node.ts'
import { runCommand } from '../../../../support/command.ts'
import { FixedHost } from '../../../../support/fixed-host.ts'

/** The part of a node's API that tells how full it is. */
const api = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: ({ url }) =>
    url.endsWith('/api/v0/repo/stat?size-only=true')
      ? Response.json({ RepoSize: 1_985_000, StorageMax: 50e9 })
      : new Response(null, { status: 404 }),
})
afterAll(() => api.stop(true))
const url = api.url.href.replace(/\/$/, '')

let managed: ManagedNode
beforeEach(() => {
  managed = createManagedNode([new FixedHost(url)], undefined)
})
const run = (...argv: string[]) => runCommand(nodeStatus, argv, { managed })

test('where there is no node, status says how to make one, and it is no failure', async () => {
  expect(await run()).toMatchObject({
    exitCode: 0,
    stdout: 'Status:    there is none; make one with "docker ipfs node start"\n',
    stderr: '',
  })
  expect((await run('--format', 'json')).stdout).toBe('null\n')
})

describe('a node that runs', () => {
  beforeEach(() => runCommand(nodeStart, [], { managed }))

  test('is shown with how full it is', async () => {
    const { stdout } = await run()
    expect(stdout).toStartWith('Status:    running\n')
    expect(stdout).toEndWith('Storage:   1.985MB of 50GB\n')
  })

  test('is one object with --format json', async () => {
    const { stdout } = await run('--format=json')
    expect(stdout.indexOf('\n')).toBe(stdout.length - 1)
    expect(JSON.parse(stdout)).toEqual({
      kind: 'container',
      name: 'container docker-ipfs-node',
      isRunning: true,
      api: url,
      gateway: 'http://127.0.0.1:2',
      details: 'ipfs/kubo:v0.43.0, Up 3 minutes',
      repository: 'volume docker-ipfs-node',
      storage: { used: 1_985_000, limit: 50e9 },
    })
  })
})

test('a node that was stopped has no address', async () => {
  await runCommand(nodeStart, [], { managed })
  await runCommand(nodeStop, [], { managed })
  expect((await run()).stdout).toBe(
    [
      'Status:    stopped',
      'Node:      container docker-ipfs-node (ipfs/kubo:v0.43.0, Exited (0))',
      'Images in: volume docker-ipfs-node',
      '',
    ].join('\n'),
  )
})

test('status knows two formats', async () => {
  const { exitCode, stderr } = await run('--format', '{{.api}}')
  expect(exitCode).toBe(125)
  expect(stderr).toStartWith('invalid argument "{{.api}}" for "--format" flag: must be one of table, json\n')
})

test.each([
  ['everybody', 'every user of this machine; "docker ipfs node restart" closes it'],
  ['nobody', 'nobody, since its secret is lost; "docker ipfs node restart" makes one that fits'],
  ['owner', undefined],
] as const)('a node that is open to %s is shown so', (openTo, text) => {
  const of = {
    isRunning: true,
    api: 'a',
    gateway: 'b',
    details: 'c',
    repository: 'd',
    kind: 'binary',
    name: 'e',
  } as const
  const shown = stateLines({ ...of, openTo }).find((line) => line.startsWith('Open to'))
  expect(shown).toBe(text && `Open to:   ${text}`)
})

test('a state without its storage is shown without it', () => {
  const state = {
    isRunning: true,
    api: 'a',
    gateway: 'b',
    details: 'c',
    repository: 'd',
    kind: 'binary',
    name: 'e',
  } as const
  expect(stateLines(state)).toEqual([
    'Status:    running',
    'Node:      e (c)',
    'API:       a',
    'Gateway:   b',
    'Web UI:    a/webui',
    'Images in: d',
  ])
})

test('a node that does not answer yet is starting, which is no failure', async () => {
  class Starting extends FixedHost {
    override async state() {
      const details = 'ipfs/kubo:v0.43.0, Up 2 seconds'
      return {
        isRunning: true,
        isStarting: true,
        openTo: 'everybody',
        api: url,
        gateway: 'b',
        details,
        repository: 'd',
      } as const
    }
  }
  managed = createManagedNode([new Starting()], undefined)
  expect(await run()).toMatchObject({
    exitCode: 0,
    stdout: [
      'Status:    starting',
      'Node:      container docker-ipfs-node (ipfs/kubo:v0.43.0, Up 2 seconds)',
      'Images in: d',
      '',
    ].join('\n'),
  })
  expect(JSON.parse((await run('--format', 'json')).stdout)).toMatchObject({ isRunning: false, isStarting: true })
})
