import { expect, test } from 'bun:test'
import { nodeStart } from '../../../../../src/cli/commands/node/start.ts'
import { nodeStop } from '../../../../../src/cli/commands/node/stop.ts'
import { createManagedNode } from '../../../../../src/managed/node.ts'
import { runCommand } from '../../../../support/command.ts'
import { FixedHost } from '../../../../support/fixed-host.ts'

const host = new FixedHost()
const managed = createManagedNode([host], undefined)

test('stop needs a node', async () => {
  const { exitCode, stdout, stderr } = await runCommand(nodeStop, [], { managed })
  expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' })
  expect(stderr).toStartWith('ERROR: docker-ipfs has no IPFS node of its own here\n')
})

test('a node is stopped; that is told on stderr, since nothing results from it', async () => {
  await runCommand(nodeStart, [], { managed })
  expect(await runCommand(nodeStop, [], { managed })).toMatchObject({
    exitCode: 0,
    stdout: '',
    stderr: 'Stopped: container docker-ipfs-node\n',
  })
  expect(host).toMatchObject({ isRunning: false, hasRepository: true })
})
