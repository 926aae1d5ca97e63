import { describe, expect, test } from 'bun:test'
import { examineEngine } from '../../../src/doctor/engine.ts'
import type { EngineInfo } from '../../../src/engine/engine.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { altered } from '../../support/altered.ts'
import { MemoryEngine } from '../../support/memory/engine.ts'

const never = new AbortController().signal
const SIZES = { format: (bytes: number) => `${bytes / 1e6}MB` }

describe('of an engine the doctor says', () => {
  test.each([
    [false, 'classic (graph driver)'],
    [true, 'containerd'],
  ])('what it is (containerd store: %p)', async (containerdStore, store) => {
    expect(await examineEngine(new MemoryEngine({ version: '28.5.2', containerdStore }), SIZES, never)).toEqual([
      { part: 'engine', check: 'reachable', state: 'ok', found: 'it answers; linux/x86_64', todo: '' },
      { part: 'engine', check: 'version', state: 'ok', found: 'Docker 28.5.2', todo: '' },
      { part: 'engine', check: 'store', state: 'ok', found: store, todo: '' },
    ])
  })

  test('that it is no Docker', async () => {
    const podman = { ...(await new MemoryEngine().info()), version: '4.3.1', product: 'Podman' }
    const findings = await examineEngine(altered(new MemoryEngine(), { info: async () => podman }), SIZES, never)
    expect(findings.map(({ state, check, found }) => `${state} ${check}: ${found}`)).toEqual([
      'ok reachable: it answers; linux/x86_64',
      'ok version: Podman 4.3.1',
      'ok store: that of Podman, used as a classic one',
    ])
  })

  test.each([
    [undefined, undefined, undefined],
    [20e9, 'ok', '20000MB left'],
    [500e6, 'warn', 'its disk is nearly full: 500MB left'],
    [1e6, 'fail', 'its disk is full: 1MB left'],
  ])('what is left on its disk, where that is here: %p', async (freeBytes, state, found) => {
    const engine = altered(new MemoryEngine(), { freeBytes: async () => freeBytes })
    const disk = (await examineEngine(engine, SIZES, never)).find(({ check }) => check === 'disk')
    expect([disk?.state, disk?.found]).toEqual([state, found])
    if (state === 'fail') expect(disk?.todo).toContain('docker system df')
  })

  test('no platform where it does not tell', async () => {
    const info = async (): Promise<EngineInfo> => ({ ...(await new MemoryEngine().info()), os: '', architecture: '' })
    expect((await examineEngine(altered(new MemoryEngine(), { info }), SIZES, never))[0]).toMatchObject({
      check: 'reachable',
      found: 'it answers',
    })
  })

  test('why it does not answer, and nothing else', async () => {
    const info = () => Promise.reject(new DockerIpfsError('ENGINE_UNREACHABLE', 'down', { hint: 'Start Docker.' }))
    expect(await examineEngine(altered(new MemoryEngine(), { info }), SIZES, never)).toEqual([
      { part: 'engine', check: 'reachable', state: 'fail', found: 'down', todo: 'Start Docker.' },
    ])
  })
})

test.each([
  ['1.13.1', 'fail'],
  ['19.03.15', 'fail'],
  ['20.10.0', 'ok'],
  ['20.10.24+dfsg1', 'ok'],
  ['28.5.2', 'ok'],
  ['29.7.2-src', 'ok'],
  ['dev', 'ok'],
  ['master-dockerproject-2026-11-01', 'ok'],
  ['library-import', 'ok'],
  ['0.0.0-20260801', 'ok'],
  ['27.0.0-rc.1', 'ok'],
  ['v28.1.0', 'ok'],
  ['v19.03.1', 'fail'],
  ['', 'ok'],
])('Docker %p is %s', async (version, state) => {
  const findings = await examineEngine(new MemoryEngine({ version, containerdStore: false }), SIZES, never)
  const finding = findings.find(({ check }) => check === 'version')
  expect(finding?.state).toBe(state as 'ok')
  expect(finding?.todo).toBe(state === 'ok' ? '' : 'Update it to 20.10 or newer.')
})
