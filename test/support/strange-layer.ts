import fc from 'fast-check'
import { noise } from './images.ts'

/** A tar entry, byte by byte: headers of any kind, whatever sense they make. */
function strangeEntry(): fc.Arbitrary<Buffer> {
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 100 })
    .map((bytes) => Buffer.from(bytes.map((byte) => byte || 1)))
  const size = fc.oneof(fc.nat(3000), fc.constantFrom(0, 1, 511, 512, 513, 65_535, 65_536, 131_072))
  return fc
    .record({
      name,
      size,
      type: fc.constantFrom(...'01234567SLKxgDMNVAZ\0'),
      magic: fc.constantFrom('ustar\x0000', 'ustar  \0', ''),
      base256: fc.boolean(),
      mtime: fc.oneof(fc.nat(2 ** 31), fc.constant(1_700_000_000)),
      prefix: fc.boolean(),
      sparse: fc.boolean(),
      // What a lying header announces more, or less, than there is.
      lie: fc.oneof(
        { weight: 9, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: -600, max: 2 ** 40 }) },
      ),
      signed: fc.boolean(),
    })
    .map((entry) => Buffer.concat([headerOf(entry), padded(bodyOf(entry.type, entry.size))]))
}

interface Strange {
  readonly name: Buffer
  readonly size: number
  readonly type: string
  readonly magic: string
  readonly base256: boolean
  readonly mtime: number
  readonly prefix: boolean
  readonly sparse: boolean
  readonly lie: number
  readonly signed: boolean
}

function headerOf(entry: Strange): Buffer {
  const block = Buffer.alloc(512)
  entry.name.copy(block)
  const size = Math.max(entry.size + entry.lie, 0)
  if (entry.base256 || size > 0o77777777777) {
    block[124] = 0x80
    block.writeBigUInt64BE(BigInt(size), 128)
  } else block.write(`${size.toString(8).padStart(11, '0')} `, 124)
  block.write(entry.mtime.toString(8).padStart(11, '0'), 136)
  block.write(entry.type, 156)
  block.write(entry.magic, 257, 'latin1')
  if (entry.prefix) block.write('some/prefix', 345)
  if (entry.sparse) block[482] = 1
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + (entry.signed && byte > 127 ? byte - 256 : byte), 0)
  block.write(`${Math.max(sum, 0).toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** Extended headers have records, right or nearly so. */
function bodyOf(type: string, size: number): Buffer {
  if (type !== 'x' && type !== 'g') return noise(size, `${type}${size}`)
  const records = ['20 path=some/where\n', '30 mtime=1700000000.123456789\n', '12 size=77\n', 'x', '999999999 size=9\n']
  return Buffer.from(records.slice(0, (size % records.length) + 1).join('')).subarray(0, Math.max(size, 1))
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

/** A layer of entries that make no sense, of some kinds more often than not, and what may be behind or between them. */
export function strangeLayer(): fc.Arbitrary<Buffer> {
  const between = fc.oneof(
    strangeEntry(),
    strangeEntry(),
    strangeEntry(),
    fc.constant(Buffer.alloc(512)),
    fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes)),
  )
  return fc
    .tuple(
      fc.array(between, { maxLength: 40 }),
      fc.nat(3),
      fc.uint8Array({ maxLength: 2000 }),
      fc.double({ min: 0.2, max: 1, noNaN: true }),
    )
    .map(([parts, zeros, garbage, keep]) => {
      const all = Buffer.concat([...parts, Buffer.alloc(zeros * 1024), garbage])
      // One in some is cut.
      return keep < 0.4 ? all.subarray(0, Math.floor(all.length * keep)) : all
    })
}
