import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { verified } from '../../../src/image/verified.ts'
import type { Bytes } from '../../../src/streams.ts'
import { digest } from '../../support/images.ts'

async function* pieces(bytes: Uint8Array, size: number): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** What a reader got before the stream ended or failed. */
async function drain(source: Bytes): Promise<{ got: Buffer; failed: boolean }> {
  const got: Uint8Array[] = []
  try {
    for await (const bytes of source) got.push(bytes)
    return { got: Buffer.concat(got), failed: false }
  } catch {
    return { got: Buffer.concat(got), failed: true }
  }
}

describe('verified', () => {
  test('passes right bytes on unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 1, max: 700 }), async (bytes, size) => {
        const expected = { digest: digest(bytes), size: bytes.length, what: 'x' }
        const { got, failed } = await drain(verified(pieces(bytes, size), expected))
        expect(failed).toBe(false)
        expect(got.equals(bytes)).toBe(true)
      }),
    )
  })

  test('never lets the whole of wrong bytes through: flipped, cut or longer', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 5000 }),
        fc.nat(),
        fc.constantFrom('flip', 'cut', 'more'),
        async (bytes, seed, how) => {
          const expected = { digest: digest(bytes), size: bytes.length, what: 'x' }
          const wrong = how === 'more' ? Buffer.concat([bytes, Buffer.from('more')]) : Buffer.from(bytes)
          if (how === 'flip') wrong[seed % wrong.length] = (wrong[seed % wrong.length] as number) ^ 1
          const sent = how === 'cut' ? wrong.subarray(0, seed % wrong.length) : wrong
          const { got, failed } = await drain(verified(pieces(sent, 500), expected))
          expect(failed).toBe(true)
          expect(got.length).toBeLessThan(bytes.length)
        },
      ),
    )
  })
})
