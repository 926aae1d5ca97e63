import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { contentsOf, imageOf, noise } from '../support/images.ts'
import type { KuboNode } from '../support/kubo-node.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

const ENGINE = ENGINES[0] ?? ''
const layer = (name: string) =>
  tarOf(Array.from({ length: 60 }, (_, at) => ({ path: `${name}/${at}`, body: noise(24_000, `still ${name} ${at}`) })))
const LAYERS = [layer('one'), layer('two')] as const
const IMAGE = imageOf([...LAYERS])
const NEXT = imageOf([...LAYERS, layer('three')])

describe('an image whose keeper announces roots alone, and is not connected,', () => {
  const real = useReal({ engines: [ENGINE], nodes: ['keeper', 'guide', 'asker'] })
  const [keeper, guide, asker] = [() => real.node('keeper'), () => real.node('guide'), () => real.node('asker')]
  const engine = () => real.engine(ENGINE)
  const keeperId = () => keeper().swarm.split('/').at(-1) ?? '?'
  let root = ''
  let published = ''
  const delta = () => `${real.place.folder}/delta.car`

  /** As clients, keeper and asker answer no question of others, and meet only whom they look for. */
  async function routes(node: KuboNode, type: 'dhtserver' | 'dhtclient'): Promise<void> {
    await node.stop()
    await node.configure((config) => {
      Object.assign(config['Provide'] ?? {}, { Enabled: true, Strategy: 'roots' })
      config['Routing'] = { Type: type, LoopbackAddressesOnLanDHT: true }
    })
    await node.restart()
  }

  async function run(node: KuboNode, ...args: string[]): Promise<string> {
    const ran = await engine().ipfs(node, ...args)
    expect(ran).toMatchObject({ exitCode: 0 })
    return ran.stdout.trim()
  }

  beforeAll(async () => {
    await Promise.all([routes(keeper(), 'dhtclient'), routes(guide(), 'dhtserver'), routes(asker(), 'dhtclient')])
    await keeper().connect(guide())
    await engine().docker('image', 'tag', await engine().give(IMAGE), 'still:1')
    await engine().docker('image', 'tag', await engine().give(NEXT), 'still:2')
    root = await run(keeper(), 'push', '-q', 'still:1')
    const name = (await run(keeper(), 'publish', '-q', 'still:1')).replace('ipns://', '')
    const { Path } = JSON.parse(await keeper().rpc(`name/resolve?arg=${name}`)) as { Path: string }
    published = Path.replace('/ipfs/', '')
    // The node says so before others have heard it.
    for (const cid of [root, published]) {
      while (!(await guide().rpc(`routing/findprovs?arg=${cid}&num-providers=1`)).includes(keeperId()))
        await Bun.sleep(100)
    }
    await run(keeper(), 'save', '-q', '-o', delta(), '--since', root, 'still:2')
  })

  /** The asker gets something from the keeper. Then it knows the guide alone, who has nothing but can say who has. */
  async function has(get: () => Promise<unknown>): Promise<void> {
    await asker().stop()
    await asker().restart()
    await asker().connect(keeper())
    await get()
    await asker().rpc(`swarm/disconnect?arg=/p2p/${keeperId()}`)
    await asker().connect(guide())
    expect(await asker().rpc('swarm/peers')).not.toContain(keeperId())
  }

  beforeEach(async () => {
    await engine().clear()
    await asker().empty()
  })

  const block = (cid: string) => asker().rpc(`block/get?arg=${cid}`)
  const cat = (path: string) => asker().rpc(`cat?arg=/ipfs/${root}/${path}`)
  const blob = (digest: string) => `blobs/${digest.replace(':', '/')}`

  async function documents(): Promise<string[]> {
    const { manifests } = JSON.parse(await cat('index.json')) as { manifests: { digest: string }[] }
    const manifest = JSON.parse(await cat(blob(manifests[0]?.digest ?? ''))) as Manifest
    await cat(blob(manifest.config.digest))
    return manifest.layers.map(({ digest }) => blob(digest))
  }

  async function firstLayer(): Promise<void> {
    const [first = ''] = await documents()
    await asker().rpc(`refs?arg=/ipfs/${root}/${first}&recursive=true`)
  }

  const load = (...flags: string[]) =>
    engine().ipfs(asker(), 'load', '-q', '--timeout', '15s', '--tag', 'copy:1', ...flags)

  test.each([
    ['its root', () => block(root)],
    ['its documents', documents],
    ['its first layer', firstLayer],
  ])('is loaded where the node has no more than %s', async (_, get) => {
    await has(get)
    expect(await load(root)).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().contents('copy:1')).toEqual(contentsOf(IMAGE))
    expect(await asker().pins()).toEqual([root])
  })

  test('is loaded with gateways beside that do not answer', async () => {
    await has(documents)
    expect(await load('--gateway', 'http://127.0.0.1:9', root)).toMatchObject({ exitCode: 0 })
    expect(await engine().contents('copy:1')).toEqual(contentsOf(IMAGE))
  })

  test('is pinned where the engine has it already', async () => {
    await engine().docker('image', 'tag', await engine().give(IMAGE), 'still:1')
    await has(documents)
    expect(await load(root)).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await asker().pins()).toEqual([root])
  })

  test.each(['inspect', 'history'])('is looked at with %s', async (command) => {
    await has(() => block(root))
    expect(await engine().ipfs(asker(), command, '--timeout', '15s', root)).toMatchObject({ exitCode: 0, stderr: '' })
  })

  test('is verified, but for what nobody reads', async () => {
    await has(() => block(root))
    const { stdout } = await engine().ipfs(asker(), 'verify', '-q', '--timeout', '15s', root)
    const faults = stdout.trim().split('\n')
    expect(faults.filter((fault) => !fault.endsWith(' of documents, directories or image.tar'))).toEqual([])
  })

  test('is pulled from a publication of which the node has no more than the root', async () => {
    await has(() => block(published))
    const pulled = await engine().ipfs(asker(), 'pull', '-q', '--timeout', '15s', `ipfs://${published}/still:1`)
    expect(pulled).toMatchObject({ exitCode: 0, stdout: 'docker.io/library/still:1\n' })
  })

  test('gives a CAR file that builds on it what that lacks', async () => {
    await has(() => block(root))
    expect(await load('-i', delta())).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().contents('copy:1')).toEqual(contentsOf(NEXT))
  })
})

interface Manifest {
  readonly config: { readonly digest: string }
  readonly layers: readonly { readonly digest: string }[]
}
