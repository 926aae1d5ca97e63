import { afterAll, beforeAll, expect, setSystemTime, test } from 'bun:test'
import { inspect } from '../../../../../src/cli/commands/inspect/inspect.ts'
import { APP, TINY, twoSavedImages } from '../../../../support/command.ts'
import { MemoryNode } from '../../../../support/memory/node.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
beforeAll(async () => {
  setSystemTime(new Date('2026-03-01T12:00:00Z'))
  images = await twoSavedImages()
})
afterAll(() => setSystemTime())

const DESCRIBED = {
  CID: TINY,
  Names: ['tiny:1'],
  Digest: 'sha256:65fd5a761b96b09b14eb2d8d8616f52f838960d4a02c51c064c3b7a879e5da82',
  ImageIDs: ['sha256:0f4f09651d64bbf4b231f793c0c93fe99ef7d69b5f18ffb98f037a9140ea5c66'],
  SavedAt: '2026-03-01T12:00:00.000Z',
  Pinned: true,
  Size: 8455,
  ConfigDigest: 'sha256:0f4f09651d64bbf4b231f793c0c93fe99ef7d69b5f18ffb98f037a9140ea5c66',
  ManifestDigest: 'sha256:65fd5a761b96b09b14eb2d8d8616f52f838960d4a02c51c064c3b7a879e5da82',
  Created: '2026-01-01T00:00:00Z',
  Author: '',
  Architecture: 'amd64',
  Os: 'linux',
  Config: { Cmd: ['/bin/busybox', 'true'] },
  Layers: [
    {
      CID: 'bafkreiauky67bd3dhkt2gxq2yiu6464m4xoz62utzyzp4rdm4xf7rbc7kq',
      DiffID: 'sha256:499a3640152f0b3d51205d07c607359a85e1172bfe5be6cbf0a58baf872f28dc',
      Digest: 'sha256:14563df08f633aa7a35e1ac229ee7b8ce5dd9f6a93ce32fe446ce5cbf8845f54',
      Size: 94,
      TarSize: 2048,
    },
  ],
}

test('an image is described as JSON for people, in a list, with keys in this order', async () => {
  const { exitCode, stdout, stderr } = await images.run(inspect, 'tiny:1')
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toBe(`${JSON.stringify([DESCRIBED], undefined, 4)}\n`)
})

test('--format json is one line for all images', async () => {
  const { stdout } = await images.run(inspect, '--format', 'json', 'tiny:1', APP)
  expect(stdout.trimEnd()).not.toContain('\n')
  expect(JSON.parse(stdout)).toMatchObject([DESCRIBED, { CID: APP, Names: ['app:1'] }])
})

test('a template is run for each image', async () => {
  const { stdout } = await images.run(inspect, '-f', '{{.CID}} {{join .Names ","}} {{len .Layers}}', 'tiny:1', 'app:1')
  expect(stdout).toBe(`${TINY} tiny:1 1\n${APP} app:1 2\n`)
})

test('who has an image is asked only where that is wanted', async () => {
  const other = new MemoryNode('other')
  other.connect(images.node)
  images.node.connect(other)
  other.announced.push(TINY)
  const { stdout } = await images.run(inspect, '--providers', '-f', '{{json .Providers}}', 'tiny:1')
  expect(stdout).toBe('["other"]\n')
  expect((await images.run(inspect, '-f', 'json', 'tiny:1')).stdout).not.toContain('Providers')
})

test('several are shown behind one that is not there, which is told last', async () => {
  const { exitCode, stdout, stderr } = await images.run(inspect, '-f', '{{.CID}}', 'tiny:1', 'nope', 'app:1')
  expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: `${TINY}\n${APP}\n` })
  expect(stderr).toStartWith('ERROR: no image of the name "nope" on the node at memory\n')
})

test.each([
  [['nope'], 4, 'ERROR: no image of the name "nope" on the node at memory\n'],
  [['tiny:1', '--platform', 'linux/arm64'], 4, 'ERROR: '],
  [['tiny:1', '-f', '{{.CID'], 125, 'ERROR: cannot read the template of --format: unclosed action: a }} is missing\n'],
  [['tiny:1', '-f', '{{.CID.x}}'], 125, 'ERROR: the template asks for .x of what has no fields\n'],
  [[], 1, "docker: 'docker ipfs inspect' requires at least 1 argument\n"],
])('%j is a mistake, and nothing goes to stdout', async (argv, exitCode, text) => {
  const { stderr, ...result } = await images.run(inspect, ...argv)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(stderr).toStartWith(text)
})
