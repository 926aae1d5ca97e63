import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES, ENGINES_LEAVING_OUT, type Engine } from '../support/engine.ts'
import { digest, imageOf, noise, type TestImage } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

const layer = (name: string, bytes = 300_000) => tarOf([{ path: `data/${name}`, body: noise(bytes, name) }])
const BASE = layer('base')
const OLD = imageOf([BASE, layer('old')])
const NEW = imageOf([BASE, layer('new')])

const real = useReal({ engines: ENGINES, nodes: ['node', 'far'] })
const node = () => real.node('node')
const roots = { old: '', new: '' }

beforeAll(async () => {
  const engine = real.engine(ENGINES[0] ?? '')
  roots.old = await engine.save(node(), await engine.give(OLD))
  roots.new = await engine.save(node(), await engine.give(NEW))
})

/** True where layers can be left out. */
const canLeaveOut = (engine: Engine) => ENGINES_LEAVING_OUT.includes(engine.name)

async function load(engine: Engine, root: string, ...flags: string[]) {
  const run = await engine.ipfs(node(), 'load', ...flags, root)
  expect(run).toMatchObject({ exitCode: 0 })
  const id = /(sha256:[0-9a-f]{64})\n$/.exec(run.stdout)?.[1] ?? ''
  const layers = [...run.stderr.matchAll(/^([0-9a-f]{12}): (\w.*?) {2}/gm)].map(
    ([, name, status]) => `${name} ${status}`,
  )
  return { id, layers, stderr: run.stderr }
}

const lines = ({ diffIds }: TestImage, ...statuses: string[]) =>
  diffIds.map((diffId, at) => `${diffId.slice(7, 19)} ${statuses[at]}`)

const whole = ({ config, diffIds }: TestImage) => ({ config: digest(config), diffIds })

describe.each(ENGINES)('%s', (name) => {
  const engine = () => real.engine(name)

  beforeEach(() => engine().clear())

  test('is not sent the layers that the previous version brought', async () => {
    await load(engine(), roots.old)
    const { id, layers } = await load(engine(), roots.new)
    expect(layers).toEqual(lines(NEW, 'Already exists', 'Loaded'))
    expect(await engine().contents(id)).toEqual(whole(NEW))
    // Nothing is left of what was made to ask the engine.
    expect(await engine().images()).toHaveLength(2)
  })

  test('is sent nothing when it has the image, which only gets its name', async () => {
    const { id } = await load(engine(), roots.old)
    const { stderr, layers } = await load(engine(), roots.old)
    expect(stderr).toContain('\nThe engine has this image already\n')
    expect(layers).toEqual([])
    const run = await engine().ipfs(node(), 'load', '-q', '--tag', 'app:1', roots.old)
    expect(run).toMatchObject({ exitCode: 0, stdout: 'Loaded image: app:1\n', stderr: '' })
    expect(await engine().images()).toEqual([`${id} app:1`])
  })

  test('has a whole image when the one that had its layers goes', async () => {
    const first = await load(engine(), roots.old)
    const { id } = await load(engine(), roots.new)
    await engine().docker('image', 'rm', first.id)
    expect(await engine().contents(id)).toEqual(whole(NEW))
  })
})

describe.each(ENGINES)('what %s has loaded', (name) => {
  const engine = () => real.engine(name)
  const fetched = (root: string) => engine().ipfs(real.node('far'), 'load', '--tag', 'app:1', root)

  beforeEach(async () => {
    await engine().clear()
    await real.node('far').emptyAndMeet(node())
  })

  test('is pinned, has its name in the catalogue, and is saved again at once', async () => {
    const run = await fetched(roots.old)
    expect(run).toMatchObject({ exitCode: 0 })
    expect(await real.node('far').pins()).toEqual([roots.old])
    const named = JSON.parse(await real.node('far').rpc('files/stat?arg=/docker-ipfs/images/docker.io/library/app:1'))
    expect(named).toMatchObject({ Size: 0, Type: 'directory' })
    const saved = await engine().ipfs(real.node('far'), 'save', 'app:1')
    expect(saved).toMatchObject({ stdout: `${roots.old}\n`, stderr: `${roots.old} is already saved\n` })
  })

  test('came from the network, from the node, or was there', async () => {
    const sources = (text: string) =>
      /^From the network (\S+), on the node (\S+); the engine had (\S+)$/m.exec(text)?.slice(1)
    const kilobytes = (text = '') => Number(/^([\d.]+)kB$/.exec(text)?.[1] ?? 0)
    const run = await fetched(roots.old)
    expect(run).toMatchObject({ exitCode: 0, stdout: 'Loaded image: app:1\n' })
    const first = sources(run.stderr)
    expect(kilobytes(first?.[0])).toBeGreaterThan(600)
    expect(first?.[2]).toBe('0B')

    const next = sources((await fetched(roots.new)).stderr)
    expect(kilobytes(next?.[0])).toBeWithin(300, 330)
    expect(kilobytes(next?.[1])).toBeWithin(270, 310)
    expect(kilobytes(next?.[2])).toBeWithin(canLeaveOut(engine()) ? 300 : 0, canLeaveOut(engine()) ? 310 : 1)

    const again = sources((await fetched(roots.new)).stderr)
    expect(again?.[0]).toBe('0B')
    expect(kilobytes(again?.[2])).toBeGreaterThan(600)
  })

  test('with --no-pin is neither pinned nor named, and of what the engine has nothing is fetched', async () => {
    const before = await real.node('far').names()
    const received = () => real.node('far').fetched()
    const first = await received()
    await load(engine(), roots.old)
    const run = await engine().ipfs(real.node('far'), 'load', '--no-pin', '--tag', 'app:2', roots.new)
    expect(run).toMatchObject({ exitCode: 0, stdout: 'Loaded image: app:2\n' })
    expect(await engine().contents('app:2')).toEqual(whole(NEW))
    expect(await real.node('far').pins()).toEqual([])
    expect(await real.node('far').names()).toBe(before)
    if (canLeaveOut(engine())) expect((await received()) - first).toBeLessThan(400_000)
  })
})

