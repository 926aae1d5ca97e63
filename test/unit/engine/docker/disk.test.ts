import { expect, test } from 'bun:test'
import { hostname, tmpdir } from 'node:os'
import { freeBytesOf } from '../../../../src/engine/docker/disk.ts'

test("what is left on an engine's disk is told where that is a disk of this machine", async () => {
  expect(await freeBytesOf({ Name: hostname(), DockerRootDir: tmpdir() })).toBeGreaterThan(0)
})

test.each([
  { Name: 'another', DockerRootDir: tmpdir() },
  { Name: hostname(), DockerRootDir: '/nowhere' },
  { Name: hostname(), DockerRootDir: 'C:\\docker' },
  { Name: hostname() },
  {},
])('and not where it is not: %j', async (info) => {
  expect(await freeBytesOf(info)).toBeUndefined()
})
