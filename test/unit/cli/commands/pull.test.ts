import { beforeEach, describe, expect, test } from 'bun:test'
import { publish } from '../../../../src/cli/commands/publish.ts'
import { pull } from '../../../../src/cli/commands/pull.ts'
import { save } from '../../../../src/cli/commands/save.ts'
import { APP, runCommand, TINY, twoSavedImages } from '../../../support/command.ts'
import { digest, GOLDEN, twoLayers } from '../../../support/images.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'
import { MemoryNode } from '../../../support/memory/node.ts'

const [TINY_ID, APP_ID] = [digest(GOLDEN.tiny().config), digest(twoLayers().config)]

/** Who saved the images; whoever pulls has a node and an engine of their own. */
let publisher: Awaited<ReturnType<typeof twoSavedImages>>
let engine: MemoryEngine
let node: MemoryNode
beforeEach(async () => {
  publisher = await twoSavedImages()
  engine = new MemoryEngine()
  node = new MemoryNode('mine')
  node.connect(publisher.node)
})
const run = (...argv: string[]) => runCommand(pull, argv, { node, engine })
/** What was published, by the name that it has. */
const published = async (...names: string[]) => (await publisher.run(publish, '-q', ...names)).stdout.trim()

describe('pull', () => {
  test('says what it found as docker does, and the name on a line of its own', async () => {
    const name = await published('tiny:1')
    const first = await run(`${name}/tiny:1`)
    expect(first.exitCode).toBe(0)
    expect(first.stdout).toBe(
      [
        `Digest: ${TINY_ID}`,
        `CID: ${TINY}`,
        'Status: Downloaded newer image for tiny:1',
        'docker.io/library/tiny:1',
        '',
      ].join('\n'),
    )
    expect((await engine.inspect('tiny:1'))?.id).toBe(TINY_ID)
    const again = await run(`${name}/tiny:1`)
    expect(again.stdout).toContain('Status: Image is up to date for tiny:1\n')
    expect(again.stderr).toContain('tiny:1 has not moved since the last pull\n')
  })

  test('prints nothing but the name with --quiet', async () => {
    expect(await run('-q', await published('tiny:1'))).toMatchObject({
      exitCode: 0,
      stdout: 'docker.io/library/tiny:1\n',
      stderr: '',
    })
  })

  test('takes all tags of a repository with --all-tags', async () => {
    publisher.engine.addLayers(GOLDEN.large().layers, 'app:2')
    await publisher.run(save, '-q', 'app:2')
    const name = await published()
    expect((await run('-qa', `${name}/app`)).stdout).toBe('docker.io/library/app:1\ndocker.io/library/app:2\n')
  })

  test('of a CID has no name to give: it prints the ID of the image', async () => {
    const { stdout } = await run(APP)
    expect(stdout).toEndWith(`Status: Downloaded newer image for ${APP}\n${APP_ID}\n`)
  })

  test('gives another name, or none, where that is asked for', async () => {
    const name = await published('tiny:1')
    expect((await run('-q', '--tag', 'mine:2', name)).stdout).toBe('docker.io/library/mine:2\n')
    expect((await run('-q', '--no-tag', name)).stdout).toBe(`${TINY_ID}\n`)
  })

  test('refuses a name that has gone back, unless older ones will do', async () => {
    const name = await published('tiny:1')
    const key = name.replace('ipns://', '')
    const before = publisher.node.naming.paths.get(key) ?? ''
    await published('app:1')
    await run('-q', `${name}/app:1`)
    publisher.node.naming.paths.set(key, before)
    const refused = await run('-q', `${name}/tiny:1`)
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^ERROR: \w+ stands for publication 1 now, and stood for 2 at the last pull: /)
    expect(await run('-q', '--allow-older', `${name}/tiny:1`)).toMatchObject({ exitCode: 0 })
  })
})

describe('mistakes', () => {
  test.each([
    [[], 1, "docker: 'docker ipfs pull' requires 1 argument\n"],
    [['--tag', 'x', '--no-tag', TINY], 125, '--tag and --no-tag exclude each other\n\nUsage:  docker ipfs pull'],
    [['--tag', 'x', '-a', TINY], 125, '--tag and --all-tags exclude each other\n\nUsage:  docker ipfs pull'],
    [['nope'], 4, 'ERROR: no image of the name "nope" on the node at mine\n'],
    [['ipns://example.org/app'], 4, 'ERROR: the name example.org cannot be found\n'],
  ])('%j', async (argv, exitCode, text) => {
    const { stderr, ...result } = await run(...argv)
    expect(result).toMatchObject({ exitCode, stdout: '' })
    expect(stderr).toStartWith(text)
  })
})
