import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  findEndpoint,
  lookOnly,
  openDocker,
  openGateways,
  openHealth,
  openImages,
  openNode,
  openSecrets,
} from '../../../src/cli/adapters.ts'
import { pipeOf } from '../../../src/cli/context.ts'
import { readEnvironment } from '../../../src/cli/environment.ts'
import { nodeSettings } from '../../../src/cli/settings.ts'
import { readArchive } from '../../../src/image/archive.ts'
import { createManagedNode } from '../../../src/managed/node.ts'
import { FixedHost } from '../../support/fixed-host.ts'
import { archiveOci, GOLDEN } from '../../support/images.ts'

const { signal } = new AbortController()
const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-adapters-'))
afterAll(() => rmSync(folder, { recursive: true }))
/** An environment in which nothing of this machine counts. */
const environmentOf = (env: Readonly<Record<string, string>> = {}) =>
  readEnvironment([], { HOME: folder, PATH: '/nowhere', DOCKER_HOST: 'unix:///nowhere.sock', ...env })

describe('gateways', () => {
  const open = (gateway: readonly string[], env = {}) =>
    openGateways({ gateway, timeout: 60_000 }, environmentOf(env), () => undefined)

  test('are those of the flags, else those of the settings', async () => {
    const env = { DOCKER_IPFS_GATEWAYS: 'https://a.example, https://b.example/ipfs/' }
    expect((await open([], env))?.urls).toEqual(['https://a.example', 'https://b.example'])
    expect((await open(['http://127.0.0.1:8080'], env))?.urls).toEqual(['http://127.0.0.1:8080'])
  })

  test('are none where none is named, or the command has no such flag', async () => {
    expect(await open([])).toBeUndefined()
    expect(
      await openGateways({}, environmentOf({ DOCKER_IPFS_GATEWAYS: 'https://a.example' }), () => undefined),
    ).toBeUndefined()
  })

  test('have addresses that can be read', async () => {
    await expect(open([], { DOCKER_IPFS_GATEWAYS: 'a.example' })).rejects.toMatchObject({
      code: 'BAD_FLAG',
      message: `cannot read the gateway's address "a.example" (from DOCKER_IPFS_GATEWAYS)`,
    })
  })
})

describe('the address of the node', () => {
  const host = new FixedHost()
  const find = (api: string | undefined, env = {}) => {
    const environment = environmentOf(env)
    return findEndpoint(
      nodeSettings(environment.settings, api),
      environment,
      lookOnly(createManagedNode([host], undefined), signal),
    )
  }

  test('is what the user says, and nobody is asked whether it answers', async () => {
    expect(await find('/ip4/127.0.0.1/tcp/1')).toEqual({ url: 'http://127.0.0.1:1', source: '--api' })
    expect(await find(undefined, { DOCKER_IPFS_API: 'http://127.0.0.1:1', DOCKER_IPFS_API_AUTH: 'secret' })).toEqual({
      url: 'http://127.0.0.1:1',
      source: 'DOCKER_IPFS_API',
      authorization: 'Bearer secret',
    })
  })

  test('is that of the file that Kubo writes, and who only looks starts no other', async () => {
    writeFileSync(join(folder, 'api'), '/ip4/127.0.0.1/tcp/1')
    expect(await find(undefined, { IPFS_PATH: folder })).toEqual({
      url: 'http://127.0.0.1:1',
      source: join(folder, 'api'),
      absent: { hint: expect.stringMatching(/^Start one with/) },
    })
    expect(host.options).toBeUndefined()
  })

  test('must be one', async () => {
    await expect(find('5001')).rejects.toMatchObject({ code: 'BAD_FLAG' })
  })
})

test('adapters are made without asking anybody', async () => {
  const endpoint = { url: 'http://127.0.0.1:1', source: '--api' }
  const { node, catalogue } = await openNode(endpoint)
  expect(node.address).toContain('127.0.0.1:1')
  await expect(catalogue.records(signal)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  expect(await openHealth(endpoint)).toMatchObject({ source: '--api', isSecretOpen: false })
})

test('a docker that is not there is an engine that does not answer, once it is asked', async () => {
  const { engine, managed } = await openDocker(environmentOf({ DOCKER_IPFS_NODE: 'off' }), [])
  await expect(engine.info(signal)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
  expect(await managed.ensure(signal, () => undefined)).toBeUndefined()
})

describe('images that the user named', () => {
  const bytes = archiveOci(GOLDEN.tiny(), 'plain')
  const pathsOf = async (input: Awaited<ReturnType<typeof openImages>>) => {
    const paths: string[] = []
    for await (const { path, body } of input.entries()) {
      paths.push(path)
      for await (const _ of body);
    }
    return paths
  }
  async function* stdin() {
    yield bytes
  }
  const pipe = pipeOf(stdin)

  test('are in a file, or come through the pipe', async () => {
    const path = join(folder, 'tiny.tar')
    writeFileSync(path, bytes)
    const file = await openImages(path, pipe, signal)
    const piped = await openImages('-', pipe, signal)
    expect([file.again, piped.again]).toEqual([true, false])
    const paths: string[] = []
    for await (const { path: inside, body } of readArchive(stdin())) {
      paths.push(inside)
      for await (const _ of body);
    }
    expect(await pathsOf(file)).toEqual(paths)
    expect(await pathsOf(piped)).toEqual(paths)
  })

  test('are not typed in', async () => {
    const terminal = pipeOf(() => Object.assign(stdin(), { isTTY: true }))
    await expect(openImages('-', terminal, signal)).rejects.toMatchObject({ code: 'USAGE' })
  })
})

test('a secret is open when others than its owner may read it', async () => {
  const file = join(folder, 'secret')
  writeFileSync(file, 's')
  const environment = environmentOf({ DOCKER_IPFS_API_AUTH_FILE: file, XDG_DATA_HOME: folder })
  const said = environment.settings.values
  chmodSync(file, 0o644)
  expect(await openSecrets(said, environment)).toEqual([file])
  chmodSync(file, 0o600)
  expect(await openSecrets(said, environment)).toEqual([])
  const own = join(folder, 'docker-ipfs', 'node', 'secret')
  mkdirSync(dirname(own), { recursive: true })
  writeFileSync(own, 's')
  chmodSync(own, 0o640)
  expect(await openSecrets({}, environment)).toEqual([own])
  chmodSync(own, 0o600)
  expect(await openSecrets({}, environment)).toEqual([])
})
