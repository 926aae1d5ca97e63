import { beforeAll, expect, test } from 'bun:test'
import { diff } from '../../../../../src/cli/commands/inspect/diff.ts'
import { save } from '../../../../../src/cli/commands/save.ts'
import { APP, TINY, twoSavedImages } from '../../../../support/command.ts'
import { GOLDEN } from '../../../../support/images.ts'
import { tarOf } from '../../../../support/tar.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
beforeAll(async () => {
  images = await twoSavedImages()
  const added = tarOf([
    { path: 'hello.txt', body: Buffer.from('Hello, world\n') },
    { path: 'empty', body: Buffer.alloc(0) },
  ])
  images.engine.addLayers([...GOLDEN.tiny().layers, added], 'tiny:2')
  await images.run(save, '-q', 'tiny:2')
})

test('what a new version adds is shown as layers, files and bytes', async () => {
  const { exitCode, stdout, stderr } = await images.run(diff, 'tiny:1', 'tiny:2')
  expect(exitCode).toBe(0)
  expect(stdout.split('\n').slice(0, 8)).toEqual([
    'Layers:',
    '  = 499a3640152f   2.048kB',
    expect.stringMatching(/^ {2}\+ [0-9a-f]{12} {3}\d/),
    '',
    'Files:',
    '  A /empty',
    '  C /hello.txt   12B → 13B',
    '',
  ])
  expect(stdout.split('\n').slice(8)).toEqual([
    expect.stringMatching(/^Shared {2}█+░+ {2}[\d.]+kB$/),
    expect.stringMatching(/^New {5}█+░+ {2}[\d.]+kB that only tiny:2 has$/),
    expect.stringMatching(/^Gone {4}█+░+ {2}[\d.]+kB that only tiny:1 has$/),
    '',
  ])
  expect(stderr).toContain(': Read  ')
})

test('an image does not differ from itself', async () => {
  const { stdout } = await images.run(diff, 'tiny:1', TINY)
  expect(stdout).toContain('Files: all the same, but for times\n')
  expect(stdout).toContain(`New     ${'░'.repeat(40)}  0B that only ${TINY} has\n`)
})

test('--quiet shows files alone, as docker diff does', async () => {
  expect(await images.run(diff, '-q', 'tiny:1', 'app:1')).toMatchObject({
    exitCode: 0,
    stdout: 'A /data/app\nA /data/base\nD /hello.txt\n',
    stderr: '',
  })
})

test('--format json is one object', async () => {
  const { stdout } = await images.run(diff, '--format', 'json', 'tiny:1', 'app:1')
  const { Layers, ...rest } = JSON.parse(stdout)
  expect(rest).toEqual({
    A: TINY,
    B: APP,
    Files: [
      { Change: 'A', Path: '/data/app', Before: null, After: 400_000 },
      { Change: 'A', Path: '/data/base', Before: null, After: 600_000 },
      { Change: 'D', Path: '/hello.txt', Before: 12, After: null },
    ],
    SharedBytes: 1536,
    NewBytes: 1_008_890,
    GoneBytes: 6919,
  })
  expect(Layers.map(({ In, TarSize }: { In: string; TarSize: number }) => `${In} ${TarSize}`)).toEqual([
    'gone 2048',
    'new 601600',
    'new 401920',
  ])
})

test('a template is run for the difference as a whole', async () => {
  const { stdout } = await images.run(diff, '--format', '{{range .Files}}{{.Path}} {{end}}', 'tiny:1', 'app:1')
  expect(stdout).toBe('/data/app /data/base /hello.txt \n')
})

test.each([
  [['tiny:1', 'nope'], 4, 'ERROR: no image of the name "nope" on the node at memory\n'],
  [['tiny:1'], 1, "docker: 'docker ipfs diff' requires 2 arguments\n"],
  [['--format', '{{range .Files}}', 'tiny:1', 'app:1'], 125, 'ERROR: cannot read the template of --format: '],
])('%j is a mistake', async (argv, exitCode, text) => {
  const { stderr, ...result } = await images.run(diff, ...argv)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(stderr).toStartWith(text)
})
