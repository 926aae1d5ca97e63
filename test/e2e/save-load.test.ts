import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { contentsOf, GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import type { Finished } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { relay } from '../support/relay.ts'
import { tarOf } from '../support/tar.ts'

/** Built once: making them takes longer than saving them. */
const IMAGES = { tiny: GOLDEN.tiny(), strange: GOLDEN.strange(), large: GOLDEN.large() }
const SIZE = expect.any(Number)

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
const loadedId = (run: Finished) => run.stdout.trimEnd().slice('Loaded image ID: '.length)

describe.each(ENGINES)('%s', (name) => {
  const engine = () => real.engine(name)

  beforeEach(() => engine().clear())

  describe.each(['tiny', 'strange', 'large'] as const)('the golden image "%s"', (golden) => {
    const image = IMAGES[golden]

    test('has its golden root CID, and comes back from it as it was', async () => {
      const id = await engine().give(image)
      expect(await engine().save(node(), id)).toBe(GOLDEN_ROOTS[golden])
      expect(await node().pins()).toContain(GOLDEN_ROOTS[golden])

      await engine().docker('image', 'rm', id)
      const before = await real.traces()
      expect(before.images[name]).toEqual([])
      const loaded = await engine().ipfs(node(), 'load', '-q', GOLDEN_ROOTS[golden])
      expect(loaded).toMatchObject({ exitCode: 0, stderr: '' })
      expect(loaded.stdout).toMatch(/^Loaded image ID: sha256:[0-9a-f]{64}\n$/)
      const newId = loadedId(loaded)
      expect(await engine().contents(newId)).toEqual(contentsOf(image))
      // A containerd store names an image by its manifest: there the ID is that of our manifest.
      if (!engine().isContainerd) expect(newId).toBe(id)
      expect(await real.traces()).toMatchObject({
        processes: [],
        files: [],
        pins: before.pins,
        images: { ...before.images, [name]: [`${newId} <none>:<none>`] },
      })
    })
  })

  test('save takes a name, a short ID and a full ID', async () => {
    const id = await engine().give(IMAGES.tiny)
    await engine().docker('image', 'tag', id, 'team/app:1.0')
    const hex = id.slice('sha256:'.length)
    for (const image of ['team/app:1.0', hex.slice(0, 12), hex, id]) {
      expect(await engine().save(node(), image)).toBe(GOLDEN_ROOTS.tiny)
    }
  })

  test('save says a line for each layer on stderr, and the CID alone on stdout', async () => {
    const id = await engine().give(IMAGES.tiny)
    const { stdout, stderr } = await engine().ipfs(node(), 'save', '--no-cache', '--progress', 'plain', id)
    expect(stdout).toBe(`${GOLDEN_ROOTS.tiny}\n`)
    expect(stderr.replace(/^[0-9a-f]{12}:/m, '<id>:')).toBe(`Saving ${id}\n<id>: Saved  2.048kB\n`)
  })

  test('what was loaded with a name has that name, and the same root CID when it is saved again', async () => {
    await engine().save(node(), await engine().give(IMAGES.tiny))
    await engine().clear()
    const run = await engine().ipfs(node(), 'load', '--tag', 'registry.example:5000/team/app:1.0', GOLDEN_ROOTS.tiny)
    expect(run).toMatchObject({ exitCode: 0, stdout: 'Loaded image: registry.example:5000/team/app:1.0\n' })
    expect(await engine().images()).toEqual([expect.stringMatching(/ registry\.example:5000\/team\/app:1\.0$/)])
    expect(await engine().save(node(), 'registry.example:5000/team/app:1.0')).toBe(GOLDEN_ROOTS.tiny)
  })

  test('a name that another image has moves to the loaded one, and the other image stays', async () => {
    await engine().save(node(), await engine().give(IMAGES.tiny))
    await engine().clear()
    const other = await engine().give(IMAGES.strange)
    await engine().docker('image', 'tag', other, 'app:1')
    expect(await engine().ipfs(node(), 'load', '--tag', 'app:1', GOLDEN_ROOTS.tiny)).toMatchObject({ exitCode: 0 })
    const images = await engine().images()
    expect(images).toHaveLength(2)
    expect(images).toContain(`${other} <none>:<none>`)
  })

  test('saving twice and loading twice is the same as once', async () => {
    const id = await engine().give(IMAGES.strange)
    await engine().save(node(), id)
    await engine().docker('image', 'rm', id)
    const first = await engine().ipfs(node(), 'load', '-q', GOLDEN_ROOTS.strange)
    const before = await real.traces()
    expect(await engine().ipfs(node(), 'load', '-q', GOLDEN_ROOTS.strange)).toMatchObject({
      exitCode: 0,
      stdout: first.stdout,
    })
    expect(await engine().save(node(), loadedId(first))).toBe(GOLDEN_ROOTS.strange)
    // The catalogue may have learned one more ID.
    expect(await real.traces()).toEqual({ ...before, names: expect.anything() })
  })
})

describe.each(ENGINES.filter((name) => !name.endsWith('-ctr')))('%s, a classic store,', (name) => {
  test('is not waited for: an image is read while it is packed', async () => {
    const engine = real.engine(name)
    const id = await engine.give(IMAGES.large)
    const stall = { from: 'called', after: 1_000_000, showsPacking: true } as const
    const at = await relay({ path: `${real.place.folder}/relay.sock` }, { path: engine.socket }, stall)
    try {
      expect(await engine.behind(at).save(node(), id)).toBe(GOLDEN_ROOTS.large)
    } finally {
      at.close()
    }
  })
})

describe('the command line', () => {
  const engine = () => real.engine(ENGINES[0] ?? '')

  beforeAll(async () => {
    await engine().clear()
    await engine().save(node(), await engine().give(IMAGES.tiny))
    await engine().save(node(), await engine().give(IMAGES.large))
  })

  test('the CIDs of several images come in the order of their names', async () => {
    await engine().docker('image', 'tag', await engine().give(IMAGES.large), 'large:1')
    await engine().docker('image', 'tag', await engine().give(IMAGES.tiny), 'tiny:1')
    const run = await engine().ipfs(node(), 'save', '--quiet', 'large:1', 'tiny:1')
    expect(run).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.large}\n${GOLDEN_ROOTS.tiny}\n`, stderr: '' })
  })

  test('--progress json writes one object a line', async () => {
    await engine().clear()
    const { stderr } = await engine().ipfs(node(), 'load', '--progress', 'json', GOLDEN_ROOTS.large)
    const events = stderr.trimEnd().split('\n')
    const loaded = events
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((event) => event['text'] === 'Loaded')
    // An engine that pulls takes several at once.
    expect(loaded.sort((a, b) => Number(b['total']) - Number(a['total']))).toEqual([
      { id: IMAGES.large.diffIds[0]?.slice(7, 19), text: 'Loaded', current: SIZE, total: SIZE, percent: 100 },
      { id: IMAGES.large.diffIds[1]?.slice(7, 19), text: 'Loaded', current: SIZE, total: SIZE, percent: 100 },
    ])
  })

  test.each([`ipfs://${GOLDEN_ROOTS.tiny}`, `/ipfs/${GOLDEN_ROOTS.tiny}`, `ipfs://${GOLDEN_ROOTS.tiny}/`])(
    'load takes %s',
    async (reference) => {
      const run = await engine().ipfs(node(), 'load', reference)
      expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^Loaded image ID: sha256:/) })
    },
  )

  test('--api wins over DOCKER_IPFS_API, as a multiaddr or as a URL', async () => {
    const nowhere = { api: '/ip4/127.0.0.1/tcp/1' }
    for (const api of [node().api, `http://127.0.0.1:${node().port}`]) {
      expect(await engine().ipfs(nowhere, 'load', '--api', api, GOLDEN_ROOTS.tiny)).toMatchObject({ exitCode: 0 })
    }
  })

  test('the api file of $IPFS_PATH is used where nothing else is said', async () => {
    const env = { DOCKER_IPFS_API: '', IPFS_PATH: node().repo }
    const run = await engine().startIpfs(node(), ['load', '-q', GOLDEN_ROOTS.tiny], { env }).finished
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
  })
})

