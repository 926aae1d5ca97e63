import { describe, expect, test } from 'bun:test'
import { type Program, throughProgram } from '../../../../src/image/packing/programs.ts'
import { type Bytes, collect } from '../../../../src/streams.ts'
import { noise } from '../../../support/images.ts'

async function* pieces(bytes: Uint8Array, size = 7000): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const content = noise(300_000, 'program')
const packed = (program: Program) => Buffer.from(Bun.spawnSync([program, '-c'], { stdin: content }).stdout)
const read = (program: Program, bytes: Uint8Array) =>
  collect(throughProgram(program, pieces(bytes), 'ARCHIVE_INVALID'), 1e6, 'it')

describe.each(['xz', 'bzip2'] as const)('what %s packed', (program) => {
  test('is unpacked', async () => {
    expect(Buffer.compare(await read(program, packed(program)), content)).toBe(0)
  })

  test('several times over is unpacked', async () => {
    const twice = Buffer.concat([packed(program), packed(program)])
    expect((await read(program, twice)).length).toBe(2 * content.length)
  })

  test('and is damaged is refused in its words', async () => {
    const bytes = packed(program)
    await expect(read(program, bytes.subarray(0, 2000))).rejects.toThrow(program)
    await expect(read(program, Buffer.from(bytes).fill(7, 2000, 3000))).rejects.toThrow(program)
  })

  test('is not read on when nobody wants it', async () => {
    let isOver = false
    async function* endless(): Bytes {
      try {
        for (;;) yield packed(program)
      } finally {
        isOver = true
      }
    }
    for await (const _ of throughProgram(program, endless(), 'INTEGRITY')) break
    while (!isOver) await Bun.sleep(1)
  })
})
