import { beforeEach, expect, test } from 'bun:test'
import { rm } from '../../../../src/cli/commands/rm.ts'
import { tag } from '../../../../src/cli/commands/tag.ts'
import { APP, TINY, twoSavedImages } from '../../../support/command.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
beforeEach(async () => {
  images = await twoSavedImages()
})

test('an image goes with its last name, as docker rmi tells it; what GC then frees is told on stderr', async () => {
  expect(await images.run(rm, 'tiny:1')).toMatchObject({
    exitCode: 0,
    stdout: `Untagged: tiny:1\nDeleted: ${TINY}\n`,
    stderr: "The node's next garbage collection frees 6.919kB: docker ipfs prune\n",
  })
  expect([...images.node.pins.names.keys()]).toEqual([APP])
})

test('a name goes, and the image stays with its others', async () => {
  await images.run(tag, 'tiny:1', 'small')
  expect(await images.run(rm, 'small')).toMatchObject({ exitCode: 0, stdout: 'Untagged: small:latest\n', stderr: '' })
  expect([...images.node.pins.names.keys()]).toContain(TINY)
})

test('several go at once, and what they free is one sum', async () => {
  const { stdout, stderr } = await images.run(rm, APP, 'tiny:1')
  expect(stdout).toBe(`Untagged: app:1\nDeleted: ${APP}\nUntagged: tiny:1\nDeleted: ${TINY}\n`)
  expect(stderr).toMatch(/^The node's next garbage collection frees 1\.0\d+MB: docker ipfs prune\n$/)
  expect(await images.node.gc()).toBeGreaterThan(20)
})

test('what cannot be counted is not told as a number, and the image goes', async () => {
  images.node.blocks.blocks.set(TINY, Buffer.from('damaged'))
  expect(await images.run(rm, 'tiny:1', 'app:1')).toMatchObject({
    exitCode: 0,
    stdout: `Untagged: tiny:1\nDeleted: ${TINY}\nUntagged: app:1\nDeleted: ${APP}\n`,
    stderr: "The node's next garbage collection frees what only that had: docker ipfs prune\n",
  })
})

test('of an image with several names the CID says not which', async () => {
  await images.run(tag, 'tiny:1', 'small:2')
  expect(await images.run(rm, TINY)).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: `ERROR: ${TINY} has several names: small:2, tiny:1\nGive the names, or --force to remove all.\n`,
  })
})

test('what is wrong with one does not keep the others, and each is told', async () => {
  const both = await images.run(rm, 'nope', 'tiny:1', 'b:::', 'app:1')
  expect(both).toMatchObject({
    exitCode: 4,
    stdout: `Untagged: tiny:1\nDeleted: ${TINY}\nUntagged: app:1\nDeleted: ${APP}\n`,
  })
  expect(both.stderr).toMatch(/ERROR: no image of the name "nope".*\n.*\nERROR: "b:::" is not a CID\n/)
})

test('with --force what is not there is no error, and a CID goes with all its names', async () => {
  await images.run(tag, 'tiny:1', 'small:2')
  const forced = await images.run(rm, '-f', 'nope', TINY)
  expect(forced).toMatchObject({ exitCode: 0, stdout: `Untagged: small:2\nUntagged: tiny:1\nDeleted: ${TINY}\n` })
  expect(forced.stderr).toContain('WARNING: no image of the name "nope"')
})

test.each([
  [['nope'], 4, '', 'ERROR: no image of the name "nope" on the node at memory\n'],
  [['tiny:1', 'nope'], 4, `Untagged: tiny:1\nDeleted: ${TINY}\n`, 'ERROR: no image of the name "nope" on the node'],
  [[], 1, '', "docker: 'docker ipfs rm' requires at least 1 argument\n"],
  [['-z', 'tiny:1'], 125, '', "unknown shorthand flag: 'z' in -z\n"],
])('%j is a mistake', async (argv, exitCode, stdout, text) => {
  const { stderr, ...result } = await images.run(rm, ...argv)
  expect(result).toMatchObject({ exitCode, stdout })
  expect(stderr).toContain(text)
})
