import { describe, expect, test } from 'bun:test'
import { examineNode } from '../../../src/doctor/node.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import type { NodeHealth } from '../../../src/store/kubo/health/health.ts'
import { formatBytes } from '../../../src/units.ts'
import { nodeWith } from '../../support/healthy.ts'

const never = new AbortController().signal

/** What is not all right: state and part of the words. */
async function faults(other: Partial<NodeHealth>): Promise<string[]> {
  const nodes = { openNode: async () => nodeWith(other), openOther: async () => nodeWith(other) }
  const findings = await examineNode(nodes, { format: formatBytes }, never)
  return findings.filter(({ state }) => state !== 'ok').map(({ state, check, found }) => `${state} ${check}: ${found}`)
}

test("the doctor says that it is a cluster's proxy", async () => {
  const open = async () => nodeWith({ isCluster: async () => true })
  const findings = await examineNode({ openNode: open, openOther: open }, { format: formatBytes }, never)
  expect(findings.find(({ check }) => check === 'reachable')).toMatchObject({
    state: 'ok',
    found: "it answers: an IPFS Cluster's proxy, so that all pins are the cluster's",
  })
})

test.each<[string, Partial<NodeHealth>, string[]]>([
  ['nothing', {}, []],
  [
    'what an older Kubo, or a proxy, does not tell',
    {
      peers: async () => undefined,
      reachability: async () => undefined,
      storage: async () => ({}),
      config: async () => undefined,
    },
    [],
  ],
  ['that another node lets in whoever has a secret, or whoever is on this machine', { isOpen: async () => false }, []],
  ['nothing of who gets in elsewhere', { isOpen: async () => undefined }, []],
  [
    'that one of our own is open',
    { isManaged: true, isOpen: async () => true },
    ['warn other users: every user of this machine may use its API: it was made by an earlier docker-ipfs'],
  ],
  ['that nobody has tried to reach it', { reachability: async () => 'unknown' }, []],
  [
    'that it cannot be reached',
    { reachability: async () => 'private' },
    ['warn outside: not reachable from outside: others get images from it only through relays'],
  ],
  [
    'a secret that goes over the network as it is',
    { isSecretOpen: true },
    ['warn address: http://127.0.0.1:5001 (from the default): the token or password goes there unencrypted'],
  ],
  [
    'little room',
    { storage: async () => ({ used: 1e9, limit: 10e9, free: 0.5e9 }) },
    ['warn storage: its disk is nearly full: 1GB used, StorageMax 10GB, 500MB left on its disk'],
  ],
  [
    'no room',
    { storage: async () => ({ used: 9e9, limit: 10e9, free: 0 }) },
    ['fail storage: its disk is full: 9GB used, StorageMax 10GB, 0B left on its disk'],
  ],
  [
    'its own limit',
    { storage: async () => ({ used: 9e9, limit: 10e9, free: 50e9 }) },
    ['warn storage: 90 % of its limit: 9GB used, StorageMax 10GB, 50GB left on its disk'],
  ],
  [
    'that it announces nothing',
    { config: async (name) => (name === 'Provide' ? { Enabled: false } : { Type: 'auto' }) },
    ['warn announcing: Provide.Enabled is false: "docker ipfs push" cannot announce'],
  ],
])('the doctor says of a node: %s', async (_, other, expected) => {
  expect(await faults(other)).toEqual(expected)
})

test('a node that goes away while it is looked at is not reachable', async () => {
  const gone = new DockerIpfsError('NODE_UNREACHABLE', 'gone', { hint: 'Start it.' })
  expect(await faults({ peers: () => Promise.reject(gone) })).toEqual(['fail reachable: gone'])
})

test('what is no error of ours is a bug, and no finding', async () => {
  await expect(faults({ version: () => Promise.reject(new TypeError('x')) })).rejects.toThrow(TypeError)
})

