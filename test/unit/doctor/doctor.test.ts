import { describe, expect, test } from 'bun:test'
import { examine, type Patient } from '../../../src/doctor/doctor.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { formatBytes } from '../../../src/units.ts'
import { altered } from '../../support/altered.ts'
import { nodeWith } from '../../support/healthy.ts'
import { MemoryEngine } from '../../support/memory/engine.ts'

const OWN = '/usr/lib/docker/cli-plugins/docker-ipfs'

function patient(other: Partial<Patient>): Patient {
  const openNode = async () => nodeWith({})
  return {
    engine: new MemoryEngine(),
    openNode,
    openOther: openNode,
    format: formatBytes,
    plugins: {
      own: { version: '1.2.0', path: OWN },
      installed: async () => ({ version: '1.2.0', path: OWN, hidden: [] }),
      versionOf: async () => undefined,
      realPath: (path) => path,
    },
    config: { file: 'config.json', faults: [], inEffect: [], openSecrets: [] },
    lookAtRegistry: async () => ({ isRunning: false }),
    lookAtRemotes: async () => [],
    signal: new AbortController().signal,
    ...other,
  }
}

describe('the doctor', () => {
  test('looks at remotes, and one that does not answer is worth a warning', async () => {
    const remotes = [
      { name: 'nas', is: 'Kubo 0.43.0' },
      { name: 'shop', fault: 'cannot reach shop' },
    ] as const
    const findings = await examine(patient({ lookAtRemotes: async () => remotes }))
    expect(findings.filter(({ part }) => part === 'remote')).toMatchObject([
      { check: 'nas', state: 'ok', found: 'Kubo 0.43.0', todo: '' },
      { check: 'shop', state: 'warn', found: 'cannot reach shop', todo: expect.stringContaining('until it answers') },
    ])
  })

  test('looks at all that a command needs, part by part', async () => {
    const findings = await examine(patient({}))
    expect(findings.map(({ part, check }) => `${part} ${check}`)).toEqual([
      ...['engine reachable', 'engine version', 'engine store'],
      ...['node address', 'node reachable', 'node version', 'node rights', 'node other users'],
      ...['node peers', 'node outside'],
      ...['node storage', 'node gc', 'node announcing'],
      ...['plugin version', 'plugin copies', 'config settings'],
    ])
    expect(new Set(findings.map(({ state }) => state))).toEqual(new Set(['ok']))
  })

  test('goes on where one part does not answer', async () => {
    const down = () => Promise.reject(new DockerIpfsError('ENGINE_UNREACHABLE', 'down'))
    const findings = await examine(patient({ engine: altered(new MemoryEngine(), { info: down }) }))
    expect(findings[0]).toMatchObject({ part: 'engine', check: 'reachable', state: 'fail', found: 'down' })
    expect(findings.filter(({ part }) => part === 'node')).toHaveLength(10)
  })

  test('does not hide a bug', async () => {
    const broken = () => Promise.reject(new TypeError('x is not a function'))
    await expect(examine(patient({ engine: altered(new MemoryEngine(), { info: broken }) }))).rejects.toThrow(TypeError)
  })
})
