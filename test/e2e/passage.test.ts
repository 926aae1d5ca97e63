import { beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { archive20, imageOf, noise, type TestImage } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { relay } from '../support/relay.ts'
import { tarOf } from '../support/tar.ts'

const real = useReal({ engines: ENGINES, nodes: ['node', 'other'] })

/** Layers that no other test has: a store may know for a while what was removed from it. */
function releases(name: string): readonly [TestImage, TestImage] {
  const layer = (size: number) => tarOf([{ path: `${name}-${size}`, body: noise(size, name + crypto.randomUUID()) }])
  const base = [layer(3_000_000), layer(2_000_000)]
  return [imageOf(base), imageOf([...base, layer(20_000)])]
}

/** Its root CID, as an archive gives it. */
async function saved(image: TestImage, node: string): Promise<string> {
  const file = `${real.place.folder}/${crypto.randomUUID()}.tar`
  await Bun.write(file, archive20(image))
  const run = await real.engine(ENGINES[0] ?? '').ipfs(real.node(node), 'save', '-q', '-i', file)
  expect(run).toMatchObject({ exitCode: 0, stderr: '' })
  return run.stdout.trim()
}

describe.each(ENGINES)('%s', (name) => {
  const engine = () => real.engine(name)
  const ofRegistry = async (action: () => Promise<unknown>) => {
    const since = Date.now() / 1000
    await action()
    const until = Date.now() / 1000 + 0.01
    const format = ['--format', '{{.Action}}', '--filter', 'type=image']
    const actions = await engine().docker('events', '--since', `${since}`, '--until', `${until}`, ...format)
    return actions.split('\n').filter((one) => one === 'push' || one === 'pull')
  }
  const names = (image: string) =>
    engine().docker('image', 'inspect', '--format', '{{json .RepoTags}} {{json .RepoDigests}}', image)

  beforeEach(() => engine().clear())

  test('pulls an image that it has nothing of, and then what is new; pushes what is new of the next', async () => {
    const [first, next] = releases(name)
    const [one, two] = [await saved(first, 'node'), await saved(next, 'other')]
    const load = () => engine().ipfs(real.node('node'), 'load', one)
    expect(await ofRegistry(async () => expect(await load()).toMatchObject({ exitCode: 0 }))).toEqual(['pull'])
    const [line = '', ...more] = await engine().images()
    expect(more).toEqual([])
    expect(line).toEndWith(' <none>:<none>')
    const id = line.split(' ')[0] ?? ''
    expect(await names(id)).toBe('[] []')
    expect(await engine().contents(id)).toEqual({ config: expect.any(String), diffIds: first.diffIds })

    await engine().docker('image', 'tag', id, 'team/app:1')
    const given = await engine().give(next)
    await engine().docker('image', 'tag', given, 'team/app:2')
    const before = [await engine().images(), await names('team/app:2')]
    let said = ''
    const save = async () => {
      const run = await engine().ipfs(real.node('node'), 'save', 'team/app:2')
      expect(run).toMatchObject({ exitCode: 0, stdout: `${two}\n` })
      said = run.stderr
    }
    expect(await ofRegistry(save)).toEqual(['push'])
    expect([await engine().images(), await names('team/app:2')]).toEqual(before)
    expect(said.match(/: Already saved /g)).toHaveLength(2)
    expect(said.match(/: Saved /g)).toHaveLength(1)
    expect(await engine().contents('team/app:2')).toEqual({ config: expect.any(String), diffIds: next.diffIds })
  })

  test('is not asked to push an image without a name, nor its last name taken away', async () => {
    const [image] = releases(name)
    const id = await engine().give(image)
    const root = await saved(image, 'other')
    const save = async () => expect(await engine().save(real.node('node'), id)).toBe(root)
    expect(await ofRegistry(save)).toEqual([])
    expect(await engine().images()).toHaveLength(1)
  })

  test('has no name of ours left after Ctrl-C; after kill -9 prune takes it away', async () => {
    const [image] = releases(name)
    const node = real.node('node')
    const root = await saved(image, 'node')
    await engine().ipfs(node, 'load', '--tag', 'team/app:1', root)
    const before = await engine().images()
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const at = await relay({ port: 0 }, { port: node.port }, { from: 'caller', after: 1_000_000 })
      const running = engine().startIpfs(at, ['save', '--no-cache', 'team/app:1'])
      await Promise.race([at.reached, running.finished])
      running.signalAll(signal)
      await running.finished
      at.close()
      if (signal === 'SIGINT') expect(await engine().images()).toEqual(before)
    }
    const pruned = await engine().ipfs(node, 'prune', '--force')
    expect(pruned).toMatchObject({ exitCode: 0 })
    expect(await engine().images()).toEqual(before)
  })
})
