import { afterAll, beforeAll, expect, setSystemTime, test } from 'bun:test'
import { history } from '../../../../../src/cli/commands/inspect/history.ts'
import { save } from '../../../../../src/cli/commands/save.ts'
import { APP, twoSavedImages } from '../../../../support/command.ts'
import { imageOf } from '../../../../support/images.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
beforeAll(async () => {
  setSystemTime(new Date('2026-03-01T12:00:00Z'))
  images = await twoSavedImages()
})
afterAll(() => setSystemTime())

const LAYERS = [
  'bafybeigxaklct6ustyifjc3xzbvcc3yoskw6vc3j57c3oeug7kwhvi4j2y',
  'bafybeie3s5tym27ljz22y75d2iqsp5d6qyvjdg4ng6cnmt75f4f7m26wsy',
]

test('the steps of a build are a table, the newest first', async () => {
  const { exitCode, stdout, stderr } = await images.run(history, 'app:1')
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout.split('\n')).toEqual([
    `LAYER${' '.repeat(57)}CREATED       CREATED BY   SIZE      STORED    COMMENT`,
    `${LAYERS[0]}   8 weeks ago   layer 2      401.9kB   400.1kB   `,
    `${LAYERS[1]}   8 weeks ago   layer 1      601.6kB   600.2kB   `,
    '',
  ])
})

test('--quiet shows the CIDs of layers alone', async () => {
  for (const flag of ['-q', '--quiet']) {
    expect((await images.run(history, flag, APP)).stdout).toBe(`${LAYERS.join('\n')}\n`)
  }
})

test('--format json is an object a line, with sizes as numbers too', async () => {
  const { stdout } = await images.run(history, '--format', 'json', 'app:1')
  const [first, ...others] = stdout.trimEnd().split('\n')
  expect(JSON.parse(first ?? '')).toMatchObject({
    CID: LAYERS[0],
    CreatedAt: '2026-01-01T00:00:00Z',
    CreatedBy: 'layer 2',
    Size: '401.9kB',
    Bytes: 401_920,
    StoredBytes: 400_149,
  })
  expect(others).toHaveLength(1)
})

test('a template may ask for any field', async () => {
  const { stdout } = await images.run(history, '--format', '{{.CreatedBy}}: {{.Bytes}}', 'app:1')
  expect(stdout).toBe('layer 2: 401920\nlayer 1: 601600\n')
})

test('what built a layer is one line, cut as docker cuts it unless all of it is wanted', async () => {
  const { layers, diffIds, config } = imageOf([Buffer.alloc(1024)])
  const createdBy = `RUN\t${'x'.repeat(60)}\n  && true`
  const told = { ...JSON.parse(config.toString()), history: [{ created: '', created_by: createdBy }] }
  images.engine.add({ layers, diffIds, config: Buffer.from(JSON.stringify(told)) }, 'long:1')
  await images.run(save, 'long:1')
  const { stdout } = await images.run(history, '--format', '{{.CreatedBy}}', 'long:1')
  expect(stdout).toBe(`RUN ${'x'.repeat(40)}…\n`)
  const whole = await images.run(history, '--no-trunc', '--format', '{{.CreatedBy}} {{.CreatedAt}}', 'long:1')
  expect(whole.stdout).toBe(`RUN ${'x'.repeat(60)} && true N/A\n`)
})

test.each([
  [['nope'], 4, 'ERROR: no image of the name "nope" on the node at memory\n'],
  [['--format', '{{.Nope}}', 'app:1'], 125, 'ERROR: the template of --format asks for .Nope, which is not there\n'],
  [[], 1, "docker: 'docker ipfs history' requires 1 argument\n"],
  [['app:1', 'tiny:1'], 1, "docker: 'docker ipfs history' requires 1 argument\n"],
])('%j is a mistake', async (argv, exitCode, text) => {
  const { stderr, ...result } = await images.run(history, ...argv)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(stderr).toStartWith(text)
})
