import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { contentsOf, GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import type { KuboNode } from '../support/kubo-node.ts'
import { useReal } from '../support/real.ts'

const LARGE = GOLDEN.large()
const [FIRST = '', SECOND = FIRST] = [ENGINES[0], ENGINES.at(-1)]

describe('an image saved on node A', () => {
  const real = useReal({ engines: ENGINES, nodes: ['a', 'b', 'c'] })
  const root = GOLDEN_ROOTS.large

  beforeAll(async () => {
    await real.engine(FIRST).save(real.node('a'), await real.engine(FIRST).give(LARGE))
    await real.node('b').connect(real.node('a'))
  })
  beforeEach(() => Promise.all(ENGINES.map((name) => real.engine(name).clear())))

  async function loads(engineName: string, node: KuboNode): Promise<void> {
    const engine = real.engine(engineName)
    const run = await engine.ipfs(node, 'load', '-q', '--timeout', '15s', '--tag', 'copy:1', root)
    expect(run).toMatchObject({ exitCode: 0, stdout: 'Loaded image: copy:1\n', stderr: '' })
    expect(await engine.contents('copy:1')).toEqual(contentsOf(LARGE))
  }

  test('is loaded through node B, which knows A alone, and B then has all of it', async () => {
    expect(await real.node('b').pins()).toEqual([])
    await loads(FIRST, real.node('b'))
    expect(await real.node('b').pins()).toEqual([root])
    const refs = (name: string) => real.node(name).rpc(`refs?arg=${root}&recursive=true&unique=true&offline=true`)
    expect((await refs('b')).split('\n').sort()).toEqual((await refs('a')).split('\n').sort())
  })

  test('is loaded from B on another engine when A has gone', async () => {
    await real.node('a').stop()
    await loads(SECOND, real.node('b'))
    await loads(FIRST, real.node('b'))
  })

  test('is loaded from B by a third node', async () => {
    await real.node('c').connect(real.node('b'))
    await loads(SECOND, real.node('c'))
    expect(await real.node('c').pins()).toEqual([root])
  })

  test('is not found by a node that knows nobody who has it', async () => {
    const lone = await real.startNode('lone')
    const run = await real.engine(FIRST).ipfs(lone, 'load', '-q', '--timeout', '2s', root)
    expect(run.exitCode).toBe(4)
    expect(run.stderr).toStartWith(`ERROR: no node gave ${root} within 2 s\n`)
    expect(await lone.pins()).toEqual([])
    expect(await real.engine(FIRST).images()).toEqual([])
  })
})

describe('push', () => {
  const real = useReal({ engines: [FIRST], nodes: ['alone', 'sender', 'receiver'] })
  const root = GOLDEN_ROOTS.tiny
  const push = (node: KuboNode, ...flags: string[]) => real.engine(FIRST).ipfs(node, 'push', ...flags, 'tiny:1')

  /** Private nodes announce nothing; these two do, to each other. */
  async function announces(node: KuboNode): Promise<void> {
    await node.stop()
    await node.configure((config) => {
      Object.assign(config['Provide'] ?? {}, { Enabled: true })
      config['Routing'] = { Type: 'dhtserver', LoopbackAddressesOnLanDHT: true }
    })
    await node.restart()
  }

  beforeAll(async () => {
    await real.engine(FIRST).docker('image', 'tag', await real.engine(FIRST).give(GOLDEN.tiny()), 'tiny:1')
    await Promise.all(['alone', 'sender', 'receiver'].map((name) => announces(real.node(name))))
    await real.node('receiver').connect(real.node('sender'))
  })

  test('prints the CID, and says how to load the image and that nobody is connected', async () => {
    const run = await push(real.node('alone'), '--timeout', '5s')
    expect({ ...run, stderr: run.stderr.trimEnd().split('\n') }).toMatchObject({
      exitCode: 6,
      stdout: `${root}\n`,
      stderr: [
        'Saving tiny:1',
        expect.stringMatching(/^[0-9a-f]{12}: Saved {2}2\.048kB$/),
        `Announcing ${root}`,
        expect.stringMatching(/^WARNING: not announced: .+; the node is connected to 0 peers$/),
        `To load it: docker ipfs load ${root}`,
        `ERROR: ${root} is saved, but not announced`,
        'Nodes that are connected to this one find it all the same; "docker ipfs doctor" says what is in the way.',
      ],
    })
    expect(await real.node('alone').pins()).toEqual([root])
  })

  test('announces the image to the peers of the node, which then find it', async () => {
    const run = await push(real.node('sender'))
    expect(run).toMatchObject({ exitCode: 0, stdout: `${root}\n` })
    expect(run.stderr.trimEnd().split('\n').slice(2)).toEqual([
      `Announcing ${root}`,
      'Announced; the node is connected to 1 peer',
      `To load it: docker ipfs load ${root}`,
    ])
    const found = await real.node('receiver').rpc(`routing/findprovs?arg=${root}&num-providers=1`)
    expect(found).toContain(real.node('sender').swarm.split('/').at(-1) ?? '?')
    await real.engine(FIRST).clear()
    expect(await real.engine(FIRST).ipfs(real.node('receiver'), 'load', root)).toMatchObject({ exitCode: 0 })
  })

  test('prints the CID alone with -q', async () => {
    await real.engine(FIRST).docker('image', 'tag', await real.engine(FIRST).give(GOLDEN.tiny()), 'tiny:1')
    expect(await push(real.node('sender'), '-q')).toMatchObject({ exitCode: 0, stdout: `${root}\n`, stderr: '' })
  })
})
