import { expect, test } from 'bun:test'
import { parseCid } from '../../../src/dag/cid.ts'
import { lastingOwnFiles } from '../../../src/registry/own-files.ts'
import { bulk, GOLDEN_ROOTS } from '../../support/images.ts'
import { all } from '../../support/memory/node-registry.ts'

const { signal } = new AbortController()
const MIB = 1024 * 1024
const FILE = { root: parseCid(GOLDEN_ROOTS.tiny), path: ['file'] }
const BYTES = bulk(20 * MIB, 'file')

/** A node with this file, which says how it was asked. */
function node(bytes = BYTES) {
  const asked: string[] = []
  let ways = 0
  const blocks = {
    ownFiles: () => {
      ways += 1
      return {
        async *cat(_: unknown, __: unknown, { offset, length }: { offset: number; length: number }) {
          asked.push(`${offset / MIB}+${length / MIB}`)
          yield bytes.subarray(offset, offset + length)
        },
      }
    },
  }
  return { asked, ways: () => ways, files: lastingOwnFiles(blocks, signal) }
}

test('files of the node are read in pieces, by one way for many', async () => {
  const { files, asked, ways } = node()
  const range = { offset: MIB, length: 18 * MIB }
  expect((await all(files.cat(FILE, signal, range))).equals(BYTES.subarray(MIB, 19 * MIB))).toBe(true)
  expect(asked).toEqual(['1+8', '9+8', '17+2'])
  await all(files.cat(FILE, signal, { offset: 0, length: 1 }))
  expect(ways()).toBe(1)
})

test('a file that is shorter than it should be ends where it ends', async () => {
  const { files, asked } = node(BYTES.subarray(0, 9 * MIB))
  expect((await all(files.cat(FILE, signal, { offset: 0, length: 20 * MIB }))).length).toBe(9 * MIB)
  expect(asked).toEqual(['0+8', '8+8'])
})
