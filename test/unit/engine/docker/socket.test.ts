import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPlace, placeOf } from '../../../../src/engine/docker/socket.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-socket-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A config.json, in a folder of its own. */
function config(name: string, text: string): string {
  mkdirSync(join(folder, name))
  const file = join(folder, name, 'config.json')
  writeFileSync(file, text)
  return file
}

const socket = (path: string) => ({ kind: 'socket', path }) as const
const [A, B, DEFAULT] = [socket('/a.sock'), socket('/b.sock'), socket('/var/run/docker.sock')]
const context = { kind: 'context' } as const
const elsewhere = { kind: 'elsewhere' } as const
const hasContext = config('has-context', '{"currentContext":"far"}')
const isDefault = config('is-default', '{"currentContext":"default"}')

describe('the engine is where docker finds it', () => {
  test.each([
    ['nothing is said', [], {}, DEFAULT],
    ['--host', ['--host', 'unix:///a.sock'], { DOCKER_HOST: 'unix:///b.sock', DOCKER_CONTEXT: 'far' }, A],
    ['DOCKER_HOST', [], { DOCKER_HOST: 'unix:///b.sock', DOCKER_CONTEXT: 'far' }, B],
    ['--context before DOCKER_HOST', ['--context', 'far'], { DOCKER_HOST: 'unix:///b.sock' }, context],
    ['--context default', ['--context', 'default'], { DOCKER_HOST: 'unix:///b.sock', DOCKER_CONTEXT: 'far' }, B],
    ['DOCKER_CONTEXT', [], { DOCKER_CONTEXT: 'far' }, context],
    ['TCP', ['--host', 'tcp://127.0.0.1:2376'], {}, elsewhere],
    ['TLS flags', ['--host', 'unix:///a.sock', '--tlsverify'], {}, elsewhere],
    ['TLS by the environment', [], { DOCKER_TLS_VERIFY: '1', DOCKER_HOST: 'unix:///b.sock' }, elsewhere],
  ])('by %s', async (_, globals, env, place) => {
    expect(await findPlace({ globals, env, configFile: join(folder, 'none') })).toEqual(place)
  })

  test.each([
    ['a context', hasContext, context],
    ['the context called default', isDefault, DEFAULT],
    ['no JSON', config('broken', '{'), DEFAULT],
    ['null', config('null', 'null'), DEFAULT],
  ])('by config.json, with %s', async (_, configFile, place) => {
    expect(await findPlace({ globals: [], env: {}, configFile })).toEqual(place)
  })

  test('by DOCKER_CONTEXT before config.json', async () => {
    const env = { DOCKER_CONTEXT: 'default' }
    expect(await findPlace({ globals: [], env, configFile: hasContext })).toEqual(DEFAULT)
  })
})

test.each([
  'ssh://host',
  'tcp://host:1',
  'npipe:////./pipe/docker_engine',
  'unix://',
  'unix://relative',
  'fd://',
  '/a.sock',
])('%s is left to docker', (host) => {
  expect(placeOf(host)).toEqual(elsewhere)
})
