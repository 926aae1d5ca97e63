import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCid } from '../../../../src/dag/cid.ts'
import { archiveInput } from '../../../../src/save/inputs/archive.ts'
import { save } from '../../../../src/save/save.ts'
import { carTarget } from '../../../../src/save/targets/car.ts'
import { openCar } from '../../../../src/store/car/car-reader.ts'
import { archive20, GOLDEN, GOLDEN_ROOTS, noise } from '../../../support/images.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { fileOf } from '../../../support/saving.ts'

const signal = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-carv2-'))
afterAll(() => rmSync(folder, { recursive: true }))

const path = join(folder, 'v1.car')
const { blocks } = new MemoryNode()
const target = carTarget({ blocks, path, report: () => undefined, signal, timeoutMs: 50 })
await save(archiveInput(fileOf(archive20(GOLDEN.tiny()))), target, {})
const V1 = readFileSync(path)

/** As https://ipld.io/specs/transport/car/carv2/ says: pragma, header, padding, a CARv1, padding, an index. */
function carV2({ offset = 51, size = V1.length, index = noise(0, '') } = {}): string {
  const head = Buffer.alloc(51)
  Buffer.from('0aa16776657273696f6e02', 'hex').copy(head)
  head.writeBigUInt64LE(BigInt(offset), 27)
  head.writeBigUInt64LE(BigInt(size), 35)
  const file = join(folder, 'v2.car')
  writeFileSync(file, Buffer.concat([head, Buffer.alloc(Math.max(0, Math.min(offset, 1000) - 51)), V1, index]))
  return file
}

test.each([
  ['as short as can be', {}],
  ['with padding', { offset: 512 }],
  ['with an index behind it', { index: noise(300, 'index') }],
])('a CARv2 %s is read', async (_, shape) => {
  const car = await openCar(carV2(shape), signal)
  expect(car.roots.map(String)).toEqual([GOLDEN_ROOTS.tiny])
  expect(await car.block(parseCid(GOLDEN_ROOTS.tiny))).toBeDefined()
  await car.close()
})

test.each([
  ['ends before its blocks', { size: V1.length - 3 }],
  ['leads out of it', { size: V1.length + 1 }],
  ['leads far out of it', { offset: Number.MAX_SAFE_INTEGER }],
  ['leads into the header', { offset: 11 }],
])('a CARv2 whose header %s is refused', async (_, shape) => {
  await expect(openCar(carV2(shape), signal)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
})

test('a CARv2 that is cut in its header is refused', async () => {
  const file = join(folder, 'cut.car')
  writeFileSync(file, readFileSync(carV2()).subarray(0, 30))
  await expect(openCar(file, signal)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
})
