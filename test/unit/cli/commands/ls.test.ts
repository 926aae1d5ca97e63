import { afterAll, beforeEach, describe, expect, setSystemTime, test } from 'bun:test'
import { ls } from '../../../../src/cli/commands/ls.ts'
import { rm } from '../../../../src/cli/commands/rm.ts'
import { tag } from '../../../../src/cli/commands/tag.ts'
import { parseCid } from '../../../../src/dag/cid.ts'
import { APP, runCommand, TINY, twoSavedImages } from '../../../support/command.ts'
import { MemoryNode } from '../../../support/memory/node.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
beforeEach(async () => {
  setSystemTime(new Date('2026-03-01T12:00:00Z'))
  images = await twoSavedImages()
  setSystemTime(new Date('2026-03-01T15:00:00Z'))
})
afterAll(() => setSystemTime())

describe('ls', () => {
  test('lists the images by name, as docker images does', async () => {
    expect(await images.run(ls)).toMatchObject({
      exitCode: 0,
      stdout: [
        'NAME   TAG   CID                                                           CONFIG DIGEST   CREATED       SIZE',
        `app    1     ${APP}   2a347a420347    8 weeks ago   1.01MB`,
        `tiny   1     ${TINY}   0f4f09651d64    8 weeks ago   8.455kB`,
        '',
      ].join('\n'),
      stderr: '',
    })
  })

  test('of a node that keeps nothing shows the heads alone', async () => {
    const { stdout } = await runCommand(ls, [], { node: new MemoryNode() })
    expect(stdout).toBe('NAME   TAG   CID   CONFIG DIGEST   CREATED   SIZE\n')
  })

  test.each([
    ['tiny', `${TINY}\n`],
    ['tiny:1', `${TINY}\n`],
    ['*i*', `${TINY}\n`],
    ['tiny:2', ''],
    ['t', ''],
  ])('of %s shows what has this name', async (pattern, stdout) => {
    expect(await images.run(ls, '-q', pattern)).toMatchObject({ exitCode: 0, stdout, stderr: '' })
  })

  test('shows the CID of an image with two names once with --quiet', async () => {
    await images.run(tag, 'tiny:1', 'small:2')
    expect((await images.run(ls, '--quiet')).stdout).toBe(`${APP}\n${TINY}\n`)
    expect((await images.run(ls, '--format', '{{.Name}}:{{.Tag}}')).stdout).toBe('app:1\nsmall:2\ntiny:1\n')
  })

  test('shows digests, and does not cut them, where that is asked for', async () => {
    const { stdout } = await images.run(ls, '--digests', '--no-trunc', 'tiny')
    expect(stdout).toMatch(/^NAME {3}TAG {3}DIGEST {68}CID {59}CONFIG DIGEST {61}CREATED/)
    expect(stdout).toContain('   sha256:0f4f09651d64bbf4b231f793c0c93fe99ef7d69b5f18ffb98f037a9140ea5c66   ')
  })

  test('shows what each image alone has with --size, or where a template asks for it', async () => {
    const { stdout } = await images.run(ls, '-s', 'tiny')
    expect(stdout.split('\n')[0]).toEndWith('SIZE      SHARED    UNIQUE')
    expect(stdout.split('\n')[1]).toEndWith('8.455kB   1.536kB   6.919kB')
    const { stdout: asked } = await images.run(ls, '--format', '{{.UniqueBytes}} {{.SharedBytes}}', 'tiny')
    expect(asked).toBe('6919 1536\n')
  })

  test('is an object a line with --format json, without what costs a walk', async () => {
    const { stdout } = await images.run(ls, '--format', 'json', 'tiny')
    expect(JSON.parse(stdout)).toEqual({
      ...{ Name: 'tiny', Repository: 'tiny', Tag: '1', CID: TINY },
      Digest: 'sha256:65fd5a761b96b09b14eb2d8d8616f52f838960d4a02c51c064c3b7a879e5da82',
      ConfigDigest: '0f4f09651d64',
      ...{ CreatedSince: '8 weeks ago', CreatedAt: '2026-01-01T00:00:00Z' },
      ...{ SavedSince: '3 hours ago', SavedAt: '2026-03-01T12:00:00.000Z' },
      ...{ Size: '8.455kB', Bytes: 8455 },
    })
  })
})

describe('a filter', () => {
  test.each([
    [['reference=a*'], `${APP}\n`],
    [['reference=a*', 'reference=tiny'], `${APP}\n${TINY}\n`],
    [['dangling=true'], ''],
    [['dangling=false', 'reference=tiny:1'], `${TINY}\n`],
    [['before=tiny:1'], ''],
    [[`since=${TINY}`], ''],
  ])('%j', async (filters, stdout) => {
    const flags = filters.flatMap((filter) => ['-f', filter])
    expect(await images.run(ls, '-q', ...flags)).toMatchObject({ exitCode: 0, stdout, stderr: '' })
  })

  test.each([
    ['size=1', 125, 'ERROR: invalid filter "size=1"\nThere are dangling=true|false, '],
    ['dangling=perhaps', 125, 'ERROR: invalid filter "dangling=perhaps"\n'],
    ['before=nope', 4, 'ERROR: no image of the name "nope" on the node at memory\n'],
  ])('%s is a mistake', async (filter, exitCode, text) => {
    const { stderr, ...result } = await images.run(ls, '--filter', filter)
    expect(result).toMatchObject({ exitCode, stdout: '' })
    expect(stderr).toStartWith(text)
  })
})

describe('a catalogue that was edited by hand', () => {
  const never = new AbortController().signal

  test('has images that are lost, which a warning tells', async () => {
    await images.node.pins.unpin(parseCid(TINY))
    images.node.blocks.blocks.delete(TINY)
    const { exitCode, stdout, stderr } = await images.run(ls, '--format', '{{.Name}} {{.Size}}')
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'app 1.01MB\ntiny ?\n' })
    expect(stderr).toBe(`WARNING: tiny:1 is no image, or lost: ${TINY}\n`)
  })

  test('has what is no name, which a warning tells', async () => {
    await images.node.folder.link('images/docker.io/Odd:1', parseCid(TINY), never)
    const { stdout, stderr } = await images.run(ls, '-q')
    expect(stdout).toBe(`${APP}\n${TINY}\n`)
    expect(stderr).toBe('WARNING: not written by docker ipfs: /docker-ipfs/images/docker.io/Odd:1\n')
  })

  test('has images without a record, of which little is known', async () => {
    await images.node.folder.remove(`records/${TINY}.json`, new AbortController().signal)
    const { stdout } = await images.run(
      ls,
      '--format',
      '{{.Digest}} {{.ConfigDigest}} {{.CreatedAt}} {{.SavedAt}}',
      'tiny',
    )
    expect(stdout).toBe('<none> ? ? ?\n')
  })
})

test('an image without a name is the last, and is shown as docker shows it', async () => {
  await images.node.folder.remove('images/docker.io/library/app:1', new AbortController().signal)
  expect((await images.run(ls, '--format', '{{.Repository}}:{{.Tag}}')).stdout).toBe('tiny:1\n<none>:<none>\n')
  expect((await images.run(ls, '-q', '-f', 'dangling=true')).stdout).toBe(`${APP}\n`)
  expect((await images.run(rm, APP)).stdout).toBe(`Deleted: ${APP}\n`)
})

test('ls takes one name', async () => {
  expect(await images.run(ls, 'tiny', 'app')).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: expect.stringContaining("docker: 'docker ipfs ls' requires at most 1 argument\n"),
  })
})
