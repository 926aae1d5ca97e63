import { afterEach, expect, test } from 'bun:test'
import { DockerIpfsError, type ErrorCode } from '../../../src/errors.ts'
import { MemoryRegistry } from '../../support/memory/registry.ts'
import { type Serving, serving } from '../../support/serving.ts'

let served: Serving | undefined
afterEach(() => served?.close())

test.each([
  ['NODE_FAILED', 403, 502],
  ['NODE_DENIED', 403, 502],
  ['NODE_UNREACHABLE', 503, 503],
] as const)('%s is %d to who writes and %d to who reads, with its words', async (code: ErrorCode, writes, reads) => {
  const fails = () => Promise.reject(new DockerIpfsError(code, 'the disk is full', { hint: 'Free space.' }))
  const registry = new (class extends MemoryRegistry {
    override readonly writer = { ...new MemoryRegistry().writer, putManifest: fails }
    override manifest = fails
  })()
  served = await serving(registry)
  const ask = (method: string) =>
    fetch(`${served?.url}/v2/a/manifests/1`, {
      method,
      headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
      ...(method === 'PUT' ? { body: '{"schemaVersion":2}' } : {}),
    })
  for (const [method, status] of [
    ['PUT', writes],
    ['GET', reads],
  ] as const) {
    const answer = await ask(method)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ errors: [{ message: 'the disk is full. Free space.' }] })
  }
})
