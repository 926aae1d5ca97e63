import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSources } from '../../../src/cli/completion-sources.ts'
import { readEnvironment } from '../../../src/cli/environment.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-sources-'))
afterAll(() => rmSync(folder, { recursive: true }))
const sourcesWith = (socket: string) =>
  createSources(
    readEnvironment([], {
      ...{ HOME: folder, PATH: '/nowhere' },
      DOCKER_HOST: `unix://${socket}`,
      DOCKER_IPFS_NODE: 'off',
    }),
  )
const nobody = join(folder, 'nobody.sock')

/** The part of an engine that lists its images. */
const socket = join(folder, 'docker.sock')
const engine = Bun.serve({
  unix: socket,
  fetch: ({ url }) =>
    url.endsWith('/images/json')
      ? Response.json([
          { Id: `sha256:${'ab'.repeat(32)}`, RepoTags: ['app:1', 'app:latest'], Size: 1_985_000 },
          { Id: `sha256:${'cd'.repeat(32)}`, RepoTags: ['<none>:<none>'], Size: 5 },
        ])
      : new Response(null, { status: 404 }),
})
/** Takes every call and answers none. */
const silent = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Promise<Response>(() => {}) })
afterAll(() => Promise.all([engine.stop(true), silent.stop(true)]))

test('images are offered by each of their names, with their ID and size', async () => {
  expect(await sourcesWith(socket).images()).toEqual([
    { value: 'app:1', text: 'abababababab, 1.985MB' },
    { value: 'app:latest', text: 'abababababab, 1.985MB' },
  ])
})

describe('nothing is offered by', () => {
  test('an engine and a node that are not there', async () => {
    const { images, kept } = sourcesWith(nobody)
    expect(await Promise.all([images(), kept('/ip4/127.0.0.1/tcp/1')])).toEqual([[], []])
  })

  test('an address that cannot be read: completion prints no errors', async () => {
    expect(await sourcesWith(nobody).kept('nonsense')).toEqual([])
  })

  test('a node that answers too late', async () => {
    const before = Date.now()
    expect(await sourcesWith(nobody).kept(silent.url.href)).toEqual([])
    expect(Date.now() - before).toBeLessThan(5000)
  })
})
