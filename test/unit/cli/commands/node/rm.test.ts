import { beforeEach, describe, expect, test } from 'bun:test'
import { nodeRm } from '../../../../../src/cli/commands/node/rm.ts'
import { nodeStart } from '../../../../../src/cli/commands/node/start.ts'
import { createManagedNode } from '../../../../../src/managed/node.ts'
import { runCommand } from '../../../../support/command.ts'
import { FixedHost } from '../../../../support/fixed-host.ts'

let host: FixedHost
beforeEach(() => {
  host = new FixedHost()
})
const run = (command: typeof nodeRm, ...argv: string[]) =>
  runCommand(command, argv, { managed: createManagedNode([host], undefined) })

test('rm needs a node', async () => {
  const { exitCode, stdout, stderr } = await run(nodeRm)
  expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' })
  expect(stderr).toStartWith('ERROR: docker-ipfs has no IPFS node of its own here\n')
})

describe('a node that runs', () => {
  beforeEach(() => run(nodeStart))

  test('is removed, and its images stay', async () => {
    expect(await run(nodeRm)).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: 'Removed: container docker-ipfs-node; kept: volume docker-ipfs-node\n',
    })
    expect(host).toMatchObject({ isRunning: false, options: undefined, hasRepository: true })
  })

  test.each(['-v', '--volumes'])('is removed with its images by %s', async (flag) => {
    expect((await run(nodeRm, flag)).stderr).toBe('Removed: container docker-ipfs-node and volume docker-ipfs-node\n')
    expect(host.hasRepository).toBe(false)
  })
})
