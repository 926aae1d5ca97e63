import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CarReader } from '@ipld/car'
import { blockKey, rawBlock } from '../../../../src/dag/blocks.ts'
import { createCar } from '../../../../src/store/car/car-writer.ts'
import { collect } from '../../../../src/streams.ts'
import { noise } from '../../../support/images.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-car-writer-'))
afterAll(() => rmSync(folder, { recursive: true }))
const path = (name: string) => join(folder, name)
const temps = () => readdirSync(folder).filter((name) => name.endsWith('.tmp'))
const [a, b] = [rawBlock(noise(2_000_000, 'a')), rawBlock(Buffer.from('b'))]

describe('a CAR that is written', () => {
  test('is whole when it stands in its place, and for its owner alone', async () => {
    const car = await createCar({ path: path('new.car') })
    await car.put(a)
    await car.put(b)
    await car.put(a)
    expect(readdirSync(folder)).not.toContain('new.car')
    await car.finish(b.cid)
    await car.close()
    expect(car.written).toEqual({ blocks: 2, bytes: 2_000_001 })
    expect(statSync(path('new.car')).mode & 0o777).toBe(0o600)
    expect(temps()).toEqual([])
    const read = await CarReader.fromBytes(readFileSync(path('new.car')))
    expect((await read.getRoots()).map(String)).toEqual([b.cid.toString()])
    expect((await Array.fromAsync(read.cids())).map(String)).toEqual([a, b].map(({ cid }) => cid.toString()))
  })

  test('leaves out what is known', async () => {
    const car = await createCar({ known: new Set([blockKey(a.cid)]) })
    await car.put(a)
    await car.put(b)
    expect(car.skipped).toBe(1)
    expect(car.written).toEqual({ blocks: 1, bytes: 1 })
    await car.close()
  })

  test('is there as bytes where it has no place', async () => {
    const car = await createCar({})
    await car.put(b)
    await car.finish(b.cid)
    const read = await CarReader.fromBytes(await collect(car.bytes(), 1000, 'it'))
    expect((await read.getRoots()).map(String)).toEqual([b.cid.toString()])
    await car.close()
  })

  test('that is given up leaves nothing, and the file that was there', async () => {
    writeFileSync(path('old.car'), 'old')
    const car = await createCar({ path: path('old.car') })
    await car.put(a)
    await car.close()
    expect(readFileSync(path('old.car'), 'utf8')).toBe('old')
    expect(temps()).toEqual([])
  })
})
