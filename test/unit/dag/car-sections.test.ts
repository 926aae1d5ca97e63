import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { rawBlock } from '../../../src/dag/blocks.ts'
import { carHeader, carSection } from '../../../src/dag/car.ts'
import { CarSections } from '../../../src/dag/car-sections.ts'
import { noise } from '../../support/images.ts'

const blocks = [0, 1, 500, 3000].map((size) => rawBlock(noise(size, `${size}`)))
const [first] = blocks as [(typeof blocks)[0]]
const CAR = Buffer.concat([carHeader([first.cid]), ...blocks.flatMap(carSection)])

/** A reader of bytes that come in pieces of these sizes, again and again. */
function sections(bytes: Buffer, sizes: readonly number[] = [1 << 20], maxSection = 4000): CarSections {
  let [at, turn] = [0, 0]
  return new CarSections({
    name: 'it',
    maxSection,
    more: async () => {
      const size = sizes[turn % sizes.length] ?? 1
      turn += 1
      const piece = bytes.subarray(at, at + size)
      at += piece.length
      return piece
    },
  })
}

describe('a CAR', () => {
  test('gives its roots and blocks, however it comes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }), async (sizes) => {
        const car = sections(CAR, sizes)
        expect((await car.roots()).map(String)).toEqual([first.cid.toString()])
        for (const { cid, bytes } of blocks) {
          const block = await car.next()
          expect(block?.cid.toString()).toBe(cid.toString())
          expect(Buffer.from(block?.bytes ?? []).equals(bytes)).toBe(true)
          expect(CAR.subarray(car.position - bytes.length, car.position).equals(bytes)).toBe(true)
        }
        expect(await car.next()).toBeUndefined()
      }),
      { numRuns: 50 },
    )
  })

  test('gives a block that is expected under the very CID, and another one as it is', async () => {
    const car = sections(CAR)
    await car.roots()
    expect((await car.next(first.cid))?.cid).toBe(first.cid)
    expect((await car.next(first.cid))?.cid.toString()).toBe(blocks[1]?.cid.toString())
  })
})

describe('a CAR that is none', () => {
  const all = async (bytes: Buffer, maxSection?: number) => {
    const car = sections(bytes, [100], maxSection)
    await car.roots()
    while ((await car.next()) !== undefined);
  }

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a header that is cut', CAR.subarray(0, 30)],
    ['a block that is cut', CAR.subarray(0, CAR.length - 1)],
    ['a length that is cut', Buffer.concat([CAR, Buffer.from([0x80])])],
    ['a length of 7 bytes', Buffer.concat([CAR, Buffer.alloc(7, 0xff)])],
    ['a block without a CID', Buffer.concat([CAR, Buffer.from([3, 0, 0, 0])])],
  ])('is told of with %s', async (_, bytes) => {
    await expect(all(bytes)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  })

  test('is told of where a block is larger than any may be', async () => {
    await expect(all(CAR, 3000)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: 'it is no CAR file, or damaged: a block of 3.036kB is announced, and those of at most 3kB are read',
    })
  })
})
