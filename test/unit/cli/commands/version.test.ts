import { expect, test } from 'bun:test'
import metadata from '../../../../plugin-metadata.json' with { type: 'json' }
import { version } from '../../../../src/cli/commands/version.ts'
import { runCommand } from '../../../support/command.ts'

test('the version is one line', async () => {
  expect(await runCommand(version, [], {})).toMatchObject({
    exitCode: 0,
    stdout: `docker-ipfs version ${metadata.Version}\n`,
    stderr: '',
  })
})

test('version takes nothing', async () => {
  const { exitCode, stdout, stderr } = await runCommand(version, ['now'], {})
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr).toStartWith("docker: 'docker ipfs version' accepts no arguments\n")
})
