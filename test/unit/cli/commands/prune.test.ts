import { beforeEach, describe, expect, test } from 'bun:test'
import { prune } from '../../../../src/cli/commands/prune.ts'
import { rm } from '../../../../src/cli/commands/rm.ts'
import { save } from '../../../../src/cli/commands/save.ts'
import { parseCid } from '../../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { APP, runCommand, TINY, twoSavedImages } from '../../../support/command.ts'
import { digest, imageOf } from '../../../support/images.ts'
import { tarOf } from '../../../support/tar.ts'

const never = new AbortController().signal

let images: Awaited<ReturnType<typeof twoSavedImages>>
beforeEach(async () => {
  images = await twoSavedImages()
})

/** An image as into-engine makes it of the lowest layers of another one, whose load was killed. */
function leftByLoad() {
  const image = imageOf([tarOf([{ path: 'a', body: Buffer.from('a') }])])
  const config = {
    ...JSON.parse(image.config.toString()),
    author: 'docker-ipfs: the lowest 1 layers of x, while it is loaded',
  }
  return images.engine.add({ ...image, config: Buffer.from(JSON.stringify(config)) })
}

describe('prune', () => {
  test('takes garbage and what loads left, and no image that somebody named or saved', async () => {
    const left = leftByLoad()
    const unnamed = images.engine.add(imageOf([tarOf([{ path: 'b', body: Buffer.from('b') }])]))
    const { exitCode, stdout } = await images.run(prune, '--force')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(new RegExp(`^Deleted: ${left}\nTotal reclaimed space: \\S+\n$`))
    expect([...images.engine.stored.keys()]).not.toContain(left)
    expect([...images.engine.stored.keys()]).toContain(unnamed)
    expect([...images.node.pins.names.keys()].toSorted()).toEqual([APP, TINY].toSorted())
    expect(images.node.blocks.own(parseCid(TINY))).toBeDefined()
  })

  describe('of images without a name', () => {
    const nameless = () => {
      const id = [...images.engine.stored].find(([, { names }]) => names.has('app:1'))?.[0] ?? ''
      images.engine.stored.get(id)?.names.clear()
      return id
    }
    const went = async (...argv: string[]) => (await images.run(prune, '-f', ...argv)).stdout

    test('takes one that the node has, too, since a load of it was killed', async () => {
      const id = nameless()
      expect((await images.run(prune, '--dry-run')).stdout).toStartWith(`Would delete: ${id}\n`)
      expect(images.engine.stored.has(id)).toBe(true)
      expect(await went()).toStartWith(`Deleted: ${id}\n`)
      expect(images.engine.stored.has(id)).toBe(false)
      expect([...images.engine.stored.values()].flatMap(({ names }) => [...names])).toEqual(['tiny:1'])
    })

    test.each<[string, (id: string) => unknown]>([
      ['has a container', (id) => images.engine.used.add(id)],
      ['had a name once', (id) => images.engine.wereNamed.add(id)],
      ['has a name', (id) => images.engine.tag(id, 'other:1')],
      ['the node does not keep any more', () => images.node.pins.names.delete(APP)],
      ['the catalogue does not know any more', () => images.node.catalogue.remove([`records/${APP}.json`], never)],
    ])('leaves one that %s', async (_, act) => {
      const id = nameless()
      await act(id)
      expect(await went()).not.toContain('Deleted: ')
      expect(images.engine.stored.has(id)).toBe(true)
    })

    test('leaves one whose last name on the node goes with this prune', async () => {
      const id = nameless()
      expect(await went('--keep-last', '0')).not.toContain(id)
      expect(images.engine.stored.has(id)).toBe(true)
    })

    test('says why it left one that the engine does not let go, and goes on', async () => {
      const id = nameless()
      images.engine.remove = () =>
        Promise.reject(new DockerIpfsError('ENGINE_FAILED', 'the Docker engine answered: conflict: unable to delete'))
      const { exitCode, stdout, stderr } = await images.run(prune, '-f')
      expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^Total reclaimed/) })
      expect(stderr).toContain(`WARNING: ${id} stays: the Docker engine answered: conflict: unable to delete`)
    })
  })

  test('collects the blocks of what was removed', async () => {
    await images.run(rm, 'tiny:1')
    expect(images.node.blocks.own(parseCid(TINY))).toBeDefined()
    await images.run(prune, '-f')
    expect(images.node.blocks.own(parseCid(TINY))).toBeUndefined()
    expect(images.node.blocks.own(parseCid(APP))).toBeDefined()
  })

  test('takes a manifest that was pushed long ago, and that no name leads to', async () => {
    const { signal } = new AbortController()
    const bytes = Buffer.from('{"schemaVersion":2,"manifests":[]}')
    const record = { mediaType: 'application/vnd.oci.image.index.v1+json', at: 0, bytes }
    const pushed = digest(bytes)
    await images.node.originals.addManifest(pushed, record, undefined, signal)
    expect((await images.run(prune, '--dry-run')).stdout).toContain(`Would delete: ${pushed}\n`)
    expect((await images.run(prune, '--force')).stdout).toContain(`Deleted: ${pushed}\n`)
    expect(await images.node.originals.manifest(pushed, signal)).toBeUndefined()
  })

  test('with --dry-run says what would go, and changes nothing', async () => {
    const left = leftByLoad()
    const { exitCode, stdout } = await images.run(prune, '--dry-run', '--keep-last', '0')
    expect(exitCode).toBe(0)
    expect(stdout.split('\n')).toEqual([
      'Would untag: app:1',
      'Would untag: tiny:1',
      `Would delete: ${left}`,
      'Would collect the garbage of the node: all blocks that neither a name nor a pin keeps',
      '',
    ])
    expect([...images.engine.stored.keys()]).toContain(left)
  })

  test.each([
    ['y', 0],
    ['yes', 0],
    ['n', 1],
    ['', 1],
  ])('asks first, and %j ends with %d', async (answer, exitCode) => {
    const run = await runCommand(prune, ['--keep-last', '0'], { ...images, answer })
    expect(run.exitCode).toBe(exitCode)
    expect(images.node.pins.names.size).toBe(exitCode === 0 ? 0 : 2)
    if (exitCode !== 0) expect(run.stderr).toBe('ERROR: nothing is removed\nAnswer y, or use --force.\n')
  })
})

