import { expect, test } from 'bun:test'
import { nodeRestart } from '../../../../../src/cli/commands/node/restart.ts'
import { nodeStart } from '../../../../../src/cli/commands/node/start.ts'
import { createManagedNode } from '../../../../../src/managed/node.ts'
import { runCommand } from '../../../../support/command.ts'
import { FixedHost } from '../../../../support/fixed-host.ts'

const host = new FixedHost()
const managed = createManagedNode([host], undefined)

test('restart makes no node', async () => {
  const { exitCode, stdout, stderr } = await runCommand(nodeRestart, [], { managed })
  expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' })
  expect(stderr).toStartWith('ERROR: docker-ipfs has no IPFS node of its own here\n')
  expect(host.options).toBeUndefined()
})

test('a node is started again with what it was told before, and shown as start shows it', async () => {
  await runCommand(nodeStart, ['--storage-max', '10GB'], { managed })
  const { exitCode, stdout, stderr } = await runCommand(nodeRestart, [], { managed })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: 'Starting container docker-ipfs-node\n' })
  expect(stdout).toStartWith('Status:    running\nNode:      container docker-ipfs-node (')
  expect(host).toMatchObject({ isRunning: true, options: { storageMax: '10GB' } })
})
