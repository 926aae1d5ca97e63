import { describe, expect, test } from 'bun:test'
import { nodeLogs } from '../../../../../src/cli/commands/node/logs.ts'
import { nodeRestart } from '../../../../../src/cli/commands/node/restart.ts'
import { nodeStart } from '../../../../../src/cli/commands/node/start.ts'
import { createManagedNode } from '../../../../../src/managed/node.ts'
import { runCommand } from '../../../../support/command.ts'
import { FixedHost } from '../../../../support/fixed-host.ts'

const managed = createManagedNode([new FixedHost()], undefined)
const run = (...argv: string[]) => runCommand(nodeLogs, argv, { managed })

test('the log of a node that is not there ends with exit code 3, and says how to make one', async () => {
  expect(await run()).toMatchObject({
    exitCode: 3,
    stdout: '',
    stderr: 'ERROR: docker-ipfs has no IPFS node of its own here\n' + 'Make one with "docker ipfs node start".\n',
  })
})

describe('the log of a node', () => {
  test('goes to stdout as the node wrote it', async () => {
    await runCommand(nodeStart, [], { managed })
    await runCommand(nodeRestart, [], { managed })
    expect(await run()).toMatchObject({
      exitCode: 0,
      stdout: 'Daemon is ready\nDaemon is gone\nDaemon is ready\n',
      stderr: '',
    })
  })

  test.each([['-n'], ['--tail']])('is its last lines with %s', async (flag) => {
    expect((await run(flag, '2')).stdout).toBe('Daemon is gone\nDaemon is ready\n')
  })

  test.each(['-1', 'many', '1.5', ''])('has no last "%s" lines', async (tail) => {
    const { exitCode, stdout, stderr } = await run(`--tail=${tail}`)
    expect({ exitCode, stdout }).toEqual({ exitCode: 125, stdout: '' })
    expect(stderr).toStartWith(`--tail is a number of lines or "all", not "${tail}"\n\nUsage:  docker ipfs node logs`)
  })
})