describe.each(ENGINES.filter((name) => name.endsWith('-ctr')))(
  '%s, whose store knows layers by their blobs,',
  (name) => {
    const engine = () => real.engine(name)

    beforeEach(() => engine().clear())

    test('is sent a layer of which it has only another form', async () => {
      // Layers of its own: of those that other tests have loaded, the store may still have the blobs.
      const shared = layer('in two forms')
      const next = imageOf([shared, layer('next')])
      const root = await engine().save(node(), await engine().give(next))
      await engine().clear()
      await engine().give(imageOf([shared, layer('before')]), 'gzip')
      const { id, layers } = await load(engine(), root)
      expect(layers).toEqual(lines(next, 'Loaded', 'Loaded'))
      expect(await engine().contents(id)).toEqual(whole(next))
    })

    /** As another tool may leave it: the image is there, the bytes of its layers are not. */
    async function loadWithoutLayers(root: string): Promise<string> {
      const { id } = await load(engine(), root)
      const folder = `${real.place.folder}/part`
      await engine().docker('image', 'save', '-o', `${folder}.tar`, id)
      await engine().clear()
      await real.place.run('tar', ['-cf', `${folder}-cut.tar`, '-C', await unpacked(folder), '.'])
      await real.place.run('docker', ['-H', engine().host, 'image', 'load', '-i', `${folder}-cut.tar`])
      expect(await engine().docker('image', 'inspect', '--format', '{{.Id}}', id)).toBe(id)
      return id
    }

    test('is sent all of an image when the version before, which the catalogue knows, is not whole', async () => {
      const old = await loadWithoutLayers(roots.old)
      const { id } = await load(engine(), roots.new)
      expect(await engine().contents(id)).toEqual(whole(NEW))
      expect(await engine().docker('image', 'inspect', '--format', '{{.Id}}', old)).toBe(old)
    })

    test('is sent an image again of which it lacks a layer', async () => {
      const id = await loadWithoutLayers(roots.new)

      const again = await load(engine(), roots.new)
      expect(again.id).toBe(id)
      expect(await engine().contents(id)).toEqual(whole(NEW))
    })

    test('is not made to pack an image that it has, and is sent it again without any of its blobs', async () => {
      const { id } = await load(engine(), roots.new)
      const since = Date.now() / 1000
      expect((await load(engine(), roots.new)).stderr).toContain('\nThe engine has this image already\n')
      const until = String(Date.now() / 1000)
      const events = ['events', '--since', String(since), '--until', until, '--format', '{{.Action}} {{.Actor.ID}}']
      expect(await engine().docker(...events)).toBe('')
      for (const blob of await blobsOf(id)) {
        await engine().loseBlob(blob)
        expect((await load(engine(), roots.new)).stderr).not.toContain('The engine has this image already')
        expect(await engine().contents(id)).toEqual(whole(NEW))
      }
    })

    /** What an image is made of: its manifest, its config and its layers. */
    async function blobsOf(id: string): Promise<string[]> {
      const folder = `${real.place.folder}/blobs`
      await engine().docker('image', 'save', '-o', `${folder}.tar`, id)
      const bytes = (await real.place.run('tar', ['-xOf', `${folder}.tar`, `blobs/sha256/${id.slice(7)}`])).stdout
      const manifest = JSON.parse(bytes) as { config: { digest: string }; layers: { digest: string }[] }
      return [id, manifest.config.digest, ...manifest.layers.map((one) => one.digest)]
    }

    /** Unpacks the archive of `docker save` and takes the layers away. */
    async function unpacked(folder: string): Promise<string> {
      await real.place.run('rm', ['-rf', folder])
      await real.place.run('mkdir', ['-p', folder])
      await real.place.run('tar', ['-xf', `${folder}.tar`, '-C', folder])
      await real.place.run('find', [`${folder}/blobs`, '-type', 'f', '-size', '+100k', '-delete'])
      return folder
    }
  },
)

test('an engine that has the layers in an archive of its own form keeps the image that it has', async () => {
  for (const name of ENGINES.filter((each) => !each.endsWith('-ctr'))) {
    const engine = real.engine(name)
    await engine.clear()
    const id = await engine.give(OLD)
    const run = await load(engine, roots.old)
    expect(run).toMatchObject({ id, layers: [] })
  }
})
