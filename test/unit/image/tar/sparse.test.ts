import { expect, test } from 'bun:test'
import { BlockStream } from '../../../../src/image/tar/block-stream.ts'
import { sparseOfHeader, sparseOfPax } from '../../../../src/image/tar/sparse.ts'
import type { Bytes } from '../../../../src/streams.ts'

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}

const pax = (records: readonly (readonly [string, string])[], data = '') =>
  sparseOfPax(new Map(records), records, data.length, new BlockStream(once(Buffer.from(data))))

const PARTS = [
  { offset: 1, length: 2 },
  { offset: 5, length: 3 },
]

test('each pax form says where the data is', async () => {
  const oldest = [
    ['GNU.sparse.size', '9'],
    ['GNU.sparse.offset', '1'],
    ['GNU.sparse.numbytes', '2'],
    ['GNU.sparse.offset', '5'],
    ['GNU.sparse.numbytes', '3'],
  ] as const
  expect(await pax(oldest)).toMatchObject({ size: 9, parts: PARTS })
  const middle = [
    ['GNU.sparse.size', '9'],
    ['GNU.sparse.name', 'a'],
    ['GNU.sparse.map', '1,2,5,3'],
  ] as const
  expect(await pax(middle)).toMatchObject({ name: 'a', size: 9, parts: PARTS })
  const newest = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.name', 'a'],
    ['GNU.sparse.realsize', '9'],
  ] as const
  const data = '2\n1\n2\n5\n3\n'.padEnd(512, '\0')
  expect(await pax(newest, `${data}12345`)).toMatchObject({ name: 'a', size: 9, stored: 5, parts: PARTS })
})

test('a file without such records is none', async () => {
  expect(await pax([['path', 'a']])).toBeUndefined()
})

test.each(['', '3\n1\n'])('a map before the data that does not end is refused: %j', async (data) => {
  const records = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.realsize', '9'],
  ] as const
  await expect(pax(records, data)).rejects.toThrow('a sparse map does not end')
})

test('a map in a header that does not end is refused', async () => {
  const header = new Uint8Array(512)
  header[482] = 1
  await expect(sparseOfHeader(header, 0, new BlockStream(once(new Uint8Array(0))))).rejects.toThrow('does not end')
})
