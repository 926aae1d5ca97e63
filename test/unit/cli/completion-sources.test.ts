import { afterAll, expect, test } from 'bun:test'
import { tmpdir } from 'node:os'
import { createSources } from '../../../src/cli/completion-sources.ts'
import { readEnvironment } from '../../../src/cli/environment.ts'

const environment = readEnvironment([], { HOME: tmpdir(), PATH: '/nowhere', DOCKER_IPFS_NODE: 'off' })

/** Takes every call and answers none. */
const silent = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Promise<Response>(() => {}) })
afterAll(() => silent.stop(true))

test('an engine and a node that are not there have nothing to say', async () => {
  const { images, kept } = createSources(environment)
  expect(await Promise.all([images(), kept('/ip4/127.0.0.1/tcp/1')])).toEqual([[], []])
})

test('an address that cannot be read is nothing to say either: completion prints no errors', async () => {
  expect(await createSources(environment).kept('nonsense')).toEqual([])
})

test('who answers too late has nothing to say, after a second', async () => {
  const before = Date.now()
  expect(await createSources(environment).kept(silent.url.href)).toEqual([])
  expect(Date.now() - before).toBeLessThan(5000)
})