describe('a node that does not answer', () => {
  const down = new DockerIpfsError('NODE_UNREACHABLE', 'down', { hint: 'Start it.' })
  const downAt = (address: string, source: string) => nodeWith({ address, source, version: () => Promise.reject(down) })
  const named = downAt('http://127.0.0.1:1', '--api')

  const lookAt = (node: NodeHealth, openOther: () => Promise<NodeHealth>) =>
    examineNode({ openNode: async () => node, openOther }, { format: formatBytes }, never)

  test('is not asked anything else, and what its error says is to be done', async () => {
    expect(await lookAt(named, async () => named)).toEqual([
      { part: 'node', check: 'address', state: 'ok', found: 'http://127.0.0.1:1 (from --api)', todo: '' },
      { part: 'node', check: 'reachable', state: 'fail', found: 'down', todo: 'Start it.' },
    ])
  })

  test('is to give way to another that does', async () => {
    const [, reachable] = await lookAt(named, async () => nodeWith({}))
    expect(reachable).toMatchObject({
      state: 'fail',
      todo: 'A node answers at http://127.0.0.1:5001 (from the default): name that one, or take --api out.',
    })
  })

  test.each<[string, () => Promise<NodeHealth>]>([
    ['does not answer either', async () => downAt('http://127.0.0.1:2', 'the default')],
    ['has an address that cannot be read', () => Promise.reject(new DockerIpfsError('BAD_FLAG', 'x'))],
  ])('is not to give way to another that %s', async (_, openOther) => {
    expect((await lookAt(named, openOther))[1]).toMatchObject({ state: 'fail', todo: 'Start it.' })
  })

  test('is not looked for elsewhere when the user has had enough', async () => {
    const stop = new AbortController()
    const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')
    const openOther = async () => {
      stop.abort(cancelled)
      throw new Error('aborted')
    }
    const looking = examineNode({ openNode: async () => named, openOther }, { format: formatBytes }, stop.signal)
    expect(await looking.catch((error) => error)).toBe(cancelled)
  })
})

test('an address that cannot be read is all that is found', async () => {
  const openNode = () => Promise.reject(new DockerIpfsError('BAD_FLAG', 'cannot read it', { hint: 'Give a URL.' }))
  const findings = await examineNode({ openNode, openOther: openNode }, { format: formatBytes }, never)
  expect(findings).toEqual([
    { part: 'node', check: 'address', state: 'fail', found: 'cannot read it', todo: 'Give a URL.' },
  ])
})

test.each<[string, Partial<NodeHealth>, string, string]>([
  ['peers', { peers: async () => 0 }, 'warn', 'connected to no peer: it finds no image elsewhere'],
  ['peers', { peers: async () => 12 }, 'ok', 'connected to 12'],
  ['outside', { reachability: async () => 'unknown' }, 'ok', 'no peer has tried yet'],
  ['outside', { reachability: async () => 'public' }, 'ok', 'reachable from outside'],
  ['storage', { storage: async () => ({ used: 8e9, limit: 10e9 }) }, 'warn', '80 % of its limit: 8GB used'],
  ['storage', { storage: async () => ({ used: 7.99e9, limit: 10e9 }) }, 'ok', '7.99GB used, StorageMax 10GB'],
  ['storage', { storage: async () => ({ used: 5, limit: 0 }) }, 'ok', '5B used, StorageMax 0B'],
  ['storage', { storage: async () => ({ free: 99e6 }) }, 'fail', 'its disk is full: 99MB left'],
  ['storage', { storage: async () => ({ free: 1e9 }) }, 'ok', '1GB left on its disk'],
  ['gc', { config: async () => ({ StorageGCWatermark: 95 }) }, 'ok', 'runs at 95 % of StorageMax'],
  ['gc', { config: async () => ({}) }, 'ok', 'runs near StorageMax'],
  ['announcing', { config: async () => ({ Type: 'none' }) }, 'warn', 'Routing.Type is "none"'],
  ['announcing', { config: async () => ({ Type: 'auto', Enabled: true }) }, 'ok', '"docker ipfs push" announces'],
])('of its %s the doctor says what it means', async (check, other, state, words) => {
  const node = async () => nodeWith(other)
  const findings = await examineNode({ openNode: node, openOther: node }, { format: formatBytes }, never)
  const finding = findings.find((one) => one.check === check)
  expect(finding?.found).toContain(words)
  expect(finding?.state).toBe(state as 'ok')
  expect(finding?.todo === '').toBe(state === 'ok')
})
