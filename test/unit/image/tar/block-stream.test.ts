import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { BlockStream } from '../../../../src/image/tar/block-stream.ts'
import { type Bytes, collect } from '../../../../src/streams.ts'

async function* stream(parts: readonly Uint8Array[]): Bytes {
  yield* parts
}

test('whatever is taken and passed, all bytes come once and in order', async () => {
  const run = fc.asyncProperty(
    fc.array(fc.uint8Array({ maxLength: 20 })),
    fc.array(fc.nat(25)),
    async (parts, counts) => {
      const all = Buffer.concat(parts)
      const input = new BlockStream(stream(parts))
      const got: Uint8Array[] = []
      for (const [at, count] of counts.entries()) {
        got.push(at % 2 === 0 ? await input.take(count) : await collect(input.pass(count), 1000, 'a part'))
      }
      got.push(await collect(input.rest(), 1e6, 'the rest'))
      expect(Buffer.concat(got).equals(all)).toBe(true)
    },
  )
  await fc.assert(run)
})

test('what is asked for beyond the end is not there', async () => {
  const input = new BlockStream(stream([Buffer.from('abc')]))
  expect(String(Buffer.from(await input.take(5)))).toBe('abc')
  expect((await input.take(5)).length).toBe(0)
})
