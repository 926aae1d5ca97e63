import { beforeAll, expect, test } from 'bun:test'
import { publish } from '../../../../src/cli/commands/publish.ts'
import { resolve } from '../../../../src/cli/commands/resolve.ts'
import { APP, TINY, twoSavedImages } from '../../../support/command.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
let published = ''
beforeAll(async () => {
  images = await twoSavedImages()
  published = (await images.run(publish, '-q')).stdout.trim()
})

test.each(['app:1', 'docker.io/library/app:1', APP, `/ipfs/${APP}`, `https://ipfs.io/ipfs/${APP}`])(
  '%s stands for a CID, which is all that is printed',
  async (reference) => {
    expect(await images.run(resolve, reference)).toMatchObject({ exitCode: 0, stdout: `${APP}\n`, stderr: '' })
  },
)

test('a name that was published stands for the image there', async () => {
  expect((await images.run(resolve, `${published}/tiny:1`)).stdout).toBe(`${TINY}\n`)
})

test.each([
  ['nope', 4, 'ERROR: no image of the name "nope" on the node at memory\nGive a CID, or a name that was saved'],
  ['ipns://example.org/app', 4, 'ERROR: the name example.org cannot be found\n'],
  ['/ipfs/QmNope', 1, 'ERROR: '],
])('%s stands for none', async (reference, exitCode, text) => {
  const { stderr, ...result } = await images.run(resolve, reference)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(stderr).toStartWith(text)
})

test('of several images that were published one must be named', async () => {
  const { exitCode, stdout, stderr } = await images.run(resolve, published)
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr).toContain('tiny:1')
})

test('one reference is resolved at a time', async () => {
  const { exitCode, stderr } = await images.run(resolve, 'app:1', 'tiny:1')
  expect(exitCode).toBe(1)
  expect(stderr).toStartWith("docker: 'docker ipfs resolve' requires 1 argument\n")
})
