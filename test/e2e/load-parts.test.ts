import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { digest, imageOf, noise, type TestImage } from '../support/images.ts'
import { ENGINES, type Engine, useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

const layer = (name: string, bytes = 300_000) => tarOf([{ path: `data/${name}`, body: noise(bytes, name) }])
const BASE = layer('base')
const OLD = imageOf([BASE, layer('old')])
const NEW = imageOf([BASE, layer('new')])

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
const roots = { old: '', new: '' }

beforeAll(async () => {
  const engine = real.engine(ENGINES[0] ?? '')
  roots.old = await engine.save(node(), await engine.give(OLD))
  roots.new = await engine.save(node(), await engine.give(NEW))
})

/** True where layers can be left out. */
const canLeaveOut = (engine: Engine) => !engine.isContainerd || Number(/\d+/.exec(engine.name)?.[0]) >= 28

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

  test('is not sent the layers that the previous version brought, where its store allows', async () => {
    await load(engine(), roots.old)
    const { id, layers } = await load(engine(), roots.new)
    expect(layers).toEqual(lines(NEW, canLeaveOut(engine()) ? 'Already exists' : 'Loaded', 'Loaded'))
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

describe.each(ENGINES.filter((name) => name.endsWith('-ctr')))(
  '%s, whose store knows layers by their blobs,',
  (name) => {
    const engine = () => real.engine(name)

    beforeEach(() => engine().clear())

    test('is sent a layer of which it has only another form', async () => {
      await engine().give(OLD, 'gzip')
      const { id, layers } = await load(engine(), roots.new)
      expect(layers).toEqual(lines(NEW, 'Loaded', 'Loaded'))
      expect(await engine().contents(id)).toEqual(whole(NEW))
    })

    test('is sent an image again of which it lacks a layer', async () => {
      const { id } = await load(engine(), roots.new)
      const folder = `${real.place.folder}/part`
      await engine().docker('image', 'save', '-o', `${folder}.tar`, id)
      await engine().clear()
      // As another tool may leave it: the image is there, the bytes of its layers are not.
      await real.place.run('tar', ['-cf', `${folder}-cut.tar`, '-C', await unpacked(folder), '.'])
      await real.place.run('docker', ['-H', engine().host, 'image', 'load', '-i', `${folder}-cut.tar`])
      expect(await engine().docker('image', 'inspect', '--format', '{{.Id}}', id)).toBe(id)

      const again = await load(engine(), roots.new)
      expect(again.id).toBe(id)
      expect(await engine().contents(id)).toEqual(whole(NEW))
    })

    /** Unpacks the archive of `docker save` and takes the layers away. */
    async function unpacked(folder: string): Promise<string> {
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
