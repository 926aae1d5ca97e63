import { describe, expect, test } from 'bun:test'
import { COMMANDS, GROUPS } from '../../../../src/cli/commands/all.ts'
import { runCommand } from '../../../support/command.ts'

test('commands are in the order of their names, each once', () => {
  const names = COMMANDS.map(({ name }) => name)
  expect(names).toEqual([...new Set(names)].sort())
})

test('a command of two words belongs to a group, and each group has commands', () => {
  const groups = COMMANDS.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0] ?? ''] : []))
  expect([...new Set(groups)]).toEqual(GROUPS.map(({ name }) => name))
})

describe.each(COMMANDS.map((command) => [command.name, command] as const))('%s', (name, command) => {
  test('has a usage that begins with its name, and a summary of one line without a full stop', () => {
    expect(command.usage).toStartWith(`docker ipfs ${name}`)
    expect(command.usage.includes('[OPTIONS]')).toBe(command.options.length > 0)
    expect(command.summary).toMatch(/^[A-Z][^\n]*[^.\n]$/)
  })

  test('has its options in the order of their names, and no letter twice', () => {
    const names = command.options.map((option) => option.name)
    expect(names).toEqual([...new Set(names)].sort())
    const letters = command.options.flatMap(({ short }) => short ?? [])
    expect(letters).toEqual([...new Set(letters)])
  })

  // What stands behind the image of `docker run` is the container's, and -h its host name.
  test.each(name === 'run' ? ['--help'] : ['--help', '-h'])(
    'prints its help with %s, whatever else is there',
    async (flag) => {
      const { exitCode, stdout, stderr } = await runCommand(
        command,
        name === 'run' ? [flag, 'x'] : ['x', flag, 'y', 'z'],
        {},
      )
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
      expect(stdout).toStartWith(`Usage:  ${command.usage}\n\n${command.summary}\n`)
    },
  )

  test('refuses a flag that it does not have, with exit code 125 and its usage', async () => {
    expect(await runCommand(command, ['--nope'], {})).toMatchObject({
      exitCode: 125,
      stdout: '',
      stderr: `unknown flag: --nope\n\nUsage:  ${command.usage}\n\nRun 'docker ipfs ${name} --help' for more information\n`,
    })
  })
})