describe('from one engine to the others', () => {
  beforeEach(() => Promise.all(ENGINES.map((name) => real.engine(name).clear())))

  test('an image loaded from IPFS has the same root CID on every engine', async () => {
    const [first, ...others] = ENGINES.map((name) => real.engine(name))
    const root = await first?.save(node(), await first.give(IMAGES.large))
    for (const engine of others) {
      await engine.ipfs(node(), 'load', '--tag', 'copy:1', root ?? '')
      expect(await engine.save(node(), 'copy:1')).toBe(root ?? '')
    }
  })

  describe.each(ENGINES.filter((name) => name.endsWith('-ctr')))(
    '%s, whose store keeps layers as they came',
    (name) => {
      const engine = () => real.engine(name)

      test.each(['tiny', 'strange', 'large'] as const)(
        'gzip layers of "%s" give the golden root CID',
        async (golden) => {
          const id = await engine().give(IMAGES[golden], 'gzip')
          expect(await engine().save(node(), id)).toBe(GOLDEN_ROOTS[golden])
        },
      )

      test('an image made there by import and commit has the same root CID where its archive is carried', async () => {
        const folder = real.place.folder
        await Bun.write(`${folder}/base.tar`, tarOf([{ path: 'etc/base', body: Buffer.from('base\n') }]))
        await Bun.write(`${folder}/added`, 'added\n')
        await engine().docker('import', `${folder}/base.tar`, 'base:1')
        await engine().docker('container', 'create', '--name', 'made', 'base:1', '/nothing')
        await engine().docker('cp', `${folder}/added`, 'made:/etc/added')
        await engine().docker('commit', 'made', 'made:1')
        await engine().docker('container', 'rm', 'made')
        const original = await engine().contents('made:1')
        expect(original.diffIds).toHaveLength(2)
        const root = await engine().save(node(), 'made:1')

        await engine().docker('image', 'save', '-o', `${folder}/made.tar`, 'made:1')
        for (const other of ENGINES.filter((candidate) => candidate !== name).map((each) => real.engine(each))) {
          await other.docker('image', 'load', '-i', `${folder}/made.tar`)
          expect(await other.contents('made:1')).toEqual(original)
          expect(await other.save(node(), 'made:1')).toBe(root)
        }
      })
    },
  )
})
