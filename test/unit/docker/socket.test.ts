import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPlace, placeOf } from '../../../src/docker/socket.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-socket-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A folder with a config.json. */
function config(name: string, text: string): string {
  mkdirSync(join(folder, name))
  writeFileSync(join(folder, name, 'config.json'), text)
  return join(folder, name)
}

const socket = (path: string) => ({ kind: 'socket', path }) as const
const [A, B, DEFAULT] = [socket('/a.sock'), socket('/b.sock'), socket('/var/run/docker.sock')]
const context = { kind: 'context' } as const
const elsewhere = { kind: 'elsewhere' } as const
const hasContext = config('has-context', '{"currentContext":"far"}')
const isDefault = config('is-default', '{"currentContext":"default"}')
const none = join(folder, 'none')

describe('the engine is where docker finds it', () => {
  test.each([
    ['nothing is said', [], {}, DEFAULT],
    ['--host', ['--host', 'unix:///a.sock'], { DOCKER_HOST: 'unix:///b.sock', DOCKER_CONTEXT: 'far' }, A],
    ['DOCKER_HOST', [], { DOCKER_HOST: 'unix:///b.sock', DOCKER_CONTEXT: 'far' }, B],
    ['--context before DOCKER_HOST', ['--context', 'far'], { DOCKER_HOST: 'unix:///b.sock' }, context],
    ['--context default', ['--context', 'default'], { DOCKER_HOST: 'unix:///b.sock', DOCKER_CONTEXT: 'far' }, B],
    ['DOCKER_CONTEXT', [], { DOCKER_CONTEXT: 'far', DOCKER_CONFIG: isDefault }, context],
    ['the context of config.json', [], { DOCKER_CONFIG: hasContext }, context],
    ['--config', ['--config', hasContext], { DOCKER_CONFIG: isDefault }, context],
    ['a context called default', [], { DOCKER_CONFIG: isDefault }, DEFAULT],
    ['a config.json that is none', [], { DOCKER_CONFIG: config('broken', '{') }, DEFAULT],
    ['one that is null', [], { DOCKER_CONFIG: config('null', 'null') }, DEFAULT],
    ['TCP', ['--host', 'tcp://127.0.0.1:2376'], {}, elsewhere],
    ['TLS flags', ['--host', 'unix:///a.sock', '--tlsverify'], {}, elsewhere],
    ['TLS by the environment', [], { DOCKER_TLS_VERIFY: '1', DOCKER_HOST: 'unix:///b.sock' }, elsewhere],
  ])('by %s', async (_, globals, env, place) => {
    expect(await findPlace({ globals, env: { DOCKER_CONFIG: none, ...env } })).toEqual(place)
  })

  test('in the home of the user, where no folder is named', async () => {
    config('.docker', '{"currentContext":"far"}')
    expect(await findPlace({ globals: [], env: { HOME: folder } })).toEqual(context)
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
