import { beforeEach, expect, test } from 'bun:test'
import { resolve } from '../../../../src/cli/commands/resolve.ts'
import { tag } from '../../../../src/cli/commands/tag.ts'
import { APP, TINY, twoSavedImages } from '../../../support/command.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
beforeEach(async () => {
  images = await twoSavedImages()
})

test.each(['tiny:1', TINY, `ipfs://${TINY}`])('%s gets one more name, and nothing is printed', async (reference) => {
  expect(await images.run(tag, reference, 'registry.example/team/tiny:2')).toMatchObject({
    exitCode: 0,
    stdout: '',
    stderr: '',
  })
  expect((await images.run(resolve, 'registry.example/team/tiny:2')).stdout).toBe(`${TINY}\n`)
  expect((await images.run(resolve, 'tiny:1')).stdout).toBe(`${TINY}\n`)
})

test('a name that stood for another image stands for this one now', async () => {
  await images.run(tag, TINY, 'app:1')
  expect((await images.run(resolve, 'app:1')).stdout).toBe(`${TINY}\n`)
})

test.each([
  [['nope', 'x'], 4, 'ERROR: no image of the name "nope" on the node at memory\n'],
  [['tiny:1', 'No Name'], 1, 'ERROR: '],
  [['tiny:1'], 1, "docker: 'docker ipfs tag' requires 2 arguments\n"],
])('%j is a mistake', async (argv, exitCode, text) => {
  const { stderr, ...result } = await images.run(tag, ...argv)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(stderr).toStartWith(text)
  expect((await images.run(resolve, 'app:1')).stdout).toBe(`${APP}\n`)
})
