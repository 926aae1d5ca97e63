import { beforeAll, expect, test } from 'bun:test'
import { du } from '../../../../../src/cli/commands/inspect/du.ts'
import { APP, runCommand, TINY, twoSavedImages } from '../../../../support/command.ts'
import { MemoryNode } from '../../../../support/memory/node.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
beforeAll(async () => {
  images = await twoSavedImages()
})

test('what images and layers take is a table, with what others have too', async () => {
  const { exitCode, stdout, stderr } = await images.run(du)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout.split('\n').map((line) => line.trimEnd())).toEqual([
    'TYPE         NAME           IMAGES   SIZE      SHARED    UNIQUE',
    'image        app:1                   1.01MB    1.536kB   1.009MB',
    'image        tiny:1                  8.455kB   1.536kB   6.919kB',
    'layer        8711f156bb93   1        600.3kB   19B       600.3kB',
    'layer        8207defc7981   1        400.3kB   19B       400.3kB',
    'layer        499a3640152f   1        94B       0B        94B',
    expect.stringMatching(/^catalogue {28}[\d.]+kB$/),
    expect.stringMatching(/^total {32}1\.0\d+MB$/),
    expect.stringMatching(/^repository {27}1\.0\d+MB$/),
    '',
  ])
})

test('--no-trunc shows diffIDs as they are', async () => {
  const { stdout } = await images.run(du, '--no-trunc', '--format', '{{.Name}}')
  expect(stdout).toContain('\nsha256:499a3640152f0b3d51205d07c607359a85e1172bfe5be6cbf0a58baf872f28dc\n')
})

test('--format json has bytes as numbers, and none where nothing is known', async () => {
  const { stdout } = await images.run(du, '--format=json')
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(rows.map(({ Type, CID }) => `${Type} ${CID}`).slice(0, 2)).toEqual([`image ${APP}`, `image ${TINY}`])
  expect(rows[1]).toMatchObject({ Name: 'tiny:1', Bytes: 8455, SharedBytes: 1536, UniqueBytes: 6919 })
  expect(rows.at(-1)).toEqual({
    ...{ Type: 'repository', Name: '', CID: '', Images: '', SharedSize: '', UniqueSize: '' },
    Size: expect.stringMatching(/MB$/),
    Bytes: await images.node.traffic.repoSize(new AbortController().signal),
  })
})

test('the size of a repository that does not tell it is not made up', async () => {
  const node = new MemoryNode()
  Object.assign(node.traffic, { repoSize: async () => undefined })
  expect((await runCommand(du, [], { node })).stdout).toMatch(/^repository +\?\s*$/m)
  const { stdout } = await runCommand(du, ['--format', 'json'], { node })
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
    ...{ Type: 'repository', Name: '', CID: '', Images: '', Size: '?', SharedSize: '', UniqueSize: '' },
  })
})

test('an empty node has a catalogue and a repository of nothing', async () => {
  const { stdout } = await runCommand(du, ['--format', '{{.Type}} {{.Bytes}}'], { node: new MemoryNode() })
  expect(stdout).toBe('catalogue 0\ntotal 0\nrepository 0\n')
})

test.each([
  [['app:1'], 1, "docker: 'docker ipfs du' accepts no arguments\n"],
  [
    ['--format', '{{.Nope}}'],
    125,
    'ERROR: the template of --format asks for .Nope, which is not there\nThere are .Type, ',
  ],
  [['--timeout', '0'], 125, 'invalid argument "0" for "--timeout" flag: must be more than 0\n'],
])('%j is a mistake', async (argv, exitCode, text) => {
  const { stderr, ...result } = await images.run(du, ...argv)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(stderr).toStartWith(text)
})
