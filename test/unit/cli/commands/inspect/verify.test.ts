import { beforeEach, describe, expect, test } from 'bun:test'
import { verify } from '../../../../../src/cli/commands/inspect/verify.ts'
import { APP, TINY, twoSavedImages } from '../../../../support/command.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
beforeEach(async () => {
  images = await twoSavedImages()
})

test('an image that is whole is told in one line, with what was read', async () => {
  expect(await images.run(verify, 'app:1')).toMatchObject({
    exitCode: 0,
    stdout: `${APP}: 2 layers of 1.004MB, all right\n`,
    stderr: '8711f156bb93: Read  601.6kB\n8207defc7981: Read  401.9kB\n',
  })
  expect((await images.run(verify, TINY)).stdout).toBe(`${TINY}: 1 layer of 2.048kB, all right\n`)
})

test('--quiet says nothing of it, not even how far it is', async () => {
  expect(await images.run(verify, '-q', 'app:1')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
})

describe('an image with a block that is another', () => {
  const LEAF = 'bafkreiauky67bd3dhkt2gxq2yiu6464m4xoz62utzyzp4rdm4xf7rbc7kq'
  beforeEach(() => images.node.blocks.blocks.set(LEAF, Buffer.alloc(94)))

  test('ends with exit code 5, each fault on stdout', async () => {
    const { exitCode, stdout, stderr } = await images.run(verify, 'tiny:1')
    expect(exitCode).toBe(5)
    expect(stdout).toMatch(
      /^layer 1 of 1 \(sha256:499a3640152f\w+\): the block bafkreiauky\w+ does not match its CID: .*\n$/,
    )
    expect(stderr).toEndWith(
      `ERROR: ${TINY} has 1 fault\nSave it again where the image is whole, or load it from another node.\n`,
    )
  })

  test('prints its faults with --quiet too', async () => {
    const { exitCode, stdout } = await images.run(verify, '--quiet', 'tiny:1')
    expect(exitCode).toBe(5)
    expect(stdout).toContain('499a3640152f')
  })
})

test.each([
  [['nope'], 4, 'ERROR: no image of the name "nope" on the node at memory\n'],
  [['app:1', 'tiny:1'], 1, "docker: 'docker ipfs verify' requires 1 argument\n"],
  [['app:1', '--platform', 'linux/arm64'], 4, 'ERROR: '],
  [['app:1', '--timeout', 'soon'], 125, 'invalid argument "soon" for "--timeout" flag: must be a duration'],
])('%j is a mistake', async (argv, exitCode, text) => {
  const { stderr, ...result } = await images.run(verify, ...argv)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(stderr).toStartWith(text)
})
