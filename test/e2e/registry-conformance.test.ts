import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type CompiledDoor, startDoor } from '../support/compiled-door.ts'
import { type Conformance, conformanceOf } from '../support/oci-conformance.ts'
import { useReal } from '../support/real.ts'
import { type RegistryProgram, startRegistry, startServer } from '../support/registry-program.ts'

/** Digests other than sha256, and layers that are nowhere but at an address of their own, are for registries that want them. */
const COMMON = { OCI_DATA_SHA512: 'false', OCI_DATA_NONDISTRIBUTABLE: 'false' }

const real = useReal({ nodes: ['node'] })
let server: RegistryProgram
let door: CompiledDoor
let other: RegistryProgram

beforeAll(async () => {
  server = await startServer()
  door = await startDoor(real.place, real.node())
  other = await startRegistry()
})
afterAll(async () => {
  await server?.stop()
  await door?.stop()
  await other?.stop()
})

const OURS = [
  ['the server over a registry in memory', () => server.port],
  ['the front door of a node', () => door.port],
] as const

test.each(OURS)('%s fails in no case of the conformance suite', async (_, port) => {
  const { passed, failed, failures } = await conformanceOf(port(), COMMON)
  expect(failures).toEqual([])
  expect(failed).toBe(0)
  expect(passed).toBeGreaterThan(690)
})

test('the front door can cancel uploads, and tells the digest of all that it gives and takes', async () => {
  const { failures } = await conformanceOf(door.port, {
    ...COMMON,
    OCI_API_BLOBS_UPLOAD_CANCEL: 'true',
    OCI_API_BLOBS_DIGEST_HEADER: 'true',
    OCI_API_MANIFESTS_DIGEST_HEADER: 'true',
  })
  expect(failures).toEqual([])
})

test('with sha512, which it does not take, it fails in no more cases than distribution, and in nothing else', async () => {
  const [mine, theirs]: readonly Conformance[] = [
    await conformanceOf(door.port, {}),
    await conformanceOf(other.port, {}),
  ]
  expect(theirs?.failed).toBeGreaterThan(0)
  expect(mine?.failed).toBeLessThanOrEqual(theirs?.failed ?? 0)
  expect(mine?.failures.filter((name) => !name.startsWith('sha512'))).toEqual([])
  expect(mine?.passed).toBeGreaterThanOrEqual(theirs?.passed ?? Number.POSITIVE_INFINITY)
})
