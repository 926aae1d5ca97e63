import { afterAll, beforeEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rawBlock } from '../../../../src/dag/blocks.ts'
import { createCar } from '../../../../src/store/car/car-writer.ts'
import { leftTemps } from '../../../../src/store/car/left-temps.ts'

const top = mkdtempSync(join(tmpdir(), 'left-temps-'))
afterAll(() => rmSync(top, { recursive: true }))
let folder: string
let count = 0
beforeEach(() => {
  folder = join(top, `${count++}`)
  mkdirSync(folder)
})
const HOUR_AGO = new Date(Date.now() - 3600_000)

async function unfinished(): Promise<string> {
  const car = await createCar({ path: join(folder, 'x.car') })
  await car.put(rawBlock(Buffer.alloc(2 * 1024 * 1024)))
  const name = readdirSync(folder).find((each) => each.endsWith('.tmp')) ?? ''
  // As a kill leaves it: closed, and in its place.
  const bytes = await Bun.file(join(folder, name)).bytes()
  await car.close()
  writeFileSync(join(folder, name), bytes)
  return name
}

test('a file that a killed save left is found when it is old, and removed', async () => {
  const name = await unfinished()
  expect(await leftTemps(folder)).toEqual([])
  utimesSync(join(folder, name), HOUR_AGO, HOUR_AGO)
  const left = await leftTemps(folder)
  expect(left).toEqual([expect.objectContaining({ path: join(folder, name), bytes: expect.any(Number) })])
  await left[0]?.remove()
  expect(readdirSync(folder)).toEqual([])
})

test('nothing else is found', async () => {
  const others = {
    'x.car.0123abcd.tmp': 'mine',
    'x.car.tmp': '',
    'x.car': '',
    'x.0123ABCD.tmp': '',
    '.0123abcd.tmp': '',
  }
  for (const [name, text] of Object.entries(others)) {
    writeFileSync(join(folder, name), text)
    utimesSync(join(folder, name), HOUR_AGO, HOUR_AGO)
  }
  mkdirSync(join(folder, 'd.0123abcd.tmp'))
  utimesSync(join(folder, 'd.0123abcd.tmp'), HOUR_AGO, HOUR_AGO)
  expect(await leftTemps(folder)).toEqual([])
  expect(await leftTemps(join(folder, 'none'))).toEqual([])
})

test('one that was killed before it wrote anything is empty', async () => {
  const path = join(folder, 'x.car.0123abcd.tmp')
  writeFileSync(path, '')
  utimesSync(path, HOUR_AGO, HOUR_AGO)
  expect(await leftTemps(folder)).toMatchObject([{ path, bytes: 0 }])
})