describe('names', () => {
  beforeEach(async () => {
    for (const [at, tag] of ['2', '3'].entries()) {
      images.engine.add(imageOf([tarOf([{ path: 'f', body: Buffer.from(`${at}`) }])]), `app:${tag}`)
      await Bun.sleep(2)
      await images.run(save, '-q', `app:${tag}`)
    }
  })
  const wouldUntag = async (...argv: string[]) => {
    const { stdout } = await images.run(prune, '--dry-run', ...argv)
    return [...stdout.matchAll(/^Would untag: (.*)$/gm)].map((match) => match[1])
  }

  test('of a repository go but for the last ones', async () => {
    expect(await wouldUntag('--keep-last', '1')).toEqual(['app:2', 'app:1'])
    expect(await wouldUntag('--keep-last', '2')).toEqual(['app:1'])
    expect(await wouldUntag('--keep-last', '3')).toEqual([])
    expect((await images.run(prune, '-f', '--keep-last', '1')).stdout).toContain('Untagged: app:2\n')
    expect(await wouldUntag('--keep-last', '0')).toEqual(['app:3', 'tiny:1'])
  })

  test('go where they are older, and not among the last', async () => {
    expect(await wouldUntag('--until', '1h')).toEqual([])
    expect(await wouldUntag('--until', '2999-01-01')).toHaveLength(4)
    expect(await wouldUntag('--until', '2999-01-01T00:00:00Z', '--keep-last', '2')).toEqual(['app:1'])
  })

  test('stay without either', async () => {
    expect(await wouldUntag()).toEqual([])
  })
})

test.each([
  [['x'], 1, "docker: 'docker ipfs prune' accepts no arguments"],
  [['--keep-last', 'many'], 125, 'invalid argument "many" for "--keep-last" flag: must be a number'],
  [['--keep-last=-1'], 125, 'invalid argument "-1" for "--keep-last" flag'],
  [['--until', 'yesterday'], 125, 'invalid argument "yesterday" for "--until" flag: must be a duration such as 240h'],
  [['--until', '2026-13-99'], 125, 'invalid argument "2026-13-99" for "--until" flag'],
])('%j is a mistake', async (argv, exitCode, text) => {
  const { stderr, ...result } = await images.run(prune, ...argv)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(stderr).toStartWith(text)
})
