/** The arm64 build, emulated: it is to give the CIDs of the x64 one. Part of `scripts/test --all-engines`. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { zstdCompressSync } from 'node:zlib'
import { archive20, archiveOci, GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { PLUGIN, Place } from '../support/place.ts'
import { run, script } from '../support/scripts.ts'

setDefaultTimeout(600_000)
const place = new Place()
const path = (name: string) => `${place.folder}/${name}`
let emulated = ''
beforeAll(async () => {
  emulated = (await script('arm64', place.folder)).trim()
})
afterAll(() => place.remove())

test('is a program for another machine', async () => {
  const header = readFileSync(path('docker-ipfs-arm64')).subarray(0, 20)
  // ELF, AArch64.
  expect([header.toString('latin1', 1, 4), header.readUInt16LE(18)]).toEqual(['ELF', 183])
  expect(run(emulated, ['docker-cli-plugin-metadata']).equals(run(PLUGIN, ['docker-cli-plugin-metadata']))).toBe(true)
})

/** One layout each: emulated, a save takes seconds. */
const ARCHIVES = {
  tiny: zstdCompressSync(archive20(GOLDEN.tiny())),
  strange: archive20(GOLDEN.strange()),
  large: archiveOci(GOLDEN.large(), 'gzip'),
}

test.each(['tiny', 'strange', 'large'] as const)('gives the golden CID of "%s", and the same CAR', async (golden) => {
  await Bun.write(path('image.tar'), ARCHIVES[golden])
  const save = (program: string, car: string) =>
    place.run(program, ['ipfs', 'save', '-q', '-i', path('image.tar'), '-o', path(car)])
  const expected = { exitCode: 0, stdout: `${GOLDEN_ROOTS[golden]}\n`, stderr: '' }
  expect(await save(emulated, 'arm64.car')).toMatchObject(expected)
  expect(await save(PLUGIN, 'x64.car')).toMatchObject(expected)
  expect(readFileSync(path('arm64.car')).equals(readFileSync(path('x64.car')))).toBe(true)
})
