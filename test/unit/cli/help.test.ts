import { describe, expect, test } from 'bun:test'
import { commandHelp, groupHelp, pluginHelp } from '../../../src/cli/help.ts'
import type { Option } from '../../../src/cli/options.ts'

// What docker 28.2.2 prints for `docker image save --help` (less its aliases), at 80 columns.
const DOCKER_SAVE = `Usage:  docker image save [OPTIONS] IMAGE [IMAGE...]

Save one or more images to a tar archive (streamed to STDOUT by default)

Options:
  -o, --output string     Write to a file, instead of STDOUT
      --platform string   Save only the given platform variant. Formatted
                          as "os[/arch[/variant]]" (e.g., "linux/amd64")`

const SAVE: { usage: string; summary: string; options: readonly Option[] } = {
  usage: 'docker image save [OPTIONS] IMAGE [IMAGE...]',
  summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
  options: [
    { name: 'output', short: 'o', type: 'string', description: 'Write to a file, instead of STDOUT' },
    {
      name: 'platform',
      type: 'string',
      description: 'Save only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
    },
  ],
}

describe('help of a command', () => {
  test('is what docker prints for the same data', () => {
    expect(commandHelp(SAVE)).toBe(DOCKER_SAVE)
  })

  test('shows booleans without a type, and defaults as docker does', () => {
    const options: readonly Option[] = [
      { name: 'progress', type: 'string', description: 'Type of output', default: 'auto' },
      { name: 'quiet', short: 'q', type: 'boolean', description: 'Say less' },
      { name: 'timeout', type: 'duration', description: 'Time limit', default: '1m' },
    ]
    expect(commandHelp({ ...SAVE, options }).split('Options:\n')[1]).toBe(
      [
        '      --progress string    Type of output (default "auto")',
        '  -q, --quiet              Say less',
        '      --timeout duration   Time limit (default 1m0s)',
      ].join('\n'),
    )
  })

  test('names what else the command is called, as docker does', () => {
    expect(
      commandHelp({ usage: 'docker ipfs ls', summary: 'List', name: 'ls', aliases: ['images'], options: [] }),
    ).toBe('Usage:  docker ipfs ls\n\nList\n\nAliases:\n  docker ipfs ls, docker ipfs images')
  })

  test('has no list of options where there are none', () => {
    expect(commandHelp({ usage: 'docker ipfs version', summary: 'Show it', options: [] })).toBe(
      'Usage:  docker ipfs version\n\nShow it',
    )
  })

  test.each([45, 60, 80, 200])('stays within %d columns and loses no word', (columns) => {
    const help = commandHelp(SAVE, columns)
    const listed = help.split('Options:\n')[1] ?? ''
    expect(Math.max(...listed.split('\n').map((line) => line.length))).toBeLessThan(columns)
    expect(listed.split(/\s+/).join(' ')).toContain(SAVE.options[1]?.description ?? '?')
  })

  test('does not wrap where there is no room to', () => {
    expect(commandHelp(SAVE, 30)).toContain('instead of STDOUT')
  })
})

test('help of the plugin lists its commands', () => {
  const commands = [
    { name: 'load', summary: 'Load an image' },
    { name: 'save', summary: 'Save images' },
  ]
  expect(pluginHelp('Keep Docker images on IPFS', commands)).toBe(`Usage:  docker ipfs COMMAND

Keep Docker images on IPFS

Commands:
  load        Load an image
  save        Save images

Run 'docker ipfs COMMAND --help' for more information on a command.`)
})

test('help of a group lists its commands by their second word, and that of the plugin lists the group alone', () => {
  const commands = [
    { name: 'key gen', summary: 'Make a key' },
    { name: 'key ls', summary: 'List keys' },
    { name: 'load', summary: 'Load an image' },
  ]
  const group = { name: 'key', summary: 'Keys of the node' }
  expect(groupHelp(group, commands)).toBe(`Usage:  docker ipfs key COMMAND

Keys of the node

Commands:
  gen         Make a key
  ls          List keys

Run 'docker ipfs key COMMAND --help' for more information on a command.`)
  expect(pluginHelp('Keep images', commands, [group])).toContain(
    'Management Commands:\n  key         Keys of the node\n\nCommands:\n  load        Load an image\n\n',
  )
})
