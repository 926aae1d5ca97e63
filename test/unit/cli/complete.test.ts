import { describe, expect, test } from 'bun:test'
import { defineCommand } from '../../../src/cli/command.ts'
import { type CompletionSources, complete } from '../../../src/cli/complete.ts'

const run = () => Promise.resolve()
const command = (name: string, spec: Pick<Parameters<typeof defineCommand>[0], 'takes' | 'arity'>) =>
  defineCommand({
    ...{ name, usage: `docker ipfs ${name}`, summary: `Does ${name}`, run, ...spec },
    options: [
      { name: 'api', type: 'string', description: 'Address' },
      { name: 'base', type: 'string', description: 'A CID', takes: 'cid' },
      { name: 'mode', short: 'm', type: 'string', description: 'How', choices: ['fast', 'safe'] },
      { name: 'output', short: 'o', type: 'string', description: 'A file', isPath: true },
      { name: 'quiet', short: 'q', type: 'boolean', description: 'Less' },
    ],
  })

const commands = [
  command('load', { arity: [1, 1], takes: ['reference'] }),
  command('ls', { arity: [0, 1], takes: ['name'] }),
  command('node start', { arity: [0, 0] }),
  command('node stop', { arity: [0, 0] }),
  command('remote rm', { arity: [1, Number.POSITIVE_INFINITY], takes: ['remote'] }),
  command('save', { arity: [1, Number.POSITIVE_INFINITY], takes: ['image'] }),
  command('tag', { arity: [2, 2], takes: ['reference', 'name'] }),
  command('unpack', { arity: [1, 1], takes: ['path'] }),
]
const asked: (string | undefined)[] = []
const sources: CompletionSources = {
  images: async () => [
    { value: 'app:1', text: '0123456789ab, 5MB' },
    { value: 'shop:1', text: '' },
    { value: 'no name', text: '' },
  ],
  remotes: async () => [{ value: 'nas', text: 'kubo, http://nas:5001' }],
  kept: async (api) => {
    asked.push(api)
    return [
      { name: 'app:1', root: 'bafya' },
      { name: 'app:2', root: 'bafya' },
      { name: 'bird:1', root: 'bafyb' },
      { name: undefined, root: 'bafyc' },
    ]
  },
}

async function lines(typed: string, descriptions = false): Promise<string[]> {
  const groups = [{ name: 'node', summary: 'Manages' }]
  return (await complete(typed.split(' '), { commands, groups, sources, descriptions })).split('\n')
}

describe('completion', () => {
  test.each([
    ['', ['load', 'ls', 'node', 'save', 'tag', 'unpack', ':4']],
    ['l', ['load', 'ls', ':4']],
    ['node ', ['start', 'stop', ':4']],
    ['node sta', ['start', ':4']],
    ['node start ', [':4']],
    ['nobody ', [':4']],
    ['remote rm ', ['nas', ':4']],
    ['save -', ['--api', '--base', '--mode', '--output', '--quiet', ':4']],
    ['save --m', ['--mode', ':4']],
    ['save -- -', [':4']],
    ['save --mode ', ['fast', 'safe', ':4']],
    ['save --mode=s', ['safe', ':4']],
    ['save -qm f', ['fast', ':4']],
    ['save -o ', [':0']],
    ['save -o x ', ['app:1', 'shop:1', ':4']],
    ['save -ox ', ['app:1', 'shop:1', ':4']],
    ['save --output=x ', ['app:1', 'shop:1', ':4']],
    ['save --base ', ['bafya', 'bafyb', 'bafyc', ':4']],
    ['save --api ', [':4']],
    ['save ', ['app:1', 'shop:1', ':4']],
    ['save -q app:1 ', ['shop:1', ':4']],
    ['save s', ['shop:1', ':4']],
    ['load ', ['app:1', 'app:2', 'bird:1', ':4']],
    ['load b', ['bird:1', 'bafya', 'bafyb', 'bafyc', ':4']],
    ['load app:1 ', [':4']],
    ['ls b', ['bird:1', ':4']],
    ['tag bafya b', ['bird:1', ':4']],
    ['unpack ', [':0']],
  ])('of %j gives %j', async (typed, expected) => {
    expect(await lines(typed)).toEqual(expected)
  })

  test('describes commands, flags, images and CIDs', async () => {
    expect(await lines('sa', true)).toEqual(['save\tDoes save', ':4'])
    expect(await lines('save --q', true)).toEqual(['--quiet\tLess', ':4'])
    expect(await lines('save ', true)).toEqual(['app:1\t0123456789ab, 5MB', 'shop:1', ':4'])
    expect(await lines('load ', true)).toContain('app:2\tbafya')
    expect(await lines('load ba', true)).toEqual(['bafya\tapp:1, app:2', 'bafyb\tbird:1', 'bafyc', ':4'])
  })

  test('asks the node that the command line names', async () => {
    asked.splice(0)
    await lines('load ')
    await lines('load --api /ip4/1.2.3.4/tcp/5 ')
    await lines('load --api=http://node:1 ')
    expect(asked).toEqual([undefined, '/ip4/1.2.3.4/tcp/5', 'http://node:1'])
  })
})
