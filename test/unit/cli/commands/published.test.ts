import { afterAll, beforeAll, describe, expect, setSystemTime, test } from 'bun:test'
import { publish } from '../../../../src/cli/commands/publish.ts'
import { published } from '../../../../src/cli/commands/published.ts'
import { APP, TINY, twoSavedImages } from '../../../support/command.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
let name = ''
/** Of the publications, the newest first. */
const roots: string[] = []

beforeAll(async () => {
  setSystemTime(new Date('2026-03-01T12:00:00Z'))
  images = await twoSavedImages()
  for (const image of ['tiny:1', 'app:1']) {
    name = (await images.run(publish, '-q', image)).stdout.trim()
    roots.unshift(images.node.naming.paths.get(name.replace('ipns://', ''))?.replace('/ipfs/', '') ?? '')
    setSystemTime(new Date('2026-03-02T12:00:00Z'))
  }
  setSystemTime(new Date('2026-03-04T13:00:00Z'))
})
afterAll(() => setSystemTime())

describe('published', () => {
  test('lists what stood under a name, newest first', async () => {
    expect(await images.run(published, name)).toMatchObject({
      exitCode: 0,
      stdout: [
        'NUMBER   PUBLISHED    IMAGES   CID',
        `2        2 days ago   2        ${roots[0]}`,
        `1        3 days ago   1        ${roots[1]}`,
        '',
      ].join('\n'),
      stderr: '',
    })
  })

  test('lists what an image there was', async () => {
    expect((await images.run(published, '-q', `${name}/tiny:1`)).stdout).toBe(`${TINY}\n`)
    expect((await images.run(published, '--format', '{{.Sequence}} {{.CID}}', `${name}/app:1`)).stdout).toBe(
      `2 ${APP}\n`,
    )
  })

  test('is CIDs alone with --quiet, and an object a line with --format json', async () => {
    expect((await images.run(published, '--quiet', name)).stdout).toBe(`${roots.join('\n')}\n`)
    const { stdout } = await images.run(published, '--format', 'json', name)
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { Sequence: 2, PublishedSince: '2 days ago', PublishedAt: '2026-03-02T12:00:00.000Z', Images: 2, CID: roots[0] },
      { Sequence: 1, PublishedSince: '3 days ago', PublishedAt: '2026-03-01T12:00:00.000Z', Images: 1, CID: roots[1] },
    ])
  })
})

test.each([
  [['tiny:1'], 1, 'ERROR: "tiny:1" is no name under which images are published\nGive one such as ipns://KEY; '],
  [['ipns://example.org'], 4, 'ERROR: the name example.org cannot be found\n'],
  [[], 1, "docker: 'docker ipfs published' requires 1 argument\n"],
  [['--format', '{{.Date}}', 'ipns://example.org'], 125, 'ERROR: the template of --format asks for .Date, '],
])('%j is a mistake', async (argv, exitCode, text) => {
  const { stderr, ...result } = await images.run(published, ...argv)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(stderr).toStartWith(text)
})
