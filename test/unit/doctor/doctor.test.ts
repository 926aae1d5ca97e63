import { expect, test } from 'bun:test'
import { examineEngine } from '../../../src/doctor/engine.ts'
import { examineNode } from '../../../src/doctor/node.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import type { NodeHealth } from '../../../src/store/kubo/health.ts'
import { formatBytes } from '../../../src/units.ts'
import { MemoryEngine } from '../../support/memory/engine.ts'

const never = new AbortController().signal

/** A node where all is well, but for what a test says. */
function nodeWith(other: Partial<NodeHealth>): NodeHealth {
  return {
    address: 'http://127.0.0.1:5001',
    source: 'the default',
    isSecretOpen: false,
    toAnnounce: 'do this',
    version: async () => '0.43.0',
    peers: async () => 3,
    reachability: async () => 'public',
    storage: async () => ({ used: 1e9, limit: 10e9, free: 50e9 }),
    config: async (name) => (name === 'Routing' ? { Type: 'auto' } : {}),
    ...other,
  }
}

/** What is not all right: state and part of the words. */
async function faults(other: Partial<NodeHealth>): Promise<string[]> {
  const nodes = { openNode: async () => nodeWith(other), openOther: async () => nodeWith(other) }
  const findings = await examineNode(nodes, { format: formatBytes }, never)
  return findings.filter(({ state }) => state !== 'ok').map(({ state, check, found }) => `${state} ${check}: ${found}`)
}

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

test.each([
  ['19.03.15', 'fail'],
  ['20.10.24+dfsg1', 'ok'],
  ['28.5.2', 'ok'],
  ['dev', 'ok'],
])('Docker %s is %s', async (version, state) => {
  const info = () => new MemoryEngine({ version, containerdStore: false }).info()
  const findings = await examineEngine({ info }, never)
  expect(findings.find(({ check }) => check === 'version')?.state).toBe(state as 'ok')
})
