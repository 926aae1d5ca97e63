import { describe, expect, test } from 'bun:test'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { unpackMembers } from '../../../../src/image/packing/gzip-members.ts'
import { type Bytes, collect } from '../../../../src/streams.ts'
import { noise } from '../../../support/images.ts'

async function* pieces(bytes: Uint8Array, size: number): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const unpacked = async (packed: Uint8Array, size = 700) =>
  Buffer.from(await collect(unpackMembers(pieces(packed, size), 4096), 1e7, 'it')).toString('latin1')

const TEXT = noise(9000, 'gzip').toString('latin1')
const MEMBER = gzipSync(Buffer.from(TEXT, 'latin1'))

/** A member with these flags, and the fields that they mean. */
function withFields(flags: number, fields: Buffer, isChecked = false): Buffer {
  const head = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255]), fields])
  const check = Buffer.alloc(isChecked ? 2 : 0)
  if (isChecked) check.writeUInt16LE(crc32(head) & 0xffff)
  return Buffer.concat([head, check, deflateRawSync(Buffer.from(TEXT, 'latin1')), MEMBER.subarray(-8)])
}

test('members behind each other are one content, in pieces of any size', async () => {
  const member = fc.uint8Array({ maxLength: 3000 })
  const junk = fc.uint8Array({ maxLength: 300 }).filter(([first]) => first !== 0x1f)
  await fc.assert(
    fc.asyncProperty(
      fc.array(member, { minLength: 1, maxLength: 5 }),
      junk,
      fc.integer({ min: 1, max: 5000 }),
      async (members, behind, size) => {
        const packed = Buffer.concat([...members.map((bytes) => gzipSync(bytes)), behind])
        expect(await unpacked(packed, size)).toBe(Buffer.concat(members).toString('latin1'))
      },
    ),
    { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 60) },
  )
}, 3_600_000)

describe('a member is read', () => {
  test.each<[string, Buffer]>([
    ['with a name', withFields(8, Buffer.from('images.tar\0'))],
    ['with a comment', withFields(16, Buffer.from('of docker\0'))],
    ['with an extra field', withFields(4, Buffer.from('\x05\0hello'))],
    ['with all of them, and a checksum', withFields(2 | 4 | 8 | 16, Buffer.from('\x01\0xn\0c\0'), true)],
    ['with zeros behind it', Buffer.concat([MEMBER, Buffer.alloc(3000)])],
    ['with something else behind it', Buffer.concat([MEMBER, Buffer.from('trailing')])],
    ['with a lone byte behind it that a member begins with', Buffer.concat([MEMBER, Buffer.from([0x1f])])],
    ['between empty ones', Buffer.concat([gzipSync(''), MEMBER, gzipSync('')])],
  ])('%s', async (_, packed) => {
    for (const size of [1, 10, 997, packed.length]) expect(await unpacked(packed, size)).toBe(TEXT)
  })
})

describe('a member is refused', () => {
  const changed = (at: number, byte: number) => Buffer.from(MEMBER).fill(byte, at, at + 1)
  test.each<[string, Buffer]>([
    ['unexpected end of file', MEMBER.subarray(0, 4)],
    ['unexpected end of file', MEMBER.subarray(0, 500)],
    ['unexpected end of file', MEMBER.subarray(0, -3)],
    ['unexpected end of file', Buffer.concat([MEMBER, MEMBER.subarray(0, 12)])],
    ['incorrect header check', Buffer.from('hello')],
    ['unknown compression method', changed(2, 7)],
    ['unknown header flags set', changed(3, 0x80)],
    ['header crc mismatch', withFields(2, Buffer.from('xx'))],
    ['incorrect data check', changed(MEMBER.length - 8, 1)],
    ['incorrect length check', changed(MEMBER.length - 1, 1)],
    ['a name in its header does not end', withFields(8, Buffer.alloc(70_000, 'n'))],
    ['invalid', Buffer.from(MEMBER).fill(0xff, 10, 40)],
  ])('%s', async (words, packed) => {
    await expect(unpacked(packed)).rejects.toThrow(words)
  })

  test('by whoever gives it, when it breaks off', async () => {
    async function* broken(): Bytes {
      yield MEMBER.subarray(0, 600)
      throw new Error('the pipe broke')
    }
    await expect(collect(unpackMembers(broken(), 4096), 1e7, 'it')).rejects.toThrow('the pipe broke')
  })
})

test('who stops early ends the source', async () => {
  let isOver = false
  async function* endless(): Bytes {
    try {
      for (;;) yield MEMBER
    } finally {
      isOver = true
    }
  }
  for await (const _ of unpackMembers(endless(), 1000)) break
  expect(isOver).toBe(true)
})
