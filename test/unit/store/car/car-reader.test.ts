import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CarReader } from '@ipld/car'
import fc from 'fast-check'
import { catBlocks } from '../../../../src/dag/block-source.ts'
import { rawBlock } from '../../../../src/dag/blocks.ts'
import { carHeader } from '../../../../src/dag/car.ts'
import type { CID } from '../../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { joinFile, leafNode, writeDirectory, writeFile } from '../../../../src/format/files.ts'
import { openCar, spoolCar } from '../../../../src/store/car/car-reader.ts'
import { createCar } from '../../../../src/store/car/car-writer.ts'
import { collect } from '../../../../src/streams.ts'
import { noise } from '../../../support/images.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-car-'))
afterAll(() => rmSync(folder, { recursive: true }))
const signal = new AbortController().signal
const path = (name: string) => join(folder, name)

/** A CAR with a folder of a small file and one of several leaves. */
async function sample(name: string, known?: ReadonlySet<string>, since?: CID): Promise<CID> {
  const car = await createCar({ path: path(name), ...(known && { known }), since })
  const small = await writeFile(Buffer.from('small'), car)
  const large = await writeFile(noise(3_000_000, 'car'), car)
  const root = await writeDirectory(new Map(Object.entries({ small, large })), car)
  await car.finish(root.cid)
  await car.close()
  return root.cid
}

async function read(name: string, file: string): Promise<Buffer> {
  const car = await openCar(path(name), signal)
  const block = async (cid: CID) => (await car.block(cid)) ?? Promise.reject(new Error(`no ${cid}`))
  try {
    const ref = { root: car.roots[0] as CID, path: file.split('/') }
    return Buffer.from(await collect(catBlocks(ref, block, signal), 1 << 24, file))
  } finally {
    await car.close()
  }
}

describe('a CAR file', () => {
  test('gives back what was written, also by another reader, with the root in its header', async () => {
    const root = await sample('a.car')
    expect((await read('a.car', 'large')).equals(noise(3_000_000, 'car'))).toBe(true)
    expect((await read('a.car', 'small')).toString()).toBe('small')
    const other = await CarReader.fromBytes(readFileSync(path('a.car')))
    expect((await other.getRoots()).map(String)).toEqual([root.toString()])
    expect(await other.has(root as never)).toBe(true)
  })

  test('says what it is to be added to when blocks were left out', async () => {
    const whole = await sample('whole.car')
    const leaf = rawBlock(Buffer.from('small'))
    await sample('delta.car', new Set([Buffer.from(leaf.cid.multihash.digest).toString('latin1')]), whole)
    const car = await openCar(path('delta.car'), signal)
    expect(car.since?.toString()).toBe(whole.toString())
    expect(await car.block(leaf.cid)).toBeUndefined()
    await car.close()
    const all = await openCar(path('whole.car'), signal)
    expect(all.since).toBeUndefined()
    await all.close()
  })

  test('can come through a pipe, and go into one', async () => {
    const car = await createCar({})
    const root = await writeFile(Buffer.from('x'), car)
    await car.finish(root.cid)
    const back = await spoolCar(car.bytes(), 'a pipe', signal)
    expect(back.roots.map(String)).toEqual([root.cid.toString()])
    expect(Buffer.from((await back.block(root.cid)) ?? []).toString()).toBe('x')
    await Promise.all([car.close(), back.close()])
  })
})

describe('a damaged CAR file', () => {
  const small = async () => {
    const car = await createCar({ path: path('small.car') })
    const parts = [1, 2, 3].map((seed) => rawBlock(noise(400, String(seed))))
    for (const part of parts) await car.put(part)
    const root = await joinFile(parts.map(leafNode), car)
    await car.finish(root.cid)
    await car.close()
    return readFileSync(path('small.car'))
  }

  /** Opens it: an error of ours, or undefined when it can be read. */
  async function open(bytes: Uint8Array): Promise<DockerIpfsError | undefined> {
    writeFileSync(path('bad.car'), bytes)
    try {
      await (await openCar(path('bad.car'), signal)).close()
      return undefined
    } catch (error) {
      expect(error).toBeInstanceOf(DockerIpfsError)
      return error as DockerIpfsError
    }
  }

  test('with any byte changed is refused, unless it only names another root', async () => {
    const bytes = await small()
    const header = carHeader([rawBlock(new Uint8Array(0)).cid]).length
    const codecs = [0, 1, 2, 3].map((at) => header + at * (2 + 36 + 400) + 2 + 1)
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const bad = Buffer.from(bytes)
        bad[at] = (bad[at] as number) ^ flip
        const error = await open(bad)
        // Another codec in a CID is another name for the same bytes, which are found by their hash.
        if (at >= header && !codecs.includes(at)) expect(['INTEGRITY', 'ARCHIVE_INVALID']).toContain(error?.code ?? '')
      }),
      { numRuns: 2000 },
    )
  })

  test('with a CID of version 0 in the form of version 1 is refused', async () => {
    const bad = Buffer.from(await small())
    const version = carHeader([rawBlock(new Uint8Array(0)).cid]).length + 2
    expect(bad[version]).toBe(1)
    bad[version] = 0
    expect((await open(bad))?.code).toBe('ARCHIVE_INVALID')
  })

  test('that is cut is refused, unless it is cut between two blocks', async () => {
    const bytes = await small()
    const ends = [0, 1, 2].map((at) => 59 + (at + 1) * (2 + 36 + 400))
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
        const error = await open(bytes.subarray(0, length))
        if (length !== 59 && !ends.includes(length)) expect(error?.code).toBe('ARCHIVE_INVALID')
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(1000)],
    ['a tar', Buffer.from('manifest.json'.padEnd(1024, '\0'))],
    ['a header of 2 GB', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07, 0xa2])],
    ['a length without end', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ['CARv2', Buffer.from('0aa16776657273696f6e02'.padEnd(200, '0'), 'hex')],
    ['a block of 2 GB', Buffer.concat([carHeader([]), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07, 0x01])])],
  ])('that holds %s is refused at once', async (_, bytes) => {
    const error = await open(bytes)
    expect(error?.code).toBe('ARCHIVE_INVALID')
    expect(error?.message).toContain('is no CAR file, or damaged: ')
  })
})
